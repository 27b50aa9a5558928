"""Running a scenario: make, pace, send, count, and say how it goes."""

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
# Between two looks at the clock, at most so many records.
_SLICE = 2000


class Run:
    """One run of a scenario.

    Args:
        make_records: the run's records from the first on; called a second time when deliveries failed, to tell which.
        found: what the topic holds already, for a run that is taken up again.
        on_progress: called about every half second, from the thread that runs; what it raises ends the run. It may call
            `steer`.
        look: finds what the place holds of the run at the end; asked when deliveries failed, because some of those may
            have arrived after all.
        stop: set it to stop the run; what is under way is still delivered.
        fault_log: takes which record carries which fault.
        prior: what earlier runs with the same events have delivered.
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
        # Of the generated: those found there already, and those that are only believed to be sent.
        self._generated = self._skipped = self._withheld = 0
        self._next_due = 0
        self._paused = self._started = self._stuck = False
        self._begun = self._told = time.monotonic()
        self._meter = Meter()

    def steer(self, *, paused: bool, speed: float) -> None:
        """Pause or go on, and change the speed (scenario seconds a real second, `math.inf` for as fast as it goes)."""
        if paused != self._paused or math.isinf(self._pacer.speed) != math.isinf(speed):
            self._started = False  # the pacer begins anew where the run is
        self._paused = paused
        self._pacer.change(speed)

    def run(self) -> Outcome:
        """Send every record that isn't there yet; returns when all are delivered or failed, or the run was stopped."""
        with patient_collector():
            return self._run()

    def _run(self) -> Outcome:
        until_found, caught_up = self._found.end(), False
        for block in self._records.blocks():
            at = 0
            while at < len(block) and not self._may_stop(block.first + at, until_found):
                until = min(len(block), at + _SLICE)
                if not caught_up:
                    # What is there already is passed over as fast as it can be made.
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
            # While the place can't be asked, the failed ones stay failed.
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
        """Whether to end before this record. A run that was killed left gaps below its newest record: it doesn't end
        before they are filled, so that what it sent is always its first so many records."""
        return self.stop.is_set() and (sequence >= until_found or self._stuck)

    def _there(self, block: Block, at: int, until: int) -> int:
        """How many records from there on need not be sent."""
        needed = np.flatnonzero(self._needed(block, at, until))
        return int(needed[0]) if len(needed) else until - at

    def _needed(self, block: Block, at: int, until: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
        needed = self._found.missing(block.first + at, until - at)
        return needed if block.withheld is None else needed & ~block.withheld[at:until]

    def _time_for(self, block: Block, at: int, until_found: int) -> int:
        """Up to which record of the block it is time; waits a moment when it isn't for any."""
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
            # A handful at a time rather than one by one: the clock is looked at 50 times a second.
            self.stop.wait(_TICK_SECONDS)
        return until

    def _send(self, block: Block, at: int, until: int) -> int:
        """Send a part of the block, except for what need not be sent; gives how far it got."""
        first = block.first + at
        rows = np.arange(at, until)
        if block.withheld is not None or first < self._found.end():
            rows = rows[self._needed(block, at, until)]
        sent = self._sink.send(block, rows, self._waiting)
        count = until - at if sent == len(rows) else int(rows[sent]) - at
        self._stuck = sent < len(rows)
        withheld = 0 if block.withheld is None else int(block.withheld[at : at + count].sum())
        self._withheld += withheld
        self._skipped += count - sent - withheld
        self._generated += count
        self._counts.add(block, at, at + count)
        return count

    def _close(self, block: Block, count: int) -> None:
        """The first so many records of a block were the run's: note them for the digest and the log of faults."""
        if not count:
            return
        self._log.add(block.first, block.codes[:count])
        rows = np.arange(count)
        self._digest.add(block, rows if block.withheld is None else rows[~block.withheld[:count]])

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
            acknowledged=tally.acknowledged + self._skipped + self._withheld,
            failed=tally.failed,
            found=self._skipped,
            rate=self._meter.rate(tally.acknowledged + self._withheld),
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
