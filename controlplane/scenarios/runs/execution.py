"""Executes a run: claims it, generates and delivers its records, and writes its progress.

A worker that claims a run writes its ID to the row and renews the heartbeat twice per second. A run with an old
heartbeat has lost its worker, and any worker may claim it: the topic tells which records exist, and the rest is sent.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import F, Q
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from controlplane.errors import UnreachableError
from controlplane.scenarios.generator.delivery import Found
from controlplane.scenarios.generator.errors import BrokerUnreachableError, DeliveryError, TopicMissingError
from controlplane.scenarios.generator.progress import Outcome
from controlplane.scenarios.models import RunState, ScenarioRun
from controlplane.scenarios.runs.driver import Driver
from controlplane.scenarios.runs.lease import RunLostError, packed_numbers, run_figures, run_write

log = logging.getLogger(__name__)

MakeDriver = Callable[[ScenarioRun, UUID], Driver]
LOST_AFTER = timedelta(seconds=15)
# A run that lasts longer than its document defines by this much did not reach its target rate.
_LATE_SECONDS = 5.0


def run_execute(run_id: UUID, *, make_driver: MakeDriver = Driver) -> bool:
    """Take the run, unless it has ended or another worker holds it, and see it to its end; gives whether it was
    taken.

    Args:
        make_driver: gives what drives the run, from its row and the name of who holds it.
    """
    holder = uuid4()
    run = _take(run_id, holder)
    if run is None:
        return False
    with bound_contextvars(run_id=str(run_id)):
        log.info("run %s: taken, attempt %d", run.pk, run.attempts)
        try:
            ending = _executed(run, holder, make_driver)
            run_write(run_id, holder, ending)
            log.info("run %s: %s. %s", run.pk, ending["state"], ending.get("message", ""))
        except RunLostError:
            log.warning("run %s: taken over by another worker", run_id)
    return True


def _executed(run: ScenarioRun, holder: UUID, make_driver: MakeDriver) -> dict[str, Any]:
    """Execute the run; gives what its row says at the end.

    Raises:
        RunLostError: another worker has claimed it.
    """
    try:
        driver = make_driver(run, holder)
        outcome, found = driver.go()
    except RunLostError:
        raise
    except (BrokerUnreachableError, TopicMissingError, UnreachableError) as error:
        # The reconciler requests the run again. Sent records are found on the topic.
        return {"state": RunState.WAITING, "holder": None, "message": f"Waiting for Kafka. {error}"[:500], "rate": 0}
    except Exception as error:
        known = isinstance(error, DeliveryError)
        if not known:
            log.exception("run %s failed", run.pk)
        said = str(error) if known else f"{type(error).__name__}: {error}"
        now = timezone.now()
        # The average rate, as for every ended run. The row has the acknowledged records.
        rate = F("acknowledged") / max((now - (run.started_at or now)).total_seconds(), 1e-3)
        return {"state": RunState.FAILED, "finished_at": now, "message": said[:500], "rate": rate}
    return _ending(run, outcome, found, driver.reason)


def _take(run_id: UUID, holder: UUID) -> ScenarioRun | None:
    now = timezone.now()
    free = Q(state=RunState.WAITING) | Q(state=RunState.RUNNING, heartbeat_at__lt=now - LOST_AFTER)
    taken = ScenarioRun.objects.filter(free, pk=run_id).update(
        state=RunState.RUNNING, holder=holder, heartbeat_at=now, attempts=F("attempts") + 1, message=""
    )
    return ScenarioRun.objects.select_related("version__scenario", "replay_of").get(pk=run_id) if taken else None


def _ending(run: ScenarioRun, outcome: Outcome, found: Found, reason: str | None) -> dict[str, Any]:
    progress, now = outcome.progress, timezone.now()
    seconds = (now - (run.started_at or now)).total_seconds()
    state, said = RunState.SUCCEEDED, []
    if outcome.stopped:
        state = RunState.STOPPED
        said.append(f"Stopped at {progress.generated:,} of {progress.total:,} records.")
        if reason is not None:
            said.insert(0, reason)
    if progress.failed:
        errors = ", ".join(f"{name} {count:,}" for name, count in progress.errors.items())
        said.append(f"{progress.failed:,} records were not delivered ({errors}).")
        state = state if outcome.stopped else RunState.FAILED
    if not outcome.stopped and progress.behind_seconds > _LATE_SECONDS:
        said.append(f"Target rate not reached: the last record was {progress.behind_seconds:,.0f} s late.")
    matches = _matches(run, outcome)
    if matches is not None:
        said.append(
            "The payload is identical to the original run." if matches else "The payload differs from the original run."
        )
        state = state if matches else RunState.FAILED
    return {
        **run_figures(progress),
        "state": state,
        "message": " ".join(said)[:500],
        "finished_at": now,
        "truth": outcome.truth,
        "digest": outcome.digest,
        "digests": outcome.digests,
        "replay_matches": matches,
        "sent_twice": found.twice,
        "undelivered": packed_numbers(outcome.failed),
        "paused_at": None,
        "rate": progress.acknowledged / max(seconds, 1e-3),
    }


def _matches(run: ScenarioRun, outcome: Outcome) -> bool | None:
    """Whether a complete replay has the digest of its original; None if there is nothing to compare."""
    original = run.replay_of
    if original is None or outcome.stopped or not original.digests:
        return None
    return original.digest == outcome.digest
