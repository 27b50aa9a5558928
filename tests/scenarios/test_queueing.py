"""Runs beyond the generator's places: who goes on, who waits in which place, and that the line is kept."""

import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from compose.local.credentials import environment, load_secrets
from compose.local.errors import InstallationError
from compose.local.parts import controlplane
from compose.local.settings import load
from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.scenarios import tasks
from controlplane.scenarios.models import RunState, ScenarioRun
from controlplane.scenarios.runs.queue import first_in_line, line_now
from controlplane.scenarios.runs.services import scenario_run_start, scenario_run_stop
from tests.scenarios.test_services import Requests

pytestmark = pytest.mark.django_db
WAITS = "Waiting for a free place"


@pytest.fixture(autouse=True)
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    found = Requests()
    monkeypatch.setattr("controlplane.scenarios.tasks.generate", found)
    return found


@pytest.fixture
def operator() -> User:
    return User.objects.create_user("olga", role=Role.OPERATOR)


@pytest.fixture
def runs(operator: User) -> list[ScenarioRun]:
    """Two runs that go on and three that wait, as they were asked for."""
    made = [scenario_run_start(actor=operator, slug="first-light", request_id=uuid.uuid4()) for _ in range(5)]
    now = timezone.now()
    for number, run in enumerate(made):
        ScenarioRun.objects.filter(pk=run.pk).update(requested_at=now - timedelta(seconds=9 - number))
    for run in made[:2]:
        _goes_on(run)
    return made


def _goes_on(run: ScenarioRun) -> None:
    now = timezone.now()
    ScenarioRun.objects.filter(pk=run.pk).update(
        state=RunState.RUNNING, started_at=now, heartbeat_at=now, attempts=1, holder=uuid.uuid4()
    )


def _ends(run: ScenarioRun) -> None:
    ScenarioRun.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED, finished_at=timezone.now())


def test_those_that_wait_have_places_until_one_is_free(runs: list[ScenarioRun]) -> None:
    line = line_now()
    assert (line.limit, line.going, line.waiting) == (2, runs[:2], 3)
    assert line.places == {runs[2].pk: 1, runs[3].pk: 2, runs[4].pk: 3}
    _ends(runs[0])
    assert line_now().places == {}
    _goes_on(runs[2])
    assert line_now().places == {runs[3].pk: 1, runs[4].pk: 2}


def test_whoever_gives_up_leaves_the_line(runs: list[ScenarioRun], operator: User) -> None:
    scenario_run_stop(actor=operator, run_id=runs[2].pk)
    assert line_now().places == {runs[3].pk: 1, runs[4].pk: 2}


def test_the_limit_is_the_setting(runs: list[ScenarioRun], settings: Settings) -> None:
    settings.RUNS_AT_ONCE = 3
    line = line_now()
    assert (line.limit, line.places) == (3, {})


def test_a_free_worker_takes_the_one_that_has_waited_longest(
    runs: list[ScenarioRun], monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_worker_whose_turn_was_taken_by_another_does_what_it_was_asked_for(
    runs: list[ScenarioRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    tried: list[uuid.UUID] = []

    def execute(run_id: uuid.UUID) -> bool:
        tried.append(run_id)
        return run_id != runs[2].pk

    monkeypatch.setattr(tasks, "run_execute", execute)
    tasks.generate(str(runs[4].pk))
    assert tried == [runs[2].pk, runs[4].pk]
    tried.clear()
    tasks.generate(str(runs[2].pk))
    assert tried == [runs[2].pk]


def test_the_page_of_a_run_and_the_lists_say_who_is_in_the_way(runs: list[ScenarioRun], client: Client) -> None:
    client.force_login(User.objects.create_user("vera", role=Role.VIEWER))
    page = client.get(f"/scenarios/runs/{runs[3].pk}/").content.decode()
    for shown in (
        WAITS,
        '<span class="number">2 of 2</span> runs are going on',
        'number <span class="number">2</span>',
    ):
        assert shown in page, shown
    for other in runs[:2]:
        assert f'id="going-{other.pk}"' in page
    assert "This run is the next one" in client.get(f"/scenarios/runs/{runs[2].pk}/").content.decode()
    for other in runs[:2]:
        assert WAITS not in client.get(f"/scenarios/runs/{other.pk}/").content.decode()
    for address in ("/scenarios/", "/scenarios/runs/", "/scenarios/first-light/"):
        text = client.get(address).content.decode()
        assert "3 runs wait for a free place" in text, address
        assert "next in line" in text, address
    _ends(runs[0])
    assert WAITS not in client.get(f"/scenarios/runs/{runs[3].pk}/").content.decode()
    assert "for a free place" not in client.get("/scenarios/runs/").content.decode()


def test_a_run_that_no_worker_takes_says_so_after_a_while(operator: User, client: Client) -> None:
    run = scenario_run_start(actor=operator, slug="first-light", request_id=uuid.uuid4())
    client.force_login(operator)
    address = f"/scenarios/runs/{run.pk}/"
    assert "No worker of the generator" not in client.get(address).content.decode()
    ScenarioRun.objects.filter(pk=run.pk).update(requested_at=timezone.now() - timedelta(seconds=11))
    assert "No worker of the generator" in client.get(address).content.decode()
    ScenarioRun.objects.filter(pk=run.pk).update(message="Waits for Kafka. It is down.")
    assert "No worker of the generator" not in client.get(address).content.decode()


def test_the_api_says_the_place(runs: list[ScenarioRun], operator: User, client: Client) -> None:
    client.force_login(operator)
    listed = {row["id"]: row["place_in_line"] for row in client.get("/api/v1/scenario-runs").json()["items"]}
    assert [listed[str(run.pk)] for run in runs] == [None, None, 1, 2, 3]
    assert client.get(f"/api/v1/scenario-runs/{runs[3].pk}").json()["place_in_line"] == 2


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
