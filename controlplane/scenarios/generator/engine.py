"""Running a scenario: make, pace, send, count, and say how it goes."""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from controlplane.scenarios.generator.delivery import NOTHING_FOUND, Found, Sink
from controlplane.scenarios.generator.errors import DeliveryError
from controlplane.scenarios.generator.events import EVENT_TYPES
from controlplane.scenarios.generator.faults import DUPLICATE, expected_reasons
from controlplane.scenarios.generator.pacing import LOOK_SECONDS, Pacer
from controlplane.scenarios.generator.records import Block, Digest, Records

PROGRESS_SECONDS = 0.5
_TICK_SECONDS = 0.02
# Between two looks at the clock, at most so many records.
_SLICE = 2000
_RATE_WINDOW_SECONDS = 5.0


@dataclass
class Progress:
    """How far a run is. `generated` = `acknowledged` + `failed` + what is under way.

    `rate` is what was acknowledged a second over the last seconds, `target_rate` what the document asks for now (0 when
    it is not paced). `found` records were in the topic already when the run was taken up again.
    """

    total: int
    generated: int = 0
    acknowledged: int = 0
    failed: int = 0
    found: int = 0
    rate: float = 0.0
    target_rate: float = 0.0
    elapsed_seconds: float = 0.0
    by_type: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass
class Outcome:
    """How a run ended. `truth` says what was injected into the records that were delivered:
    {"faults": {kind: n}, "expected_reasons": {quarantine reason: n}, "duplicates": n}."""

    progress: Progress
    stopped: bool
    digest: str
    truth: dict[str, Any]


