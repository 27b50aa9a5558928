"""The first tour of the running installation, and what its processes hold while it goes on."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.payloads import secret_places
from tests.payloads.needs import A_JOB
from tests.stack import ROOT, Stack
from tests.system.api import ControlPlane
from tests.waiting import wait_for

Places = dict[str, list[tuple[str, str]]]


@dataclass(frozen=True)
class Tour:
    """What the tour printed, and the texts that were readable while its scenario run and a job of its DAG run ran."""

    said: str
    at_work: Places


def at_work(stack: Stack) -> Places:
    """The places whose content changes while work goes on."""
    return {
        "command lines": list(secret_places.command_lines(stack)),
        "environments": list(secret_places.environments(stack)),
        "Redis": list(secret_places.redis_values(stack)),
    }


def _looks(stack: Stack, api: ControlPlane, tour: "subprocess.Popen[str]") -> Iterator[Places]:
    """Wait for a running scenario run, then for a job of Airflow, and read the places each time."""

    def scenario_runs() -> bool:
        return any(run["state"] == "running" for run in api.get("/scenario-runs")["items"])

    def a_job_runs() -> bool:
        return A_JOB in {part for part, _ in secret_places.environments(stack)}

    for running in (scenario_runs, a_job_runs):

        def look(running: Callable[[], bool] = running) -> bool:
            return tour.poll() is not None or running()

        wait_for(look, "the tour goes on", within=300)
        if tour.poll() is None:
            yield at_work(stack)


@pytest.fixture(scope="session")
def first_tour(stack: Stack, control_plane: ControlPlane) -> Tour:
    """The first tour: after it the stream runs and every table has rows."""
    command = [sys.executable, "manage.py", "tour"]
    with subprocess.Popen(
        command, cwd=ROOT, env=stack.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as tour:
        try:
            looks = list(_looks(stack, control_plane, tour))
            said, _ = tour.communicate(timeout=1000)
        except BaseException:
            tour.kill()
            raise
    assert tour.returncode == 0, f"The tour does not hold:\n{said}"
    return Tour(said, {place: [text for look in looks for text in look[place]] for place in at_work(stack)})


@pytest.fixture(scope="session")
def toured(first_tour: Tour) -> str:
    """What the first tour printed."""
    return first_tour.said
