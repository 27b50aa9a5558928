"""Synchronises DAG runs with Airflow: sends waiting runs, updates active ones and discovers new ones.

A trigger whose response was lost is sent again: we choose the run id, so Airflow creates the run once.

The list of runs is complete regardless of the order and the rate of new runs:

- Each pass reads the runs that were created or changed since the previous pass, by Airflow's clock and with an
  overlap, since a transaction commits its rows later than it dates them.
- A scan over all runs, ordered by Airflow's row id and split into pages, finds the runs that the passes miss. Runs that
  the scan does not find are deleted in Airflow.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from controlplane.leases import UNFINISHED, WorkState
from controlplane.orchestration.models import AirflowSyncStatus, DagRun
from controlplane.orchestration.ports import (
    RunConflictError,
    TaskRun,
    WorkflowEngine,
    WorkflowError,
    WorkflowMissingError,
    WorkflowRun,
    WorkflowUnreachableError,
)
from controlplane.web.moments import utc
from controlplane.web.values import LONGEST_JSON, storable

log = logging.getLogger(__name__)

IDLE_PAUSE = timedelta(seconds=15)
# A transaction of Airflow's scheduler dates its rows when it writes them, and may commit this much later.
OVERLAP = timedelta(seconds=60)
# The limits of one pass: pages of changes, pages of the scan, runs whose tasks are read, and single runs.
CHANGE_PAGES = 20
ROUND_PAGES = 10
TASKS_READ = 20
RUNS_ASKED = 20
# The length of the columns for ids.
LONGEST_ID = 250
# An unknown DAG may not have been parsed yet: Airflow's DAG processor scans the folder periodically.
DAG_MAY_APPEAR = timedelta(minutes=2)

_STATES = {
    "queued": WorkState.WAITING,
    "running": WorkState.RUNNING,
    "success": WorkState.SUCCEEDED,
    "failed": WorkState.FAILED,
}


def due() -> bool:
    """Whether a pass is due: always while a run is active, and every 15 s otherwise."""
    if DagRun.objects.filter(state__in=UNFINISHED).exists():
        return True
    status = sync_status_get()
    if status.problem:
        return True
    return status.looked_at is None or timezone.now() - status.looked_at > IDLE_PAUSE


def sync_status_get() -> AirflowSyncStatus:
    """The status row of the synchronisation."""
    status, _ = AirflowSyncStatus.objects.get_or_create(pk=1)
    return status


def sync(engine: WorkflowEngine, *, change_pages: int = CHANGE_PAGES, round_pages: int = ROUND_PAGES) -> None:
    """One pass, which reads so many parts of either list at most. Two at once are kept apart by the caller's lock; what
    is left undone is done by the next."""
    status = sync_status_get()
    try:
        _send(engine, status)
        _changes(engine, status, change_pages)
        _round(engine, status, round_pages)
        _refresh(engine, _paused(status))
        _read_tasks(engine)
    except WorkflowError as error:
        if not status.problem:
            status.problem_since = timezone.now()
        status.problem = storable(str(error))
        if isinstance(error, WorkflowUnreachableError):
            _unsent().update(message="Airflow is unreachable. The run is sent when Airflow is back.")
    else:
        status.problem, status.problem_since, status.looked_at = "", None, timezone.now()
    status.save()


def _unsent() -> QuerySet[DagRun]:
    return DagRun.objects.filter(state=WorkState.WAITING, sent_at=None)


def _send(engine: WorkflowEngine, status: AirflowSyncStatus) -> None:
    for row in _unsent().order_by("requested_at"):
        try:
            run = engine.trigger(row.dag_id, row.run_id, row.conf)
            status.paused = [dag_id for dag_id in _paused(status) if dag_id != row.dag_id]
            _take_over(row, run, _paused(status))
        except WorkflowMissingError as error:
            if timezone.now() - row.requested_at > DAG_MAY_APPEAR:
                _lost(row, f"Airflow has no DAG {row.dag_id}: {error}")
            else:
                _note(row, f"Airflow has no DAG {row.dag_id} yet.")
        except RunConflictError as error:
            _lost(row, str(error))
        except WorkflowUnreachableError:
            raise
        except WorkflowError as error:
            _lost(row, f"Airflow rejected the run: {error}")


def _changes(engine: WorkflowEngine, status: AirflowSyncStatus, pages: int) -> None:
    """Runs that were created or changed in Airflow since the last look. The first time, the round finds them all."""
    if status.changes_since is None:
        return
    # A list that was too long for the pass before goes on where that ended.
    for _ in range(pages):
        page = engine.runs(since=status.changes_since, cursor=status.changes_cursor)
        if not status.changes_cursor:
            status.changes_began_at = page.at - OVERLAP
        _see(page.runs, _paused(status))
        status.changes_cursor = storable(page.next)
        if not page.next:
            status.changes_since = status.changes_began_at
            break


def _round(engine: WorkflowEngine, status: AirflowSyncStatus, pages: int) -> None:
    """The next parts of a round over all runs, at most every IDLE_PAUSE; and which DAGs are paused."""
    now = timezone.now()
    if status.round_at is not None and timedelta(0) <= now - status.round_at < IDLE_PAUSE:
        return
    status.paused = sorted(_stored_id(dag_id) for dag_id in engine.paused())
    for _ in range(pages):
        if not status.round_cursor:
            status.round_began_at = timezone.now()
        page = engine.runs(cursor=status.round_cursor)
        if status.changes_since is None:
            status.changes_since = page.at - OVERLAP
        _see(page.runs, _paused(status))
        status.round_cursor = storable(page.next)
        if not page.next:
            _miss(status.round_began_at)
            break
    status.round_at = now


def _see(runs: Sequence[WorkflowRun], paused: list[str]) -> None:
    """Update the rows of these runs, each in its own transaction: a run that can't be stored affects no other."""
    ids = [(_stored_id(run.dag_id), _stored_id(run.run_id)) for run in runs]
    found = DagRun.objects.filter(run_id__in=[run_id for _, run_id in ids])
    rows = {(row.dag_id, row.run_id): row for row in found}
    same: list[int] = []
    for run, key in zip(runs, ids, strict=True):
        row = rows.get(key)
        if row is not None and row.sent_at is None:
            continue  # requested here and not sent yet, or rejected: the list must not change it
        if row is not None and _is_as(row, run):
            same.append(row.pk)
            continue
        with _by_itself(run.dag_id, run.run_id):
            _take_over(row or _found(run), run, paused)
    DagRun.objects.filter(pk__in=same).update(seen_at=timezone.now())