class Run:
    """One run of a scenario.

    Args:
        make_records: the run's records from the first on; called a second time when deliveries failed, to tell which.
        found: what the topic holds already, for a run that is taken up again.
        on_progress: called about every half second, from the thread that runs; what it raises ends the run.
        look: finds what the place holds of the run at the end; asked when deliveries failed, because some of those may
            have arrived after all.
        stop: set it to stop the run; what is under way is still delivered.
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
    ) -> None:
        self._make_records = make_records
        self._records = make_records()
        self._sink = sink
        self._pacer = pacer
        self._found = found
        self._on_progress = on_progress
        self._look = look
        self.stop = stop or threading.Event()
        self._digest = Digest(partitions)
        self._types = np.zeros(len(EVENT_TYPES), np.int64)
        self._codes = np.zeros(len(self._records.kinds), np.int64)
        self._generated = self._skipped = 0
        self._stuck = False
        self._begun = self._told = time.monotonic()
        self._recent: deque[tuple[float, int]] = deque([(self._begun, 0)])

    def run(self) -> Outcome:
        """Send every record that isn't there yet; returns when all are delivered or failed, or the run was stopped."""
        paced_from, until_found = self._found.first_missing(), self._found.end()
        started = False
        for block in self._records.blocks():
            at = 0
            while at < len(block) and not self._may_stop(block.first + at, until_found):
                until = min(len(block), at + _SLICE)
                if block.first + at < paced_from:
                    until = min(until, paced_from - block.first)
                elif not self.stop.is_set():
                    if not started:
                        self._pacer.start(int(block.due[at]) if at or block.first else 0)
                        started = True
                    until = min(until, self._may_send(block, at))
                else:
                    until = min(until, until_found - block.first)
                if until > at:
                    at += self._send(block, at, until)
                self._tell()
            if at < len(block):
                break
        self._sink.finish(self._waiting)
        if self._look is not None and self._sink.tally.failed:
            # While the place can't be asked, the failed ones stay failed.
            with suppress(DeliveryError):
                self._sink.tally.correct(self._look())
        stopped = self._generated < self._records.total
        outcome = Outcome(self._progress(), stopped, self._digest.hexdigest(), self._truth())
        self._on_progress(outcome.progress)
        return outcome

    def _may_stop(self, sequence: int, until_found: int) -> bool:
        """Whether to end before this record. A run that was killed left gaps below its newest record: it doesn't end
        before they are filled, so that what it sent is always its first so many records."""
        return self.stop.is_set() and (sequence >= until_found or self._stuck)

    def _may_send(self, block: Block, at: int) -> int:
        """Up to which record of the block it is time; waits a moment when it isn't for any."""
        position = self._pacer.position()
        if position is None:
            return len(block)
        until = int(np.searchsorted(block.due, position, side="right"))
        if until <= at:
            self._sink.poll()
            self.stop.wait(min(max(self._pacer.wait(int(block.due[at])), 0.001), LOOK_SECONDS))
        elif until - at < _SLICE:
            # A handful at a time rather than one by one: the clock is looked at 50 times a second.
            self.stop.wait(_TICK_SECONDS)
        return until

    def _send(self, block: Block, at: int, until: int) -> int:
        """Send a part of the block, except for what is there already; gives how far it got."""
        first = block.first + at
        missing = np.flatnonzero(self._found.missing(first, until - at))
        skipped = until - at - len(missing)
        if skipped:
            rows = (missing + at).tolist()
            sequences = (missing + first).tolist()
            partitions = [block.partitions[row] for row in rows]
            keys, values = [block.keys[row] for row in rows], [block.values[row] for row in rows]
        else:
            sequences = list(range(first, first + until - at))
            partitions, keys, values = block.partitions[at:until], block.keys[at:until], block.values[at:until]
        sent = self._sink.send(sequences, partitions, keys, values, self._waiting)
        count = until - at if sent == len(sequences) else sequences[sent] - first
        self._stuck = sent < len(sequences)
        self._skipped += count - sent
        self._generated += count
        done = slice(at, at + count)
        self._types += np.bincount(block.types[done], minlength=len(self._types))
        self._codes += np.bincount(block.codes[done], minlength=len(self._codes))
        self._digest.add(block.partitions[done], block.keys[done], block.values[done])
        return count

    def _waiting(self) -> bool:
        self._tell()
        return not self.stop.is_set()

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            self._on_progress(self._progress())

    def _progress(self) -> Progress:
        now, tally = time.monotonic(), self._sink.tally
        self._recent.append((now, tally.acknowledged))
        while len(self._recent) > 2 and now - self._recent[0][0] > _RATE_WINDOW_SECONDS:
            self._recent.popleft()
        since, before = self._recent[0]
        paced = self._pacer.speed if self._pacer.speed != float("inf") else 0.0
        return Progress(
            total=self._records.total,
            generated=self._generated,
            acknowledged=tally.acknowledged + self._skipped,
            failed=tally.failed,
            found=self._skipped,
            rate=(tally.acknowledged - before) / max(now - since, 1e-3),
            target_rate=self._records.schedule.rate_at(self._generated) * paced,
            elapsed_seconds=now - self._begun,
            by_type={name: int(n) for name, n in zip(EVENT_TYPES, self._types, strict=True)},
            faults=self._faults(self._codes),
            errors=dict(tally.errors),
        )

    def _faults(self, codes: "np.ndarray[Any, np.dtype[np.int64]]") -> dict[str, int]:
        return {kind: int(n) for kind, n in zip(self._records.kinds[1:], codes[1:], strict=True)}

    def _truth(self) -> dict[str, Any]:
        """What was injected into the delivered records. Which ones failed is known by number only, so when some did,
        the records are made once more to see what was in those."""
        codes = self._codes.copy()
        failed = np.array(sorted(self._sink.tally.failed_sequences), np.int64)
        if len(failed):
            for block in self._make_records().blocks():
                low, high = np.searchsorted(failed, (block.first, block.first + len(block)))
                codes -= np.bincount(block.codes[failed[low:high] - block.first], minlength=len(codes))
                if block.first > failed[-1]:
                    break
        faults = self._faults(codes)
        duplicates = faults.pop(DUPLICATE, 0)
        return {"faults": faults, "expected_reasons": expected_reasons(faults), "duplicates": duplicates}
