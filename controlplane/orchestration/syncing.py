"""Holding the rows of DAG runs against Airflow: sending what waits, reading back what runs, finding what is new.

A trigger whose answer was lost is sent again: the run's id is ours, so Airflow has it once.
"""

import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from controlplane.orchestration.models import UNFINISHED, DagRun, Mirror, RunState
from controlplane.orchestration.ports import (
    RunConflictError,
    TaskRun,
    WorkflowEngine,
    WorkflowError,
    WorkflowMissingError,
    WorkflowRun,
    WorkflowUnreachableError,
)

log = logging.getLogger(__name__)

IDLE_PAUSE = timedelta(seconds=15)
NEWEST = 25
# A DAG that Airflow doesn't know may only not have been read yet: its processor looks at the folder in turns.
DAG_MAY_APPEAR = timedelta(minutes=2)

_STATES = {
    "queued": RunState.WAITING,
    "running": RunState.RUNNING,
    "success": RunState.SUCCEEDED,
    "failed": RunState.FAILED,
}


def due() -> bool:
    """Whether it is time to look: always while something is under way, and every 15 s otherwise."""
    if DagRun.objects.filter(state__in=UNFINISHED).exists():
        return True
    mirror = mirror_get()
    if mirror.problem:
        return True
    return mirror.looked_at is None or timezone.now() - mirror.looked_at > IDLE_PAUSE


def mirror_get() -> Mirror:
    """The row that says how the looking goes."""
    mirror, _ = Mirror.objects.get_or_create(pk=1)
    return mirror


def sync(engine: WorkflowEngine) -> None:
    """One pass. Two at once are kept apart by the caller's lock; what is left undone is done by the next."""
    mirror = mirror_get()
    try:
        _send(engine)
        _discover(engine)
        _refresh(engine)
    except WorkflowError as error:
        if not mirror.problem:
            mirror.problem_since = timezone.now()
        mirror.problem = str(error)
        if isinstance(error, WorkflowUnreachableError):
            _unsent().update(message="Airflow doesn't answer; the run is sent when it is back.")
    else:
        mirror.problem, mirror.problem_since, mirror.looked_at = "", None, timezone.now()
    mirror.save()


def _unsent() -> Any:
    return DagRun.objects.filter(state=RunState.WAITING, sent_at=None)


def _send(engine: WorkflowEngine) -> None:
    for row in _unsent().order_by("requested_at"):
        try:
            _take_over(row, engine.trigger(row.dag_id, row.run_id, row.conf))
        except WorkflowMissingError as error:
            if timezone.now() - row.requested_at > DAG_MAY_APPEAR:
                _lost(row, f"Airflow does not know the DAG {row.dag_id}: {error}")
            else:
                _note(row, f"Airflow does not know the DAG {row.dag_id} yet.")
        except RunConflictError as error:
            _lost(row, str(error))
        except WorkflowUnreachableError:
            raise
        except WorkflowError as error:
            _lost(row, f"Airflow refused the run: {error}")


def _discover(engine: WorkflowEngine) -> None:
    """Runs that were started or changed in Airflow itself."""
    seen = engine.runs(limit=NEWEST)
    rows = {(row.dag_id, row.run_id): row for row in DagRun.objects.filter(run_id__in=[run.run_id for run in seen])}
    for run in seen:
        row = rows.get((run.dag_id, run.run_id))
        if row is None:
            row = DagRun(
                dag_id=run.dag_id,
                run_id=run.run_id,
                kind=run.kind,
                conf=run.conf,
                requested_by=run.asked_by,
                requested_at=run.queued_at or run.started_at or timezone.now(),
            )
            row.save()
            _take_over(row, run)
            _read_tasks(engine, row)
        elif row.sent_at and row.finished and (row.state != _STATES.get(run.state) or row.ended_at != run.ended_at):
            # Cleared or retried in Airflow after it had ended.
            _take_over(row, run)
            _read_tasks(engine, row)


def _refresh(engine: WorkflowEngine) -> None:
    for row in DagRun.objects.filter(state__in=UNFINISHED).exclude(sent_at=None):
        try:
            # The tasks after the run: those of a run that is seen finished are finished too.
            run = engine.run(row.dag_id, row.run_id)
            _read_tasks(engine, row)
        except WorkflowMissingError:
            _lost(row, "Airflow no longer knows this run.")
            continue
        _take_over(row, run)


def _read_tasks(engine: WorkflowEngine, row: DagRun) -> None:
    row.tasks = [_as_json(task) for task in engine.tasks(row.dag_id, row.run_id)]
    row.save(update_fields=["tasks"])


def _take_over(row: DagRun, run: WorkflowRun) -> None:
    state = _STATES.get(run.state, RunState.RUNNING)
    if state != row.state:
        log.info("DAG run %s: %s, was %s", row.run_id, state, row.state, extra={"run_id": row.run_id})
    row.state = state
    row.sent_at = row.sent_at or timezone.now()
    row.queued_at, row.started_at, row.ended_at = run.queued_at, run.started_at, run.ended_at
    row.seen_at = timezone.now()
    row.message = _why_it_waits(row) if row.state == RunState.WAITING else ""
    row.save()


def _why_it_waits(row: DagRun) -> str:
    before = DagRun.objects.filter(dag_id=row.dag_id, state=RunState.RUNNING).exclude(pk=row.pk).first()
    return f"Waits for {before.run_id}, which runs." if before else "Waits for Airflow's scheduler."


def _lost(row: DagRun, why: str) -> None:
    row.state, row.message, row.ended_at = RunState.FAILED, why, timezone.now()
    row.save(update_fields=["state", "message", "ended_at"])


def _note(row: DagRun, message: str) -> None:
    row.message = message
    row.save(update_fields=["message"])


def _as_json(task: TaskRun) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(task).items()}
