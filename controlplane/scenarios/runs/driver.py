"""Drives one run: records to the topic, progress to the row, and steering requests back from the row."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from controlplane.leases import renew, write
from controlplane.scenarios.generator.ahead import records_for
from controlplane.scenarios.generator.delivery import NOTHING_FOUND, Found
from controlplane.scenarios.generator.engine import Run
from controlplane.scenarios.generator.faultlog import FaultLog, Part
from controlplane.scenarios.generator.kafka import KafkaSink, found_in_topic, start_offsets
from controlplane.scenarios.generator.pacing import Pacer
from controlplane.scenarios.generator.progress import Outcome, Progress
from controlplane.scenarios.generator.text import micros
from controlplane.scenarios.generator.thresholds import METRICS, WARM_UP_SECONDS, Watcher, measured
from controlplane.scenarios.models import ScenarioRun, ScenarioRunFaults
from controlplane.scenarios.runs.downstream import downstream_now
from controlplane.scenarios.runs.figures import delivered_before, run_figures
from controlplane.scenarios.runs.sampling import Sampler
from controlplane.streaming.services import topic_ensure
from spark_jobs.kafka_client import GENERATOR

log = logging.getLogger(__name__)

# A worker that has lost its run notices at its next heartbeat. The next worker waits for that.
_HANDOVER_SECONDS = 2.0
# Silver rejects events more than an hour ahead of Kafka's clock. An accelerated run is throttled before that.
_MOST_AHEAD = timedelta(minutes=50)
_DOWNSTREAM_SECONDS = 2.0


class Driver:
    """One run in the hands of one worker.

    Args:
        on_progress: told of each progress before the row is; what it raises ends the run.
    """

    def __init__(self, run: ScenarioRun, *, on_progress: Callable[[Progress], None] = lambda progress: None) -> None:
        self._run = run
        self._on_progress = on_progress
        self._stop = threading.Event()
        # The threshold that aborted the run, if any.
        self.reason: str | None = None
        self._heard = self._looked = 0.0
        self._paused, self._speed = run.paused_at is not None, run.speed
        self._running: Run | None = None
        self._sampler = Sampler(run)
        self._watcher = Watcher(run.version.content.thresholds)
        self._watches_downstream = any(METRICS[t.metric].downstream for t in run.version.content.thresholds)
        self._downstream: dict[str, float | None] = {}

    def go(self) -> tuple[Outcome, Found]:
        """Execute the run. Return its outcome and the records that were already on the topic."""
        run, kafka, topic = self._run, settings.KAFKA_CLIENTS[GENERATOR], settings.KAFKA_TOPIC
        found = NOTHING_FOUND

        def look() -> Found:
            since = {int(partition): int(offset) for partition, offset in run.start_offsets.items()}
            return found_in_topic(kafka, topic, str(run.pk), since, self._alive)

        if run.started_at is None:
            topic_ensure()
            self._begin(start_offsets(kafka, topic))
        else:
            self._wait(_HANDOVER_SECONDS)
            found = look()
            log.info("run %s: goes on, %d records are in the topic", run.pk, len(found.sequences))
        assert run.anchor is not None
        assert run.partitions is not None
        # A replay ends at the record at which its original ended.
        anchor, partitions, total = run.anchor, run.partitions, run.total if run.replay_of_id else None
        newest = micros(anchor) - _MOST_AHEAD // timedelta(microseconds=1)
        sink = KafkaSink(kafka, topic, str(run.pk), partitions=partitions)
        self._running = Run(
            lambda: records_for(
                run.version.content,
                speed=self._speed,
                seed=run.seed,
                anchor=anchor,
                partitions=partitions,
                total=total,
            ),
            sink,
            partitions=partitions,
            pacer=Pacer(self._speed, ceiling=lambda: time.time() * 1e6 - newest),
            found=found,
            on_progress=self._tell,
            look=look,
            stop=self._stop,
            fault_log=FaultLog(self._keep),
            prior=delivered_before(run),
        )
        self._running.steer(paused=self._paused, speed=self._speed)
        try:
            return self._running.run(), found
        except BaseException:
            sink.abandon()
            raise

    def _begin(self, offsets: dict[int, int]) -> None:
        """Store what makes the run repeatable, before the first record is sent."""
        run = self._run
        run.started_at = timezone.now()
        if run.replay_of_id is None:
            run.anchor, run.partitions = run.started_at, len(offsets)
        run.start_offsets = {str(partition): end for partition, end in offsets.items()}
        names = ("anchor", "started_at", "partitions", "start_offsets")
        write(run, **{name: getattr(run, name) for name in names})

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._alive()
            time.sleep(0.1)

    def _alive(self) -> bool:
        """Renew the heartbeat when due. Always True: the search for sent records is never interrupted."""
        if time.monotonic() - self._heard > 1:
            self._renew()
        return True

    def _tell(self, progress: Progress) -> None:
        self._on_progress(progress)
        self._watch(progress)
        self._renew(**run_figures(progress), thresholds=self._watcher.states(), message=_remark(progress))
        if self._running is not None:
            self._running.steer(paused=self._paused, speed=self._speed)
        self._try(lambda: self._sampler.sample(progress))

    def _watch(self, progress: Progress) -> None:
        """Compare the measurements with the document's thresholds."""
        now = time.monotonic()
        if self._watches_downstream and now - self._looked > _DOWNSTREAM_SECONDS and self._run.started_at:
            self._looked, since = now, self._run.started_at
            self._try(lambda: self._downstream.update(downstream_now(since)))
        reason = self._watcher.look({**measured(progress), **self._downstream}, now)
        if reason is not None and self.reason is None and not self._stop.is_set():
            self.reason = f"Aborted by a threshold. {reason}"
            self._stop.set()

    def _renew(self, **values: Any) -> None:
        self._heard = time.monotonic()

        def tell_and_ask() -> None:
            renew(self._run, **values)
            row = ScenarioRun.objects.filter(pk=self._run.pk)
            asked = row.values_list("stop_requested_at", "paused_at", "speed").first()
            if asked is not None:
                self._paused, self._speed = asked[1] is not None, asked[2]
                if asked[0] is not None:
                    self._stop.set()

        self._try(tell_and_ask)

    def _keep(self, part: Part) -> None:
        """Store a part of the truth. A restarted run writes the same part again."""
        values = {"first": part.first, "until": part.until, "count": part.count, "body": part.body}
        while True:
            try:
                ScenarioRunFaults.objects.update_or_create(run=self._run, number=part.number, defaults=values)
                return
            except (OperationalError, InterfaceError):
                connection.close()
                self._wait(1.0)

    def _try(self, write: Any) -> None:
        """Write if the database is reachable. During an outage the run continues: no other worker can claim it."""
        try:
            write()
        except (OperationalError, InterfaceError) as error:
            connection.close()
            log.warning("run %s: the database does not answer (%s)", self._run.pk, type(error).__name__)


def _remark(progress: Progress) -> str:
    """A message about a running run: throttled or behind its target rate."""
    if progress.ahead:
        return "Throttled: at this speed, event times would be more than an hour in the future."
    if progress.behind_seconds > WARM_UP_SECONDS:
        return (
            f"Target rate not reached: {progress.rate:,.0f} of {progress.target_rate:,.0f} records/s, "
            f"{progress.behind_seconds:,.0f} s behind."
        )
    return ""
