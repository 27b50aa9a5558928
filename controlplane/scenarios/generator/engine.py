"""Runs a scenario: generates, paces, sends and counts records, and reports the progress."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from controlplane.scenarios.generator.counting import Counts, Delivered
from controlplane.scenarios.generator.delivery import NOTHING_FOUND, Found, Sink
from controlplane.scenarios.generator.digest import Digest
from controlplane.scenarios.generator.errors import DeliveryError
from controlplane.scenarios.generator.events import EVENT_TYPES
from controlplane.scenarios.generator.faultlog import FaultLog
from controlplane.scenarios.generator.pacing import LOOK_SECONDS, Pacer
from controlplane.scenarios.generator.patience import patient_collector
from controlplane.scenarios.generator.progress import Meter, Outcome, Progress
from controlplane.scenarios.generator.records import Block, Records

PROGRESS_SECONDS = 0.5
_TICK_SECONDS = 0.02
# The maximum number of records between two clock checks.
_SLICE = 2000


class Run:
    """One run of a scenario.

    Args:
        make_records: creates the records of the run from the first on. Called again after failed deliveries, to find
            the faults of the failed records.
        found: the records that are already on the topic, for a restarted run.
        on_progress: called about every half second from the running thread. An exception ends the run. It may call
            `steer`.
        look: finds the records of the run at the destination. Called at the end after failed deliveries, because some
            of these records may have arrived.
        stop: set it to stop the run. Records in flight are still delivered.
        fault_log: receives the faults of the records.
        prior: the records that earlier runs with the same events delivered.
    """

    def __init__(
        self,
        make_records: Callable[[], Records],
        sink: Sink,
        *,
        partitions: int,
        pacer: Pacer,
        found: Found = NOTHING_FOUND,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        look: Callable[[], Found] | None = None,
        stop: threading.Event | None = None,
        fault_log: FaultLog | None = None,
        prior: Sequence[Delivered] = (),
    ) -> None:
        self._make_records = make_records
        self._records = make_records()
        self._sink = sink
        self._pacer = pacer
        self._found = found
        self._on_progress = on_progress
        self._look = look
        self.stop = stop or threading.Event()
        self._log = fault_log or FaultLog(lambda part: None)
        self._digest = Digest(partitions)
        self._counts = Counts(self._records.kinds, len(EVENT_TYPES), prior)
        # Of the generated records: those already on the topic, and those that only count as sent.
        self._generated = self._skipped = self._suppressed = 0
        self._next_due = 0
        self._paused = self._started = self._stuck = False
        self._begun = self._told = time.monotonic()
        self._meter = Meter()

    def steer(self, *, paused: bool, speed: float) -> None:
        """Pause or resume, and set the speed (scenario seconds per real second; `math.inf` is unlimited)."""
        if paused != self._paused or math.isinf(self._pacer.speed) != math.isinf(speed):
            self._started = False  # the pacer restarts at the current position
        self._paused = paused
        self._pacer.change(speed)

    def run(self) -> Outcome:
        """Send every missing record. Returns when all are delivered or failed, or the run was stopped."""
        with patient_collector():
            return self._run()

    def _run(self) -> Outcome:
        until_found, caught_up = self._found.end(), False
        for block in self._records.blocks():
            at = 0
            while at < len(block) and not self._may_stop(block.first + at, until_found):
                until = min(len(block), at + _SLICE)
                if not caught_up:
                    # Records that are already on the topic are skipped without pacing.
                    there = self._there(block, at, until)
                    caught_up = there == 0 or block.first + at >= until_found
                    until = until if caught_up else at + there
                if caught_up:
                    until = min(until, self._time_for(block, at, until_found))
                if until > at:
                    at += self._send(block, at, until)
                self._tell()
            self._close(block, at)
            if at < len(block):
                break
        self._sink.finish(self._waiting)
        if self._look is not None and self._sink.tally.failed:
            # If the destination is unreachable, the failed records stay failed.
            with suppress(DeliveryError):
                self._sink.tally.correct(self._look())
        self._log.close()
        failed = sorted(self._sink.tally.failed_sequences)
        outcome = Outcome(
            progress=self._progress(),
            stopped=self._generated < self._records.total,
            digest=self._digest.hexdigest(),
            digests=self._digest.by_partition(),
            truth=self._counts.truth(self._make_records, failed).as_dict(),
            failed=failed,
        )
        self._on_progress(outcome.progress)
        return outcome

    def _may_stop(self, sequence: int, until_found: int) -> bool:
        """Whether to end before this record. A killed run left gaps below its newest record. It does not end before
        they are filled, so that the sent records are always a prefix of the run."""
        return self.stop.is_set() and (sequence >= until_found or self._stuck)

    def _there(self, block: Block, at: int, until: int) -> int:
        """The number of records from there on that need not be sent."""
        needed = np.flatnonzero(self._needed(block, at, until))
        return int(needed[0]) if len(needed) else until - at

    def _needed(self, block: Block, at: int, until: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
        needed = self._found.missing(block.first + at, until - at)
        return needed if block.suppressed is None else needed & ~block.suppressed[at:until]

    def _time_for(self, block: Block, at: int, until_found: int) -> int:
        """The end of the due records in the block. Waits a moment if none is due."""
        if self.stop.is_set():
            return until_found - block.first
        self._next_due = int(block.due[at])
        if self._paused:
            self._sink.poll()
            self.stop.wait(LOOK_SECONDS)
            return at
        if not self._started:
            self._pacer.start(self._next_due if at or block.first else 0)
            self._started = True
        position = self._pacer.position()
        if position is None:
            return len(block)
        until = int(np.searchsorted(block.due, position, side="right"))
        if until <= at:
            self._sink.poll()
            self.stop.wait(min(max(self._pacer.wait(self._next_due), 0.001), LOOK_SECONDS))
        elif until - at < _SLICE:
            # Small batches instead of single records: the clock is checked 50 times per second.
            self.stop.wait(_TICK_SECONDS)
        return until

    def _send(self, block: Block, at: int, until: int) -> int:
        """Send a part of the block, without records that need not be sent. Return the number of records processed."""
        first = block.first + at
        rows = np.arange(at, until)
        if block.suppressed is not None or first < self._found.end():
            rows = rows[self._needed(block, at, until)]
        sent = self._sink.send(block, rows, self._waiting)
        count = until - at if sent == len(rows) else int(rows[sent]) - at
        self._stuck = sent < len(rows)
        suppressed = 0 if block.suppressed is None else int(block.suppressed[at : at + count].sum())
        self._suppressed += suppressed
        self._skipped += count - sent - suppressed
        self._generated += count
        self._counts.add(block, at, at + count)
        return count

    def _close(self, block: Block, count: int) -> None:
        """Add the first `count` records of a block to the digest and the fault log."""
        if not count:
            return
        self._log.add(block.first, block.codes[:count])
        rows = np.arange(count)
        self._digest.add(block, rows if block.suppressed is None else rows[~block.suppressed[:count]])

    def _waiting(self) -> bool:
        self._tell()
        return not self.stop.is_set()

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            self._on_progress(self._progress())

    def _progress(self) -> Progress:
        tally, speed = self._sink.tally, self._pacer.speed
        moving = not self._paused and not math.isinf(speed)
        return Progress(
            total=self._records.total,
            generated=self._generated,
            acknowledged=tally.acknowledged + self._skipped + self._suppressed,
            failed=tally.failed,
            found=self._skipped,
            rate=self._meter.rate(tally.acknowledged + self._suppressed),
            target_rate=self._records.schedule.rate_at(self._generated) * speed if moving else 0.0,
            elapsed_seconds=time.monotonic() - self._begun,
            behind_seconds=self._pacer.behind(self._next_due) if moving else 0.0,
            paused=self._paused,
            ahead=self._pacer.held,
            by_type={name: int(n) for name, n in zip(EVENT_TYPES, self._counts.types, strict=True)},
            faults=self._counts.faults(),
            errors=dict(tally.errors),
            latency_ms=tally.latencies.summary(),
        )
