"""The list of Airflow's runs is complete, whatever order and rate they come in; each id reaches its own run."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlplane.accounts.models import AuditEntry, User
from controlplane.orchestration.adapters.null import NullWorkflowEngine
from controlplane.orchestration.models import AirflowSyncStatus, DagRun
from controlplane.orchestration.ports import (
    RunConflictError,
    TaskRun,
    WorkflowError,
    WorkflowMissingError,
    WorkflowRun,
    WorkflowUnreachableError,
)
from controlplane.orchestration.selectors import paused_with_runs
from controlplane.orchestration.services import dag_run_trigger
from controlplane.orchestration.syncing import CHANGE_PAGES, sync
from tests.labels import Runs
from tests.orchestration.passes import later
from tests.pages import Visitor

pytestmark = pytest.mark.django_db


def burst(engine: NullWorkflowEngine, numbers: range, **told: Any) -> set[str]:
    made = {f"burst-{number}" for number in numbers}
    for run_id in sorted(made):
        engine.add(WorkflowRun("medallion", run_id, **{"state": "queued", **told}))
    return made


def known() -> set[str]:
    return set(DagRun.objects.filter(gone_at=None).values_list("run_id", flat=True))


@pytest.mark.parametrize("size", [1, 7, 40, 100])
def test_every_run_of_a_burst_is_found_whatever_a_part_holds(engine: NullWorkflowEngine, size: int) -> None:
    engine.page_size = size
    sync(engine)
    made = burst(engine, range(40))
    for _ in range(1 + 40 // size // CHANGE_PAGES):
        sync(engine)
    assert known() == made


def test_a_run_in_the_past_is_found_behind_newer_ones(engine: NullWorkflowEngine) -> None:
    made = burst(engine, range(150), state="success", queued_at=datetime(2026, 11, 1, tzinfo=UTC))
    sync(engine)
    old = datetime(2001, 1, 1, tzinfo=UTC)
    engine.add(WorkflowRun("medallion", "backfill", "success", queued_at=old, started_at=old, ended_at=old))
    sync(engine)
    assert known() == made | {"backfill"}


def test_a_run_whose_transaction_ended_late_is_found_by_the_round(engine: NullWorkflowEngine) -> None:
    burst(engine, range(3))
    sync(engine)
    engine.add(WorkflowRun("medallion", "late", "queued"), changed_at=datetime.now(UTC) - timedelta(hours=2))
    sync(engine)
    assert "late" not in known()
    later(engine)
    assert "late" in known()


def test_the_list_is_complete_after_anything_that_happened(engine: NullWorkflowEngine) -> None:
    """Runs come, change, end and go, in any order and in parts of any size; some changes are seen late."""
    drawn = random.Random("runs 14")
    print("seed: runs 14")
    there: dict[str, str] = {}
    for step in range(25):
        engine.page_size = drawn.choice((1, 2, 5, 100))
        for _ in range(drawn.randint(0, 8)):
            name = f"run-{drawn.randint(0, 60)}"
            late = datetime.now(UTC) - timedelta(hours=1) if drawn.random() < 0.3 else None
            if there and drawn.random() < 0.25:
                name = drawn.choice(sorted(there))
                engine.forget(name)
                del there[name]
            else:
                there[name] = drawn.choice(("queued", "running", "success", "failed"))
                at = datetime(2000 + step % 30, 1, 1, tzinfo=UTC)
                engine.add(WorkflowRun("medallion", name, there[name], queued_at=at), changed_at=late)
        sync(engine)
    engine.page_size = 100
    AirflowSyncStatus.objects.update(round_cursor="")
    later(engine)
    states = {"queued": "waiting", "running": "running", "success": "succeeded", "failed": "failed"}
    shown = DagRun.objects.filter(gone_at=None).values_list("run_id", "state")
    assert dict(shown) == {name: states[state] for name, state in there.items()}


def test_a_round_over_very_many_runs_takes_several_passes_and_misses_none(engine: NullWorkflowEngine) -> None:
    engine.page_size = 5
    made = burst(engine, range(33), state="success")
    for _ in range(4):
        later(engine, round_pages=2)
    assert known() == made
    engine.forget("burst-0")
    engine.forget("burst-32")
    for _ in range(8):
        later(engine, round_pages=2)
    assert known() == made - {"burst-0", "burst-32"}


def test_changes_that_take_several_passes_are_read_to_their_end(engine: NullWorkflowEngine) -> None:
    engine.page_size = 5
    sync(engine, change_pages=2)
    made = burst(engine, range(33))
    for _ in range(4):
        sync(engine, change_pages=2)
    assert known() == made
    assert AirflowSyncStatus.objects.get().changes_cursor == ""


def test_a_finished_run_that_is_deleted_keeps_how_it_ended(engine: NullWorkflowEngine, operator_user: User) -> None:
    run = dag_run_trigger(actor=operator_user)
    sync(engine)
    engine.finish(run.run_id)
    sync(engine)
    engine.forget(run.run_id)
    later(engine)
    run.refresh_from_db()
    assert (run.state, run.message) == ("succeeded", Runs.DELETED)
    assert run.gone_at is not None
    engine.add(WorkflowRun("medallion", run.run_id, "success"))
    later(engine)
    run.refresh_from_db()
    assert (run.state, run.message, run.gone_at) == ("succeeded", "", None)


def test_a_paused_dag_says_so_and_its_trigger_says_what_it_does(
    engine: NullWorkflowEngine, operator: Visitor, operator_user: User
) -> None:
    burst(engine, range(2))
    engine.paused_dags = {"medallion", "another"}
    sync(engine)
    assert [(dag.dag_id, dag.waiting) for dag in paused_with_runs()] == [("medallion", 2)]
    waiting = DagRun.objects.get(run_id="burst-0")
    assert Runs.PAUSED in waiting.message
    page = operator.page("/runs/")
    (heading,) = (one for one in page.headings if "medallion" in one)
    assert "2 runs" in page.card(heading)
    trigger = page.action(Runs.TRIGGER_MEDALLION)
    assert ("medallion" in trigger.question, "2 waiting runs" in trigger.question) == (True, True)
    assert waiting.message in operator.page(waiting.get_absolute_url()).card(Runs.STATE)
    assert operator.get("/api/v1/dag-runs/burst-0").json()["dag_paused"] is True

    run = dag_run_trigger(actor=operator_user)
    assert Runs.UNPAUSES in run.message
    assert AuditEntry.objects.order_by("-sequence")[0].detail["unpauses"] == "medallion"
    sync(engine)
    assert engine.paused_dags == {"another"}
    assert paused_with_runs() == []
    run.refresh_from_db()
    assert run.message == Runs.WAITS_FOR_SCHEDULER


IDS = (
    ".",
    "..",
    "~",
    "a/b",
    "a b",
    "%2F",
    "a?b#c",
    "+",
    "日本語",
    "x" * 250,
    "=Lg",
    "a\\b",
    "-",
    "a\n",
    ":",
    " ",
    "...",
)


@pytest.mark.parametrize("run_id", IDS, ids=[f"id-{number}" for number in range(len(IDS))])
def test_every_id_reaches_its_own_run(engine: NullWorkflowEngine, run_id: str, viewer: Visitor) -> None:
    engine.add(WorkflowRun("medallion", run_id, "running"))
    engine.add(WorkflowRun("other", run_id, "success"))
    for _ in range(3):
        later(engine)
    assert DagRun.objects.count() == 2
    for dag_id, state in (("medallion", "running"), ("other", "succeeded")):
        run = DagRun.objects.get(dag_id=dag_id)
        assert (run.run_id, run.state, run.message) == (run_id, state, "")
        segments = run.get_absolute_url().partition("?")[0].split("/")
        assert not {"", ".", "..", "%2E", "%2E%2E"} & set(segments[1:-1])
        assert viewer.page(run.get_absolute_url()).state == state
        part = run.get_absolute_url().replace("/runs/dag/", "/api/v1/dag-runs/").replace("/?dag=", "?dag_id=")
        said = viewer.get(part.removesuffix("/")).json()
        assert (said["dag_id"], said["run_id"], said["state"]) == (dag_id, run_id, state)
        assert [task["task_id"] for task in said["tasks"]] == ["first"]


def test_what_one_run_says_that_no_row_holds_hides_no_other(engine: NullWorkflowEngine) -> None:
    odd = {"a": "\x00\ud800", "b": float("nan"), "c": 10**2000, "d": "x" * 100_000}
    engine.add(WorkflowRun("medallion", "odd", "upside-down", {"a": "\x00", "b": float("inf")}, "x" * 600, "k" * 99))
    engine.add(WorkflowRun("medallion", "large", "queued", odd))
    engine.add(WorkflowRun("medallion", "good", "success"))
    sync(engine)
    assert known() == {"odd", "large", "good"}
    assert DagRun.objects.get(run_id="odd").conf == {"a": "\ufffd", "b": "Infinity"}
    assert "the limit is 65,536" in DagRun.objects.get(run_id="large").conf["not kept"]


# What PostgreSQL stores in no text, what it does, and what is longer than its column.
UNSTORABLE = (
    "\x00", "a\x00b", "\x00a", "a\x00\x00b", "\ud800", "a\udfffb", "\ud83d\x00",
    "x" * 251, "x" * 300 + "\x00", "x" * 252,
)  # fmt: skip


@pytest.mark.parametrize("field", ["dag_id", "run_id", "both"])
def test_an_id_that_no_row_holds_hides_no_other_run(field: str, engine: NullWorkflowEngine, viewer: Visitor) -> None:
    for odd in (*UNSTORABLE, "\ufffd", "\ufffe", "a\ufffdb"):
        dag_id, run_id = ("medallion" if field == "run_id" else odd), ("a" if field == "dag_id" else odd)
        engine.add(WorkflowRun(dag_id, run_id, "running"))
        engine.paused_dags.add(dag_id)
    engine.add(WorkflowRun("medallion", "good", "running"))
    for _ in range(4):
        later(engine)
    mirror = AirflowSyncStatus.objects.get()
    assert (mirror.problem, mirror.looked_at is None) == ("", False)
    rows = DagRun.objects.all()
    assert rows.count() == len(UNSTORABLE) + 4
    # None is taken for deleted, although most of them can't be asked for by their ids.
    assert set(rows.values_list("state", "gone_at")) == {("running", None)}
    for row in rows:
        assert viewer.page(row.get_absolute_url()).state == "running", (row.dag_id, row.run_id)
    assert viewer.get("/runs/").status_code == viewer.get("/api/v1/dag-runs").status_code == 200
    for run_id in {run.run_id for run in engine.runs().runs}:
        engine.finish(run_id)
    later(engine)
    assert set(rows.values_list("state", flat=True)) == {"succeeded"}


def test_every_odd_value_of_a_run_and_of_its_tasks_is_stored() -> None:
    odd = "a\x00\ud800" + "x" * 300
    task = TaskRun(odd, odd, 10**400, odd, datetime.max.replace(tzinfo=UTC))

    class Odd(NullWorkflowEngine):
        def tasks(self, dag_id: str, run_id: str) -> list[TaskRun]:
            return [task] if run_id == "odd" else super().tasks(dag_id, run_id)

    engine = Odd()
    engine.add(WorkflowRun("medallion", "odd", odd, {odd: odd}, odd, odd, datetime.min.replace(tzinfo=UTC)))
    engine.add(WorkflowRun("medallion", "good", "success"))
    for _ in range(2):
        later(engine)
    assert known() == {"odd", "good"}
    assert DagRun.objects.get(run_id="odd").tasks[0]["state"].startswith("a\ufffd\ufffd")
    assert AirflowSyncStatus.objects.get().problem == ""


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
@pytest.mark.parametrize("error", [WorkflowError, WorkflowMissingError, WorkflowUnreachableError, RunConflictError])
def test_an_error_that_no_row_holds_is_shown_and_ends_no_pass(
    text: str, error: type[WorkflowError], engine: NullWorkflowEngine, operator_user: User
) -> None:
    run = dag_run_trigger(actor=operator_user)
    DagRun.objects.update(requested_at=datetime(2026, 1, 1, tzinfo=UTC))

    class Failing(NullWorkflowEngine):
        def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> WorkflowRun:
            raise error(text)

    sync(Failing())
    run.refresh_from_db()
    shown = run.message if error is not WorkflowUnreachableError else AirflowSyncStatus.objects.get().problem
    assert "\ufffd" in shown
