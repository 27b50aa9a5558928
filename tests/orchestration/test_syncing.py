"""The rows of DAG runs follow Airflow, and wait for it where it is away."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.roles import Role
from controlplane.errors import ActionError, InvalidInputError
from controlplane.orchestration.adapters.null import NullWorkflowEngine
from controlplane.orchestration.models import AirflowSyncStatus, DagRun
from controlplane.orchestration.ports import WorkflowRun
from controlplane.orchestration.selectors import airflow_problem
from controlplane.orchestration.services import dag_run_trigger
from controlplane.orchestration.syncing import due, sync
from tests.labels import Runs
from tests.orchestration.passes import later
from tests.people import person

pytestmark = pytest.mark.django_db


def asked(**wanted: Any) -> DagRun:
    return dag_run_trigger(actor=person(Role.OPERATOR), **wanted)


def test_a_run_is_a_row_at_once_with_an_id_made_from_the_request() -> None:
    request = uuid.uuid4()
    run = asked(request_id=request)
    assert (run.run_id, run.state, run.sent_at) == (f"manual__{request}", "waiting", None)
    assert run.requested_by == "operator"


def test_the_same_request_is_the_same_run(operator_user: User) -> None:
    request = uuid.uuid4()
    first = dag_run_trigger(actor=operator_user, request_id=request)
    second = dag_run_trigger(actor=operator_user, request_id=request)
    assert first.pk == second.pk
    assert AuditEntry.objects.count() == 2


def test_the_same_request_for_something_else_is_refused(operator_user: User) -> None:
    request = uuid.uuid4()
    dag_run_trigger(actor=operator_user, request_id=request)
    with pytest.raises(ActionError, match="another configuration"):
        dag_run_trigger(actor=operator_user, request_id=request, conf={"full": True})


def test_a_viewer_may_not(viewer_user: User) -> None:
    with pytest.raises(PermissionDenied):
        dag_run_trigger(actor=viewer_user)
    assert not DagRun.objects.exists()


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 251])
def test_no_name_of_a_dag(name: str) -> None:
    with pytest.raises(InvalidInputError, match="dag_id"):
        asked(dag_id=name)


def test_it_is_sent_followed_and_finished(engine: NullWorkflowEngine) -> None:
    run = asked()
    sync(engine)
    run.refresh_from_db()
    assert run.state == "waiting"
    assert run.sent_at is not None
    assert [task["task_id"] for task in run.tasks] == ["first"]
    engine.finish(run.run_id)
    sync(engine)
    run.refresh_from_db()
    assert (run.state, run.message) == ("succeeded", "")
    assert run.finished_at is not None
    assert run.tasks[0]["state"] == "success"


def test_a_run_behind_another_says_whom_it_waits_for(engine: NullWorkflowEngine) -> None:
    engine.add(WorkflowRun("medallion", "manual__before", "running"))
    run = asked()
    sync(engine)
    sync(engine)
    run.refresh_from_db()
    assert run.message == Runs.WAITS_FOR.format("manual__before")


def test_while_airflow_is_away_the_run_waits_and_says_so(engine: NullWorkflowEngine) -> None:
    engine.reachable = False
    run = asked()
    sync(engine)
    run.refresh_from_db()
    assert (run.state, run.sent_at) == ("waiting", None)
    assert Runs.AIRFLOW_AWAY in run.message
    problem = airflow_problem()
    assert problem is not None
    assert "set to be unreachable" in problem.problem
    engine.reachable = True
    sync(engine)
    run.refresh_from_db()
    assert run.sent_at is not None
    assert airflow_problem() is None


def test_a_trigger_whose_answer_was_lost_is_the_same_run(engine: NullWorkflowEngine) -> None:
    run = asked()
    engine.trigger(run.dag_id, run.run_id, {})
    sync(engine)
    run.refresh_from_db()
    assert run.sent_at is not None
    assert len(engine.runs().runs) == 1


def test_an_id_that_airflow_has_for_another_run_fails_this_one(engine: NullWorkflowEngine) -> None:
    run = asked()
    engine.trigger(run.dag_id, run.run_id, {"other": 1})
    sync(engine)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "another configuration" in run.message


def test_a_dag_that_is_not_there_yet_is_waited_for_and_then_given_up(engine: NullWorkflowEngine) -> None:
    run = asked(dag_id="unheard-of")
    sync(engine)
    run.refresh_from_db()
    assert (run.state, run.message) == ("waiting", Runs.UNKNOWN_DAG.format("unheard-of"))
    DagRun.objects.update(requested_at=timezone.now() - timedelta(minutes=3))
    sync(engine)
    run.refresh_from_db()
    assert run.state == "failed"


def test_one_run_that_fails_does_not_keep_the_next(engine: NullWorkflowEngine, operator_user: User) -> None:
    bad = dag_run_trigger(actor=operator_user, dag_id="unheard-of")
    good = dag_run_trigger(actor=operator_user)
    sync(engine)
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.sent_at, good.sent_at is not None) == (None, True)


def test_a_run_that_airflow_lost_is_told(engine: NullWorkflowEngine) -> None:
    run = asked()
    sync(engine)
    engine.forget(run.run_id)
    later(engine)
    run.refresh_from_db()
    assert (run.state, run.message) == ("failed", Runs.DELETED_UNFINISHED)
    assert run.gone_at is not None


def test_runs_that_were_started_in_airflow_are_found(engine: NullWorkflowEngine) -> None:
    at = datetime(2026, 11, 23, 17, tzinfo=UTC)
    engine.add(WorkflowRun("medallion", "scheduled__x", "running", {}, "ann", "scheduled", at, at))
    sync(engine)
    run = DagRun.objects.get()
    assert (run.run_id, run.state, run.kind, run.requested_by, run.requested_at) == (
        "scheduled__x",
        "running",
        "scheduled",
        "ann",
        at,
    )
    assert run.tasks


def test_a_finished_run_that_is_cleared_in_airflow_runs_again(engine: NullWorkflowEngine) -> None:
    run = asked()
    sync(engine)
    engine.finish(run.run_id, "failed")
    sync(engine)
    engine.add(WorkflowRun("medallion", run.run_id, "running"))
    sync(engine)
    run.refresh_from_db()
    assert run.state == "running"


def test_it_looks_all_the_time_while_something_runs_and_seldom_otherwise(engine: NullWorkflowEngine) -> None:
    assert due()
    sync(engine)
    assert not due()
    run = asked()
    assert due()
    sync(engine)
    engine.finish(run.run_id)
    sync(engine)
    assert not due()
    AirflowSyncStatus.objects.update(looked_at=timezone.now() - timedelta(seconds=16))
    assert due()
