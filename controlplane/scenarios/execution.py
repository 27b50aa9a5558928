"""Executing a run: hold it, make its records, deliver them, write down how it goes.

Whoever takes a run writes its name into the row and renews its heartbeat twice a second. A run whose heartbeat is old
has lost its worker, and anybody may take it: the topic says what is there already, the rest is sent.
"""

import logging
import threading
import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import F, Q
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from controlplane.accounts.errors import UnreachableError
from controlplane.scenarios.generator.delivery import NOTHING_FOUND, Found
from controlplane.scenarios.generator.engine import Outcome, Progress, Run
from controlplane.scenarios.generator.errors import BrokerUnreachableError, DeliveryError, TopicMissingError
from controlplane.scenarios.generator.kafka import KafkaSink, found_in_topic, start_offsets
from controlplane.scenarios.generator.pacing import Pacer
from controlplane.scenarios.generator.records import Records
from controlplane.scenarios.models import RunState, ScenarioRun, ScenarioRunSample
from controlplane.streaming.services import topic_ensure

log = logging.getLogger(__name__)

LOST_AFTER = timedelta(seconds=15)
# At most so many points in a run's chart.
SAMPLES = 600
# A worker that has lost its run finds out at its next heartbeat; whoever takes it over waits for that.
_HANDOVER_SECONDS = 2.0
_DATABASE_PATIENCE_SECONDS = 600.0


class RunLostError(Exception):
    """Somebody else holds the run now."""


def run_execute(run_id: UUID) -> None:
    """Take the run, unless it has ended or another worker holds it, and see it to its end."""
    holder = uuid4()
    run = _take(run_id, holder)
    if run is None:
        return
    with bound_contextvars(run_id=str(run_id)):
        log.info("run %s: taken, attempt %d", run.pk, run.attempts)
        try:
            ending = _executed(run, holder)
            _write(run_id, holder, ending)
            log.info("run %s: %s. %s", run.pk, ending["state"], ending.get("message", ""))
        except RunLostError:
            log.warning("run %s: taken over by another worker", run_id)


def _executed(run: ScenarioRun, holder: UUID) -> dict[str, Any]:
    """Execute the run; gives what its row says at the end.

    Raises:
        RunLostError: another worker has taken it.
    """
    try:
        outcome, found = _Execution(run, holder).go()
    except RunLostError:
        raise
    except (BrokerUnreachableError, TopicMissingError, UnreachableError) as error:
        # The reconciler asks again; nothing that was sent is forgotten.
        return {"state": RunState.WAITING, "holder": None, "message": f"Waits for Kafka. {error}"[:500], "rate": 0}
    except Exception as error:
        known = isinstance(error, DeliveryError)
        if not known:
            log.exception("run %s failed", run.pk)
        said = str(error) if known else f"{type(error).__name__}: {error}"
        return {"state": RunState.FAILED, "finished_at": timezone.now(), "message": said[:500], "rate": 0}
    return _ending(run, outcome, found)


def _take(run_id: UUID, holder: UUID) -> ScenarioRun | None:
    now = timezone.now()
    free = Q(state=RunState.WAITING) | Q(state=RunState.RUNNING, heartbeat_at__lt=now - LOST_AFTER)
    taken = ScenarioRun.objects.filter(free, pk=run_id).update(
        state=RunState.RUNNING, holder=holder, heartbeat_at=now, attempts=F("attempts") + 1, message=""
    )
    return ScenarioRun.objects.select_related("version__scenario").get(pk=run_id) if taken else None


def _write(run_id: UUID, holder: UUID, values: dict[str, Any]) -> None:
    """Write to the row as long as it is ours, however long the database takes to come back.

    Raises:
        RunLostError: it isn't ours any more.
    """
    until = time.monotonic() + _DATABASE_PATIENCE_SECONDS
    while True:
        try:
            changed = ScenarioRun.objects.filter(pk=run_id, holder=holder).update(**values)
            break
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(1)
    if not changed:
        raise RunLostError(str(run_id))