@contextmanager
def _by_itself(dag_id: str, run_id: str) -> Iterator[None]:
    """A transaction for one run. If the database can't store its values, the run is skipped and logged."""
    try:
        with transaction.atomic():
            yield
    except (DatabaseError, ValueError) as error:
        if isinstance(error, OperationalError | InterfaceError):
            raise
        log.warning("the run %r of the DAG %r can't be stored: %s", run_id, dag_id, error)


def _stored_id(text: str) -> str:
    """The id as stored in a row.

    PostgreSQL stores no NUL and no lone surrogates. An id with one of them, or a longer one than the column, gets a
    digest, so that two ids are never one row, and the noncharacter U+FFFE, so that the engine never takes it for the
    id of another run: no unprintable id has an address in Airflow's API.
    """
    clean: str = storable(text)
    if clean == text and len(text) <= LONGEST_ID:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{clean[: LONGEST_ID - 9]}\ufffe{digest}"


def _is_as(row: DagRun, run: WorkflowRun) -> bool:
    """Whether the row is up to date. The reason for which an unfinished run waits may have changed."""
    state = _STATES.get(run.state, WorkState.RUNNING)
    times = (row.queued_at, row.started_at, row.finished_at) == (run.queued_at, run.started_at, run.ended_at)
    return row.finished and row.state == state and times and row.gone_at is None


def _found(run: WorkflowRun) -> DagRun:
    """A row for a run that was started in Airflow."""
    return DagRun(
        dag_id=_stored_id(run.dag_id),
        run_id=_stored_id(run.run_id),
        kind=storable(run.kind)[:32],
        conf=_kept(run.conf),
        requested_by=storable(run.asked_by)[:150],
        requested_at=utc(run.queued_at or run.started_at or timezone.now()),
    )


def _kept(conf: dict[str, Any]) -> dict[str, Any]:
    """A configuration as stored in a row, limited to the length that a request here may have."""
    found: dict[str, Any] = storable(conf)
    size = len(json.dumps(found))
    if size <= LONGEST_JSON:
        return found
    text = f"The JSON has {size:,} characters; the limit is {LONGEST_JSON:,}. Airflow has the complete configuration."
    return {"not kept": text}


def _miss(since: datetime | None) -> None:
    """Mark the runs that a complete scan has not found."""
    if since is not None:
        for row in _sent().filter(Q(seen_at__lt=since) | Q(seen_at=None), gone_at=None):
            _gone(row)


