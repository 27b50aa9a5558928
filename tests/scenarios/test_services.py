"""What people ask of scenarios, and what becomes of it."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from controlplane.accounts.models import AuditEntry, User
from controlplane.errors import ActionError, InvalidInputError, NotFoundError
from controlplane.leases import WorkState
from controlplane.scenarios import selectors, tasks
from controlplane.scenarios.documents.services import library_sync, scenario_save
from controlplane.scenarios.generator.reading import find, library
from controlplane.scenarios.models import Scenario, ScenarioRun, ScenarioVersion
from controlplane.scenarios.runs.reconciling import runs_reconcile
from controlplane.scenarios.runs.services import scenario_run_start, scenario_run_stop
from tests.scenarios.documents import DOCUMENT
from tests.scenarios.made import digest_of
from tests.scenarios.requests import Requests

pytestmark = pytest.mark.django_db


def _start(actor: User, **more: Any) -> ScenarioRun:
    return scenario_run_start(actor=actor, **{"slug": "first-light", "request_id": uuid.uuid4(), **more})


def test_the_library_is_there_from_the_start_and_once() -> None:
    slugs = {slug for slug, _ in library()}
    assert set(Scenario.objects.filter(builtin=True).values_list("slug", flat=True)) == slugs
    assert library_sync() == 0
    assert ScenarioVersion.objects.count() == len(slugs)


def test_a_changed_library_document_is_a_new_version() -> None:
    version = selectors.newest_version("first-light")
    ScenarioVersion.objects.filter(pk=version.pk).update(digest="of an earlier release")
    assert library_sync() == 1
    assert selectors.newest_version("first-light").number == 2
    assert library_sync() == 0


def test_a_version_makes_the_bytes_of_the_file_that_it_came_from() -> None:
    kept = selectors.newest_version("flash-sale").content
    written = find("flash-sale")
    assert list(kept.population.devices) != list(written.population.devices), "the database keeps another order"
    limited = {"max_events": 5000}
    assert digest_of(kept.model_copy(update=limited)) == digest_of(written.model_copy(update=limited))


def test_a_version_is_never_changed() -> None:
    version = selectors.newest_version("first-light")
    version.document = {}
    with pytest.raises(TypeError, match="immutable"):
        version.save()


def test_a_run_is_asked_for_once_however_often_the_request_comes(
    operator_user: User, requests: Requests, django_capture_on_commit_callbacks: Any
) -> None:
    request_id = uuid.uuid4()
    with django_capture_on_commit_callbacks(execute=True):
        first = _start(operator_user, request_id=request_id, seed=5)
        second = _start(operator_user, request_id=request_id, seed=5)
    assert first == second
    assert first.pk == request_id
    assert (first.state, first.seed, first.total, first.requested_by) == (WorkState.WAITING, 5, 60_000, operator_user)
    assert requests.runs == [str(request_id)]
    entries = AuditEntry.objects.filter(action="scenario.run").order_by("at")
    assert [entry.detail["repeated"] for entry in entries] == [False, True]
    assert {entry.outcome for entry in entries} == {AuditEntry.Outcome.SUCCEEDED}


def test_the_seed_is_the_documents_own_unless_given(operator_user: User) -> None:
    assert _start(operator_user).seed == selectors.newest_version("first-light").content.seed
    assert _start(operator_user, seed=0).seed == 0


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"slug": "none"}, NotFoundError),
        ({"version": 99}, NotFoundError),
        ({"seed": -1}, InvalidInputError),
        ({"seed": 2**63}, InvalidInputError),
    ],
)
def test_what_can_not_run_is_refused(operator_user: User, wrong: dict[str, Any], error: type[ActionError]) -> None:
    with pytest.raises(error):
        _start(operator_user, **wrong)
    assert not ScenarioRun.objects.exists()
    assert AuditEntry.objects.get(action="scenario.run").outcome == AuditEntry.Outcome.REFUSED


def test_a_viewer_may_not(viewer_user: User, operator_user: User) -> None:
    with pytest.raises(PermissionDenied):
        _start(viewer_user)
    run = _start(operator_user)
    with pytest.raises(PermissionDenied):
        scenario_run_stop(actor=viewer_user, run_id=run.pk)
    with pytest.raises(PermissionDenied):
        scenario_save(actor=viewer_user, text=DOCUMENT)
    assert AuditEntry.objects.filter(actor=viewer_user, outcome=AuditEntry.Outcome.REFUSED).count() == 3


def test_a_run_that_has_not_begun_stops_at_once(operator_user: User) -> None:
    run = scenario_run_stop(actor=operator_user, run_id=_start(operator_user).pk)
    assert (run.state, run.stop_requested_by) == (WorkState.STOPPED, "operator")
    assert run.finished_at is not None
    assert scenario_run_stop(actor=operator_user, run_id=run.pk).finished_at == run.finished_at


def test_a_run_that_sends_is_only_asked_to_stop(operator_user: User) -> None:
    run = _start(operator_user)
    ScenarioRun.objects.filter(pk=run.pk).update(state=WorkState.RUNNING, started_at=timezone.now())
    stopping = scenario_run_stop(actor=operator_user, run_id=run.pk)
    assert stopping.state == WorkState.RUNNING
    assert stopping.stop_requested_at is not None


def test_a_scenario_of_ones_own_gets_versions(operator_user: User) -> None:
    first = scenario_save(actor=operator_user, text=DOCUMENT)
    again = scenario_save(actor=operator_user, text=DOCUMENT, slug="my-own")
    changed = scenario_save(actor=operator_user, text=DOCUMENT.replace("50", "60"), slug="my-own")
    assert (first.number, again, changed.number) == (1, first, 2)
    assert first.scenario.created_by == operator_user
    assert changed.content.traffic.stages[0].events_per_second == 60


@pytest.mark.parametrize(
    ("text", "slug", "says"),
    [
        (DOCUMENT.replace("50", "-50"), None, "events_per_second"),
        (DOCUMENT.replace("My own", "First light"), None, "First light already exists"),
        (DOCUMENT.replace("My own", "Runs"), None, "reserved for another page"),
        (DOCUMENT.replace("My own", "«»"), None, "no letter and no digit"),
        (DOCUMENT, "first-light", "built-in"),
        (DOCUMENT, "none", "Scenario none does not exist"),
    ],
)
def test_what_can_not_be_kept_is_refused_and_nothing_is_kept(
    operator_user: User, text: str, slug: str | None, says: str
) -> None:
    before = ScenarioVersion.objects.count()
    with pytest.raises(ActionError, match=says):
        scenario_save(actor=operator_user, text=text, slug=slug)
    assert ScenarioVersion.objects.count() == before
    assert AuditEntry.objects.get(action="scenario.save").outcome == AuditEntry.Outcome.REFUSED


@pytest.mark.parametrize(
    ("state", "heartbeat", "sent", "asked"),
    [
        (WorkState.WAITING, None, 30, True),
        (WorkState.WAITING, None, 3, False),
        (WorkState.RUNNING, 20, 60, True),
        (WorkState.RUNNING, 20, 3, False),
        (WorkState.RUNNING, 5, 60, False),
        (WorkState.SUCCEEDED, 600, 600, False),
        (WorkState.STOPPED, 600, 600, False),
        (WorkState.FAILED, 600, 600, False),
    ],
)
def test_runs_that_nobody_works_on_are_asked_for_again(
    operator_user: User,
    requests: Requests,
    django_capture_on_commit_callbacks: Any,
    state: WorkState,
    heartbeat: int | None,
    sent: int,
    asked: bool,
) -> None:
    run, now = _start(operator_user), timezone.now()
    ScenarioRun.objects.filter(pk=run.pk).update(
        state=state,
        sent_at=now - timedelta(seconds=sent),
        heartbeat_at=None if heartbeat is None else now - timedelta(seconds=heartbeat),
    )
    with django_capture_on_commit_callbacks(execute=True):
        runs_reconcile(tasks.generate)
        runs_reconcile(tasks.generate)
    assert requests.runs == ([str(run.pk)] if asked else [])


def test_the_ledger_is_told_the_truth_of_what_has_begun(operator_user: User) -> None:
    _start(operator_user)
    run = _start(operator_user)
    ScenarioRun.objects.filter(pk=run.pk).update(
        state=WorkState.SUCCEEDED,
        started_at=timezone.now(),
        generated=10,
        acknowledged=9,
        failed=1,
        truth={"faults": {"truncated": 2}, "expected_reasons": {"malformed_json": 2}, "duplicates": 1},
    )
    (truth,) = selectors.run_truths()
    assert (truth.run_id, truth.name, truth.in_progress) == (str(run.pk), "First light", False)
    assert (truth.generated, truth.acknowledged, truth.failed) == (10, 9, 1)
    assert (truth.injected, truth.duplicates) == ({"malformed_json": 2}, 1)
