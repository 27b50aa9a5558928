"""Each process of the installation is killed by id: it comes back, the pages say what is down, nothing is lost.

Run by `make test-faults`; apart from `make test`, which kills one program only (`test_installation.py`).
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable

import httpx
import psutil
import pytest

from tests.pages import Page
from tests.stack import STORAGE, Stack
from tests.system.api import ControlPlane
from tests.waiting import wait_for

pytestmark = pytest.mark.stack

# What pytest's `record_property` is; `tests/conftest.py` prints every "fault" at the end of a run.
Record = Callable[[str, object], None]

# The part as the pages name it, for each supervised program; None where the pages themselves are what is gone.
SHOWN_AS = {
    "postgres": None,
    "redis": "redis",
    "kafka": "kafka",
    "spark": "spark",
    "airflow-api-server": "airflow",
    "airflow-scheduler": "airflow",
    "airflow-dag-processor": "airflow",
    "web": None,
    "worker": "worker",
    "generator": "generator",
    "beat": "beat",
    "bi": "bi",
    **({"minio": "storage"} if STORAGE == "minio" else {}),
}

PAGES = (
    *("/", "/scenarios/", "/scenarios/runs/", "/stream/", "/runs/", "/quality/", "/lakehouse/"),
    *("/lakehouse/silver/events/", "/ledger/", "/bi/", "/activity/", "/people/", "/settings/"),
)


def test_every_program_of_the_installation_is_meant(stack: Stack) -> None:
    assert set(SHOWN_AS) == set(stack.pids())


@pytest.mark.parametrize("program", SHOWN_AS)
def test_a_killed_program_comes_back(
    stack: Stack, toured: str, control_plane: ControlPlane, record_property: Record, program: str
) -> None:
    killed = stack.pids()[program]
    os.kill(killed, signal.SIGKILL)
    record_property("fault", f"{program} killed")
    stack.wait_running(program, other_than=killed, within=60)
    control_plane.wait_all_up(within=120)


@pytest.mark.parametrize("program", [name for name, shown in SHOWN_AS.items() if shown])
def test_while_a_program_is_down_the_pages_say_so_at_once(
    stack: Stack,
    toured: str,
    control_plane: ControlPlane,
    pages: httpx.Client,
    record_property: Record,
    program: str,
) -> None:
    part = SHOWN_AS[program]
    stack.supervisor.stop_program(program)
    record_property("fault", f"{program} held down")
    try:
        wait_for(lambda: control_plane.part(part)["state"] in ("down", "degraded"), f"{part} is called down", within=60)
        for address in ("/health", "/stream", "/dag-runs", "/scenario-runs", "/validations", "/tables"):
            assert _at_once(control_plane.http, address).json()
        for address in PAGES:
            assert "</html>" in _at_once(pages, address).text
        assert Page(pages.get("/").text).part(f"part-{part}").state in ("down", "degraded")
    finally:
        stack.supervisor.start_program(program)
    control_plane.wait_all_up(within=120)


def _at_once(client: httpx.Client, address: str) -> httpx.Response:
    """The answer, with its status and how soon it came held to; of two, as something else may keep the machine busy."""
    took = []
    for _ in range(2):
        began = time.monotonic()
        answer = client.get(address)
        took.append(time.monotonic() - began)
        assert answer.status_code == 200, f"{address}: {answer.status_code} {answer.text[:300]}"
    assert min(took) < 2, f"{address} took {min(took):.1f} s"
    return answer


def test_without_its_database_the_pages_say_which_part_is_down(
    stack: Stack, control_plane: ControlPlane, record_property: Record
) -> None:
    stack.supervisor.stop_program("postgres")
    record_property("fault", "postgres held down")
    try:
        answer = wait_for(
            lambda: (
                (found := httpx.get(stack.credentials["url"] + "/", timeout=10, trust_env=False)).status_code == 503
                and found
            ),
            "the application says that its database is away",
            within=30,
        )
        assert "PostgreSQL" in answer.text
        began = time.monotonic()
        assert control_plane.http.get("/health").status_code == 503
        assert time.monotonic() - began < 5
    finally:
        stack.supervisor.start_program("postgres")
    control_plane.wait_all_up(within=120)


def test_children_of_the_programs_come_back_too(
    stack: Stack, toured: str, control_plane: ControlPlane, record_property: Record
) -> None:
    programs = set(stack.pids().values())
    children = [process for process in stack.processes() if process.pid not in programs and process.ppid() in programs]
    assert children
    for child in children:
        # Some of them end by themselves in the same moment, PostgreSQL's for one.
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
            record_property("fault", "a program's child killed")
    control_plane.wait_all_up(within=150)


def test_a_second_tour_passes_and_the_ledger_still_balances(stack: Stack, toured: str) -> None:
    again = stack.command("manage.py", "tour", timeout=1000)
    assert again.returncode == 0, again.stdout + again.stderr