def _sent() -> QuerySet[DagRun]:
    return DagRun.objects.exclude(sent_at=None)


def _refresh(engine: WorkflowEngine, paused: list[str]) -> None:
    """Read unfinished runs that no list has returned recently: a scan over very many runs takes a while."""
    stale = Q(seen_at=None) | Q(seen_at__lt=timezone.now() - IDLE_PAUSE)
    rows = _sent().filter(stale, state__in=UNFINISHED, gone_at=None)
    for row in rows.order_by(F("seen_at").asc(nulls_first=True))[:RUNS_ASKED]:
        try:
            run = engine.run(row.dag_id, row.run_id)
            with _by_itself(row.dag_id, row.run_id):
                _take_over(row, run, paused)
        except WorkflowMissingError:
            _gone(row)
        except WorkflowUnreachableError:
            raise
        except WorkflowError as error:
            # The scan will update it; other runs come first.
            log.warning("the run %r of the DAG %r can't be read: %s", row.run_id, row.dag_id, error)
            DagRun.objects.filter(pk=row.pk).update(seen_at=timezone.now())


def _read_tasks(engine: WorkflowEngine) -> None:
    """Read the tasks of changed and running runs, least recently read first."""
    rows = DagRun.objects.filter(tasks_due=True, gone_at=None).exclude(sent_at=None)
    for row in rows.order_by(F("tasks_at").asc(nulls_first=True), "-requested_at")[:TASKS_READ]:
        try:
            tasks = [_as_json(task) for task in engine.tasks(row.dag_id, row.run_id)]
        except WorkflowMissingError:
            _gone(row)
            continue
        except WorkflowUnreachableError:
            raise
        except WorkflowError as error:
            log.warning("the tasks of the run %r of the DAG %r can't be read: %s", row.run_id, row.dag_id, error)
            tasks = row.tasks
        row.tasks_due, row.tasks_at = row.state == WorkState.RUNNING, timezone.now()
        row.save(update_fields=["tasks_due", "tasks_at"])
        with _by_itself(row.dag_id, row.run_id):
            row.tasks = tasks
            row.save(update_fields=["tasks"])


def _take_over(row: DagRun, run: WorkflowRun, paused: list[str]) -> None:
    state = _STATES.get(run.state, WorkState.RUNNING)
    if state != row.state:
        log.info("DAG run %s: %s, was %s", row.run_id, state, row.state, extra={"run_id": row.run_id})
    times = (run.queued_at, run.started_at, run.ended_at)
    changed = state != row.state or times != (row.queued_at, row.started_at, row.finished_at)
    row.tasks_due = row.tasks_due or row.tasks_at is None or changed or state == WorkState.RUNNING
    row.state = state
    row.sent_at = row.sent_at or timezone.now()
    row.queued_at, row.started_at, row.finished_at = times
    row.seen_at, row.gone_at = timezone.now(), None
    row.message = _why_it_waits(row, paused) if row.state == WorkState.WAITING else ""
    row.save()


def _why_it_waits(row: DagRun, paused: list[str]) -> str:
    if row.dag_id in paused:
        return (
            f"The DAG {row.dag_id} is paused in Airflow. "
            "Its runs wait until the DAG is unpaused there or triggered here."
        )
    before = DagRun.objects.filter(dag_id=row.dag_id, state=WorkState.RUNNING).exclude(pk=row.pk).first()
    return f"Waiting for {before.run_id}, which is running." if before else "Waiting for Airflow's scheduler."


def _paused(status: AirflowSyncStatus) -> list[str]:
    return status.paused if isinstance(status.paused, list) else []


def _gone(row: DagRun) -> None:
    """Mark a run that Airflow no longer has or no longer shows to our account. A final state stays."""
    row.gone_at, row.tasks_due = timezone.now(), False
    if row.finished:
        row.message = "Deleted in Airflow."
    else:
        row.message = "Deleted in Airflow before it ended."
        row.state, row.finished_at = WorkState.FAILED, timezone.now()
    row.save(update_fields=["state", "message", "finished_at", "gone_at", "tasks_due"])


def _lost(row: DagRun, why: str) -> None:
    row.state, row.message, row.finished_at = WorkState.FAILED, storable(why), timezone.now()
    row.save(update_fields=["state", "message", "finished_at"])


def _note(row: DagRun, message: str) -> None:
    row.message = storable(message)
    row.save(update_fields=["message"])


def _as_json(task: TaskRun) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else storable(value)
        for name, value in asdict(task).items()
    }
