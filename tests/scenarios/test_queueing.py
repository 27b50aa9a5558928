"""Runs beyond the generator's places: who goes on, who waits in which place, and that the line is kept."""

import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from compose.local.credentials import environment, load_secrets
from compose.local.errors import InstallationError
from compose.local.parts import controlplane
from compose.local.settings import load
from controlplane.accounts.models import User
from controlplane.leases import WorkState
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.runs.queue import execute_in_turn, first_in_line, line_now
from controlplane.scenarios.runs.services import scenario_run_start, scenario_run_stop
from tests.labels import Run
from tests.pages import Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def runs(operator_user: User) -> list[ScenarioRun]:
    """Two runs that go on and three that wait, as they were asked for."""
    made = [scenario_run_start(actor=operator_user, slug="first-light", request_id=uuid.uuid4()) for _ in range(5)]
    now = timezone.now()
    for number, run in enumerate(made):
        ScenarioRun.objects.filter(pk=run.pk).update(requested_at=now - timedelta(seconds=9 - number))
    for run in made[:2]:
        _goes_on(run)
    return made


def _goes_on(run: ScenarioRun) -> None:
    now = timezone.now()
    ScenarioRun.objects.filter(pk=run.pk).update(
        state=WorkState.RUNNING, started_at=now, heartbeat_at=now, attempts=1, holder=uuid.uuid4()
    )


def _ends(run: ScenarioRun) -> None:
    ScenarioRun.objects.filter(pk=run.pk).update(state=WorkState.SUCCEEDED, finished_at=timezone.now())


def test_those_that_wait_have_places_until_one_is_free(runs: list[ScenarioRun]) -> None:
    line = line_now()
    assert (line.limit, line.going, line.waiting) == (2, runs[:2], 3)
    assert line.places == {runs[2].pk: 1, runs[3].pk: 2, runs[4].pk: 3}
    _ends(runs[0])
    assert line_now().places == {}
    _goes_on(runs[2])
    assert line_now().places == {runs[3].pk: 1, runs[4].pk: 2}


def test_whoever_gives_up_leaves_the_line(runs: list[ScenarioRun], operator_user: User) -> None:
    scenario_run_stop(actor=operator_user, run_id=runs[2].pk)
    assert line_now().places == {runs[3].pk: 1, runs[4].pk: 2}


def test_the_limit_is_the_setting(runs: list[ScenarioRun], settings: Settings) -> None:
    settings.RUNS_AT_ONCE = 3
    line = line_now()
    assert (line.limit, line.places) == (3, {})


def test_a_free_worker_takes_the_one_that_has_waited_longest(runs: list[ScenarioRun]) -> None:
    _, _, first, second, third = runs
    assert first_in_line(third.pk) == first.pk
    assert first_in_line(first.pk) == first.pk
    # What was begun before, and what waits for Kafka, is no longer in the line.
    ScenarioRun.objects.filter(pk=first.pk).update(attempts=1)
    assert first_in_line(first.pk) == first.pk
    assert first_in_line(third.pk) == second.pk
    _ends(second)
    assert first_in_line(second.pk) == second.pk
    assert first_in_line(uuid.UUID(int=0)) == uuid.UUID(int=0)


def test_a_worker_whose_turn_was_taken_by_another_does_what_it_was_asked_for(runs: list[ScenarioRun]) -> None:
    tried: list[uuid.UUID] = []

    def execute(run_id: uuid.UUID) -> bool:
        tried.append(run_id)
        return run_id != runs[2].pk

    execute_in_turn(runs[4].pk, execute)
    assert tried == [runs[2].pk, runs[4].pk]
    tried.clear()
    execute_in_turn(runs[2].pk, execute)
    assert tried == [runs[2].pk]


def test_the_page_of_a_run_and_the_lists_say_who_is_in_the_way(runs: list[ScenarioRun], viewer: Visitor) -> None:
    going = [f"/scenarios/runs/{run.pk}/" for run in runs[:2]]
    second = viewer.page(f"/scenarios/runs/{runs[3].pk}/").part("in-line")
    assert "2 of 2" in second
    assert Run.place(2) in second
    assert list(second.links.values()) == going
    assert Run.NEXT in viewer.page(f"/scenarios/runs/{runs[2].pk}/").part("in-line")
    for other in runs[:2]:
        assert not viewer.page(f"/scenarios/runs/{other.pk}/").has("in-line")
    for address, title in (("/scenarios/", Run.RECENT), ("/scenarios/runs/", ""), ("/scenarios/first-light/", Run.ALL)):
        page = viewer.page(address)
        assert page.part("line").text.startswith("3 "), address
        assert list(page.part("line").links.values()) == going, address
        rows = page.table(title).rows[::-1]
        assert [row.part.state for row in rows] == ["running"] * 2 + ["waiting"] * 3, address
        for row, place in zip(rows[2:], (Run.NEXT, Run.place(2), Run.place(3)), strict=True):
            assert place in row[Run.STATE], address
    _ends(runs[0])
    assert not viewer.page(f"/scenarios/runs/{runs[3].pk}/").has("in-line")
    assert not viewer.page("/scenarios/runs/").has("line")


def test_a_run_that_no_worker_takes_says_so_after_a_while(operator_user: User, operator: Visitor) -> None:
    run = scenario_run_start(actor=operator_user, slug="first-light", request_id=uuid.uuid4())
    address = f"/scenarios/runs/{run.pk}/"
    assert not operator.page(address).has("not-taken")
    ScenarioRun.objects.filter(pk=run.pk).update(requested_at=timezone.now() - timedelta(seconds=11))
    assert operator.page(address).has("not-taken")
    ScenarioRun.objects.filter(pk=run.pk).update(message="Waiting for Kafka. It is down.")
    assert not operator.page(address).has("not-taken")


def test_the_api_says_the_place(runs: list[ScenarioRun], operator: Visitor) -> None:
    listed = {row["id"]: row["place_in_line"] for row in operator.get("/api/v1/scenario-runs").json()["items"]}
    assert [listed[str(run.pk)] for run in runs] == [None, None, 1, 2, 3]
    assert operator.get(f"/api/v1/scenario-runs/{runs[3].pk}").json()["place_in_line"] == 2


def test_the_worker_has_as_many_places_as_the_pages_say(tmp_path: Path) -> None:
    for given, places in (({}, "2"), ({"RUNS_AT_ONCE": "5"}, "5")):
        installed = load({"LAKEHOUSE_DATA": str(tmp_path), **given})
        variables = environment(installed, load_secrets(installed.data))
        command = next(part.command for part in controlplane.parts(installed, variables) if part.name == "generator")
        assert command[command.index("-c") + 1] == variables["RUNS_AT_ONCE"] == places


@pytest.mark.parametrize("wrong", ["0", "-1", "many"])
def test_an_installation_without_places_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(InstallationError, match="RUNS_AT_ONCE"):
        load({"LAKEHOUSE_DATA": str(tmp_path), "RUNS_AT_ONCE": wrong})
