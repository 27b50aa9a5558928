"""Executes a run: claims it, generates and delivers its records, and writes its progress.

A run that another worker has begun continues: the topic tells which records exist, and the rest is sent.
"""

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from controlplane.errors import UnreachableError
from controlplane.leases import LeaseLostError, WorkState, claim, finish, release
from controlplane.scenarios.generator.delivery import Found
from controlplane.scenarios.generator.errors import BrokerUnreachableError, DeliveryError, TopicMissingError
from controlplane.scenarios.generator.progress import Outcome
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.runs.driver import Driver
from controlplane.scenarios.runs.figures import packed_numbers, run_figures

log = logging.getLogger(__name__)

MakeDriver = Callable[[ScenarioRun], Driver]
# A run that lasts longer than its document defines by this much did not reach its target rate.
_LATE_SECONDS = 5.0


def run_execute(run_id: UUID, *, make_driver: MakeDriver = Driver) -> bool:
    """Claim the run and execute it to its end. Return whether it was claimed: it has not ended, and no other worker
    holds it.

    Args:
        make_driver: makes the driver of the claimed run.
    """
    run = claim(ScenarioRun.objects.select_related("version__scenario", "replay_of"), run_id, message="")
    if run is None:
        return False
    with bound_contextvars(run_id=str(run_id)):
        log.info("run %s: claimed, attempt %d", run.pk, run.attempts)
        try:
            _execute(run, make_driver)
        except LeaseLostError:
            log.warning("run %s: another worker has claimed it", run_id)
    return True


def _execute(run: ScenarioRun, make_driver: MakeDriver) -> None:
    """Execute the run, and write its end.

    Raises:
        LeaseLostError: another worker has claimed it.
    """
    try:
        driver = make_driver(run)
        outcome, found = driver.go()
    except LeaseLostError:
        raise
    except (BrokerUnreachableError, TopicMissingError, UnreachableError) as error:
        # The reconciler requests the run again. Sent records are found on the topic.
        release(run, message=f"Waiting for Kafka. {error}"[:500], rate=0)
        log.info("run %s: waiting. %s", run.pk, error)
        return
    except Exception as error:
        known = isinstance(error, DeliveryError)
        if not known:
            log.exception("run %s failed", run.pk)
        said = str(error) if known else f"{type(error).__name__}: {error}"
        now = timezone.now()
        # The average rate, as for every ended run. The row has the acknowledged records.
        rate = F("acknowledged") / max((now - (run.started_at or now)).total_seconds(), 1e-3)
        ending: dict[str, Any] = {"state": WorkState.FAILED, "finished_at": now, "message": said[:500], "rate": rate}
    else:
        ending = _ending(run, outcome, found, driver.reason)
    finish(run, **ending)
    log.info("run %s: %s. %s", run.pk, ending["state"], ending["message"])


def _ending(run: ScenarioRun, outcome: Outcome, found: Found, reason: str | None) -> dict[str, Any]:
    progress, now = outcome.progress, timezone.now()
    seconds = (now - (run.started_at or now)).total_seconds()
    state, said = WorkState.SUCCEEDED, []
    if outcome.stopped:
        state = WorkState.STOPPED
        said.append(f"Stopped at {progress.generated:,} of {progress.total:,} records.")
        if reason is not None:
            said.insert(0, reason)
    if progress.failed:
        errors = ", ".join(f"{name} {count:,}" for name, count in progress.errors.items())
        said.append(f"{progress.failed:,} records were not delivered ({errors}).")
        state = state if outcome.stopped else WorkState.FAILED
    if not outcome.stopped and progress.behind_seconds > _LATE_SECONDS:
        said.append(f"Target rate not reached: the last record was {progress.behind_seconds:,.0f} s late.")
    matches = _matches(run, outcome)
    if matches is not None:
        said.append(
            "The payload is identical to the original run." if matches else "The payload differs from the original run."
        )
        state = state if matches else WorkState.FAILED
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
