"""One suite over the null workflow engine and the one on Airflow."""

import base64
import json
import socket
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from controlplane.orchestration.adapters.null import NullWorkflowEngine
from controlplane.orchestration.ports import (
    RunConflictError,
    WorkflowEngine,
    WorkflowError,
    WorkflowMissingError,
    WorkflowRun,
    WorkflowUnreachableError,
)
from tests.stack import Stack
from tests.waiting import done_within, wait_for


def airflow(connections: dict[str, Any], **instead: str) -> Any:
    from controlplane.orchestration.adapters.airflow import AirflowWorkflowEngine

    told = {"url": connections["airflow"], "username": connections["airflow_username"]}
    return AirflowWorkflowEngine(**{**told, "password": connections["airflow_password"], **instead})


def every(engine: WorkflowEngine, since: datetime | None = None) -> list[WorkflowRun]:
    """All runs, part by part."""
    found: list[WorkflowRun] = []
    cursor = ""
    while True:
        page = engine.runs(since=since, cursor=cursor)
        found += page.runs
        cursor = page.next
        if not cursor:
            return found


@pytest.fixture(params=["null", pytest.param("airflow", marks=pytest.mark.stack)], scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[WorkflowEngine]:
    if request.param == "null":
        yield NullWorkflowEngine()
        return
    stack: Stack = request.getfixturevalue("stack")
    yield airflow(stack.connections)


@pytest.fixture(scope="module")
def run(engine: WorkflowEngine) -> WorkflowRun:
    """A run of the DAG that there is, triggered once for this suite: on Airflow it does real work."""
    return engine.trigger("medallion", f"manual__{uuid.uuid4()}", {"asked": "by a test"})


def test_its_processes_are_alive(engine: WorkflowEngine) -> None:
    health = engine.health()
    assert health.database_healthy
    assert [heartbeat.part for heartbeat in health.heartbeats] == ["scheduler", "dag-processor"]
    assert all(
        heartbeat.at is not None and time.time() - heartbeat.at.timestamp() < 60 for heartbeat in health.heartbeats
    )


def test_a_run_is_there_from_its_trigger_on(engine: WorkflowEngine, run: WorkflowRun) -> None:
    found = engine.run("medallion", run.run_id)
    assert (found.dag_id, found.run_id, found.conf, found.kind) == (
        "medallion",
        run.run_id,
        {"asked": "by a test"},
        "manual",
    )
    assert run.run_id in [one.run_id for one in every(engine)]


def test_triggering_it_again_gives_the_same_run(engine: WorkflowEngine, run: WorkflowRun) -> None:
    assert engine.trigger("medallion", run.run_id, {"asked": "by a test"}).queued_at == run.queued_at


def test_its_id_with_another_configuration_is_a_conflict(engine: WorkflowEngine, run: WorkflowRun) -> None:
    with pytest.raises(RunConflictError):
        engine.trigger("medallion", run.run_id, {"asked": "by somebody else"})


def test_a_changed_run_is_among_the_changes_by_the_engines_own_clock(engine: WorkflowEngine, run: WorkflowRun) -> None:
    at = engine.runs().at
    since = at - timedelta(hours=1)
    assert run.run_id in [one.run_id for one in every(engine, since)]
    assert every(engine, at + timedelta(days=1)) == []


def test_nothing_is_paused_after_a_trigger(engine: WorkflowEngine, run: WorkflowRun) -> None:
    assert "medallion" not in engine.paused()


def test_its_tasks_come_in_the_order_in_which_they_wait(engine: WorkflowEngine, run: WorkflowRun) -> None:
    tasks = [task.task_id for task in wait_for(lambda: engine.tasks("medallion", run.run_id), "tasks", within=30)]
    if isinstance(engine, NullWorkflowEngine):
        assert tasks == ["first"]
    else:
        assert tasks[:2] == ["silver_events", "silver_events_gate"]
        assert tasks[-3:] == ["hourly_sales_gate", "top_products_gate", "user_sessions_gate"]


def test_a_task_writes_a_log(engine: WorkflowEngine, run: WorkflowRun) -> None:
    def lines() -> list[str]:
        return [line.text for line in engine.log("medallion", run.run_id, first, 1)]

    first = engine.tasks("medallion", run.run_id)[0].task_id
    expected = "did nothing" if isinstance(engine, NullWorkflowEngine) else "silver.events"
    wait_for(lambda: any(expected in text for text in lines()), "the task says what it does", within=120)


@pytest.mark.parametrize("ask", ["run", "tasks", "log", "trigger"])
def test_what_it_does_not_know_is_missing(engine: WorkflowEngine, ask: str) -> None:
    nobody = f"manual__{uuid.uuid4()}"
    with pytest.raises(WorkflowMissingError):
        {
            "run": lambda: engine.run("medallion", nobody),
            "tasks": lambda: engine.tasks("medallion", nobody),
            "log": lambda: engine.log("medallion", nobody, "first", 1),
            "trigger": lambda: engine.trigger("unheard-of", nobody, {}),
        }[ask]()


@pytest.mark.stack
@pytest.mark.parametrize("token", ["no token at all", "ended"])
def test_a_token_that_airflow_turns_down_is_renewed(stack: Stack, token: str) -> None:
    engine = airflow(stack.connections)
    engine.runs()
    if token == "ended":
        claims = base64.urlsafe_b64encode(json.dumps({"sub": "svc", "exp": 1}).encode()).decode().rstrip("=")
        token = f"eyJhbGciOiJIUzUxMiJ9.{claims}.c2lnbmF0dXJl"
    engine._token._text = token
    assert engine.runs() is not None
    assert engine._token.get() != token


@pytest.mark.stack
def test_a_wrong_password_is_refused_with_its_reason(stack: Stack) -> None:
    with pytest.raises(WorkflowError, match="rejected the sign-in of nobody"):
        airflow(stack.connections, username="nobody").runs()


def test_an_address_where_nobody_is_is_told_at_once() -> None:
    from controlplane.orchestration.adapters.airflow import TIMEOUT

    engine = airflow({"airflow": "http://127.0.0.1:1", "airflow_username": "a", "airflow_password": "b"})
    with done_within(TIMEOUT[0], "the answer"), pytest.raises(WorkflowUnreachableError):
        engine.health()


def test_a_server_that_takes_the_call_and_says_nothing_costs_its_timeout_and_no_more() -> None:
    from controlplane.orchestration.adapters.airflow import TIMEOUT

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        engine = airflow({"airflow": url, "airflow_username": "a", "airflow_password": "b"})
        with done_within(TIMEOUT[1], "the answer"), pytest.raises(WorkflowUnreachableError):
            engine.health()