def _ending(run: ScenarioRun, outcome: Outcome, found: Found) -> dict[str, Any]:
    progress, now = outcome.progress, timezone.now()
    seconds = (now - (run.started_at or now)).total_seconds()
    state, message = RunState.SUCCEEDED, ""
    if outcome.stopped:
        state = RunState.STOPPED
        message = f"Stopped at {progress.generated:,} of {progress.total:,} records."
    if progress.failed:
        errors = ", ".join(f"{name} {count:,}" for name, count in progress.errors.items())
        message = f"{message} {progress.failed:,} records were not delivered ({errors}).".strip()
        state = state if outcome.stopped else RunState.FAILED
    return {
        **_figures(progress),
        "state": state,
        "message": message,
        "finished_at": now,
        "truth": outcome.truth,
        "digest": outcome.digest,
        "sent_twice": found.twice,
        "rate": progress.acknowledged / max(seconds, 1e-3),
    }


def _figures(progress: Progress) -> dict[str, Any]:
    names = ("generated", "acknowledged", "failed", "found", "rate", "target_rate", "by_type", "faults", "errors")
    return {name: getattr(progress, name) for name in names}


class _Execution:
    def __init__(self, run: ScenarioRun, holder: UUID) -> None:
        self._run = run
        self._holder = holder
        self._stop = threading.Event()
        self._heard = 0.0
        self._sampled = 0.0
        self._sample_every = max(1.0, run.version.content.duration_seconds / SAMPLES)

    def go(self) -> tuple[Outcome, Found]:
        run, bootstrap, topic = self._run, settings.KAFKA_BOOTSTRAP_SERVERS, settings.KAFKA_TOPIC
        found = NOTHING_FOUND

        def look() -> Found:
            since = {int(partition): int(offset) for partition, offset in run.start_offsets.items()}
            return found_in_topic(bootstrap, topic, str(run.pk), since, self._alive)

        if run.started_at is None:
            topic_ensure()
            self._begin(start_offsets(bootstrap, topic))
        else:
            self._wait(_HANDOVER_SECONDS)
            found = look()
            log.info("run %s: goes on, %d records are in the topic", run.pk, len(found.sequences))
        assert run.anchor is not None
        assert run.partitions is not None
        anchor, partitions = run.anchor, run.partitions
        sink = KafkaSink(bootstrap, topic, str(run.pk), partitions=partitions)
        running = Run(
            lambda: Records(run.version.content, seed=run.seed, anchor=anchor, partitions=partitions),
            sink,
            partitions=partitions,
            pacer=Pacer(),
            found=found,
            on_progress=self._tell,
            look=look,
            stop=self._stop,
        )
        try:
            return running.run(), found
        except BaseException:
            sink.abandon()
            raise

    def _begin(self, offsets: dict[int, int]) -> None:
        """Write down what makes the run repeatable, before the first record is sent."""
        now = timezone.now()
        run = self._run
        run.anchor = run.started_at = now
        run.partitions, run.start_offsets = len(offsets), {str(partition): end for partition, end in offsets.items()}
        names = ("anchor", "started_at", "partitions", "start_offsets")
        _write(run.pk, self._holder, {name: getattr(run, name) for name in names})

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._alive()
            time.sleep(0.1)

    def _alive(self) -> bool:
        """Renew the heartbeat when it is time to; always True: looking for what was sent is never cut short."""
        if time.monotonic() - self._heard > 1:
            self._renew({})
        return True

    def _tell(self, progress: Progress) -> None:
        self._renew(_figures(progress))
        now = time.monotonic()
        if now - self._sampled >= self._sample_every:
            self._sampled = now
            self._try(
                lambda: ScenarioRunSample.objects.create(
                    run=self._run,
                    at=timezone.now(),
                    rate=progress.rate,
                    target_rate=progress.target_rate,
                    acknowledged=progress.acknowledged,
                )
            )

    def _renew(self, values: dict[str, Any]) -> None:
        self._heard = time.monotonic()

        def renew() -> None:
            mine = ScenarioRun.objects.filter(pk=self._run.pk, holder=self._holder)
            if not mine.update(heartbeat_at=timezone.now(), **values):
                raise RunLostError(str(self._run.pk))
            if mine.filter(stop_requested_at__isnull=False).exists():
                self._stop.set()

        self._try(renew)

    def _try(self, write: Any) -> None:
        """Write if the database is there. While it is away the run goes on: nobody can take it meanwhile either."""
        try:
            write()
        except (OperationalError, InterfaceError) as error:
            connection.close()
            log.warning("run %s: the database does not answer (%s)", self._run.pk, type(error).__name__)
