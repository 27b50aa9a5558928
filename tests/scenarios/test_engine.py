"""Runs: whatever the pace, pauses, stops and restarts, each record once, the same bytes, the truth exact."""

import threading
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from controlplane.scenarios.generator.counting import Delivered
from controlplane.scenarios.generator.delivery import NOTHING_FOUND, Found
from controlplane.scenarios.generator.document import check
from controlplane.scenarios.generator.engine import Run
from controlplane.scenarios.generator.faultlog import FaultLog, Part, unpacked
from controlplane.scenarios.generator.pacing import Pacer
from controlplane.scenarios.generator.progress import Outcome, Progress
from controlplane.scenarios.generator.reading import find
from controlplane.scenarios.generator.records import Records
from tests.scenarios.memory import MemorySink
from tests.scenarios.rules import verdicts

ANCHOR = datetime(2026, 11, 23, 17, tzinfo=UTC)
SCENARIO = check(
    {
        "name": "Short",
        "duration_seconds": 2,
        "traffic": {"stages": [{"events_per_second": 5000}]},
        "faults": [f.model_dump() for f in find("first-light").faults],
    }
)


def _records() -> Records:
    return Records(SCENARIO, seed=3, anchor=ANCHOR, partitions=4)


def _run(
    sink: MemorySink,
    *,
    speed: float = float("inf"),
    found: Found = NOTHING_FOUND,
    stop_after: int | None = None,
    stop: threading.Event | None = None,
) -> Outcome:
    def told(progress: Progress) -> None:
        if stop_after is not None and progress.generated >= stop_after:
            running.stop.set()

    running = Run(_records, sink, partitions=4, pacer=Pacer(speed), found=found, on_progress=told, stop=stop)
    return running.run()


@pytest.fixture(scope="module")
def whole() -> tuple[MemorySink, Outcome]:
    sink = MemorySink()
    return sink, _run(sink)


def test_a_run_sends_each_record_once_in_order(whole: tuple[MemorySink, Outcome]) -> None:
    sink, outcome = whole
    assert [record[0] for record in sink.taken] == list(range(10_000))
    progress = outcome.progress
    assert (progress.generated, progress.acknowledged, progress.failed, progress.found) == (10_000, 10_000, 0, 0)
    assert sum(progress.by_type.values()) == 10_000
    assert not outcome.stopped


def test_the_truth_is_what_the_rules_find(whole: tuple[MemorySink, Outcome]) -> None:
    sink, outcome = whole
    good, reasons, copies = verdicts((record[3] for record in sink.taken), ANCHOR)
    assert outcome.truth["expected_reasons"] == reasons
    assert outcome.truth["duplicates"] == copies
    assert sum(outcome.truth["faults"].values()) == sum(reasons.values()) + copies
    assert len(good) == 10_000 - sum(reasons.values()) - copies


def test_the_pace_changes_no_byte(whole: tuple[MemorySink, Outcome]) -> None:
    sink = MemorySink()
    outcome = _run(sink, speed=1.3)
    assert sink.taken == whole[0].taken
    assert outcome.digest == whole[1].digest
    # Two seconds at this speed, and what making the records takes: how late this machine is does not count.
    progress, making = outcome.progress, whole[1].progress.elapsed_seconds
    assert progress.elapsed_seconds > 1.4
    assert progress.elapsed_seconds - progress.behind_seconds < 1.6 + 2 * making


def test_a_stopped_run_is_a_beginning_and_its_truth_is_its_own(whole: tuple[MemorySink, Outcome]) -> None:
    sink = MemorySink()
    outcome = _run(sink, speed=1, stop_after=1)
    sent = len(sink.taken)
    assert outcome.stopped
    assert 0 < sent < 10_000
    assert sink.taken == whole[0].taken[:sent]
    assert outcome.progress.generated == outcome.progress.acknowledged == sent
    _, reasons, copies = verdicts((record[3] for record in sink.taken), ANCHOR)
    assert outcome.truth["expected_reasons"] == reasons
    assert outcome.truth["duplicates"] == copies


@pytest.mark.parametrize("seed", range(5))
def test_a_killed_run_goes_on_without_a_gap_and_without_a_copy(whole: tuple[MemorySink, Outcome], seed: int) -> None:
    """What a broker holds after a kill: of each partition the first so many, as many as it happened to get."""
    random = np.random.default_rng(seed)
    reached = {partition: int(random.integers(0, 6000)) for partition in range(4)}
    there = [record for record in whole[0].taken if record[0] < reached[record[1]]]
    sink = MemorySink()
    outcome = _run(sink, found=Found(np.array([record[0] for record in there], np.int64)))
    assert sorted(there + sink.taken) == whole[0].taken
    assert outcome.digest == whole[1].digest
    assert outcome.truth == whole[1].truth
    assert outcome.progress.acknowledged == 10_000
    assert outcome.progress.found == len(there)
    assert outcome.progress.by_type == whole[1].progress.by_type


def test_a_killed_run_that_was_asked_to_stop_fills_its_gaps_and_ends(whole: tuple[MemorySink, Outcome]) -> None:
    there = [record for record in whole[0].taken if record[0] < 2000 + 300 * record[1]]
    end = max(record[0] for record in there) + 1
    stop = threading.Event()
    stop.set()
    sink = MemorySink()
    outcome = _run(sink, found=Found(np.array([record[0] for record in there], np.int64)), stop=stop)
    assert outcome.stopped
    assert sorted(there + sink.taken) == whole[0].taken[:end]
    assert outcome.progress.generated == outcome.progress.acknowledged == end


def test_nothing_is_sent_when_everything_is_there(whole: tuple[MemorySink, Outcome]) -> None:
    sink = MemorySink()
    outcome = _run(sink, found=Found(np.arange(10_000)))
    assert sink.taken == []
    assert (outcome.digest, outcome.truth) == (whole[1].digest, whole[1].truth)


def test_failed_deliveries_are_counted_and_leave_the_truth(whole: tuple[MemorySink, Outcome]) -> None:
    refused = range(4000, 7000)
    sink = MemorySink(refused)
    outcome = _run(sink)
    assert outcome.progress.failed == 3000
    assert outcome.progress.errors == {"_MSG_TIMED_OUT": 3000}
    assert outcome.progress.generated == outcome.progress.acknowledged + outcome.progress.failed
    _, reasons, _ = verdicts((record[3] for record in sink.taken), ANCHOR)
    assert outcome.truth["expected_reasons"] == reasons


def test_what_arrived_although_it_was_reported_failed_counts_as_delivered(whole: tuple[MemorySink, Outcome]) -> None:
    sink = MemorySink(range(4000, 7000))
    there = Found(np.concatenate([np.arange(4100), np.arange(6900, 10_000)]))
    outcome = Run(_records, sink, partitions=4, pacer=Pacer(float("inf")), look=lambda: there).run()
    assert outcome.progress.failed == 2800
    assert outcome.progress.errors == {"_MSG_TIMED_OUT": 2800}
    assert outcome.progress.acknowledged == 7200
    held = [record[3] for record in whole[0].taken if not 4100 <= record[0] < 6900]
    assert outcome.truth["expected_reasons"] == verdicts(held, ANCHOR)[1]


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_pace_holds_and_a_stall_is_caught_up_without_a_burst() -> None:
    clock = _Clock()
    pacer = Pacer(2.0, clock)
    pacer.start()
    for _ in range(50):
        clock.now += 0.02
        position = pacer.position()
    assert position == pytest.approx(2_000_000, rel=1e-6)
    clock.now += 5
    positions = [position := pacer.position() or 0]
    for _ in range(1000):
        clock.now += 0.02
        positions.append(pacer.position() or 0)
    steps = [after - before for before, after in pairwise(positions)]
    assert positions[0] - 2_000_000 <= 0.1 * 2 * 2 * 1e6 + 1
    assert max(steps) <= 0.02 * 2 * 2 * 1e6 + 1
    assert positions[-1] == pytest.approx(2 * 1e6 * (1 + 5 + 20), rel=1e-6)
    assert steps[-1] == pytest.approx(0.02 * 2 * 1e6, abs=1)


def test_found_knows_its_gaps() -> None:
    found = Found(np.array([0, 1, 2, 5, 7]))
    assert found.first_missing() == 3
    assert found.end() == 8
    assert found.missing(2, 7).tolist() == [False, True, True, False, True, False, True]
    assert NOTHING_FOUND.first_missing() == NOTHING_FOUND.end() == 0


def test_a_pause_and_a_change_of_speed_change_no_byte(whole: tuple[MemorySink, Outcome]) -> None:
    sink = MemorySink()
    seen: list[Progress] = []

    def told(progress: Progress) -> None:
        seen.append(progress)
        # Slow, a rest, then as fast as it goes.
        running.steer(paused=1 <= len(seen) < 3, speed=1.0 if len(seen) < 4 else float("inf"))

    running = Run(_records, sink, partitions=4, pacer=Pacer(1.0), on_progress=told)
    outcome = running.run()
    assert [progress.paused for progress in seen[1:3]] == [True, True]
    assert seen[2].generated == seen[1].generated < 10_000
    assert sink.taken == whole[0].taken
    assert (outcome.digest, outcome.digests) == (whole[1].digest, whole[1].digests)


def test_which_record_carries_which_fault_is_kept_part_by_part() -> None:
    parts: dict[int, Part] = {}

    def keep(part: Part) -> None:
        parts[part.number] = part

    Run(_records, MemorySink(), partitions=4, pacer=Pacer(float("inf")), fault_log=FaultLog(keep, 3000)).run()
    kept = [pair for number in sorted(parts) for pair in unpacked(parts[number].body)]
    codes = [code for block in _records().blocks() for code in block.codes.tolist()]
    assert kept == [(sequence, code) for sequence, code in enumerate(codes) if code]
    assert [(part.first, part.until) for part in parts.values()] == [
        (0, 3000), (3000, 6000), (6000, 9000), (9000, 10_000),
    ]  # fmt: skip


def test_what_an_earlier_run_delivered_is_a_duplicate_and_nothing_else_is(whole: tuple[MemorySink, Outcome]) -> None:
    """The first run was stopped at 7,000 and lost a hundred; this one sends the same again to the same place."""
    lost = set(range(1000, 1100))
    first = [record for record in whole[0].taken if record[0] < 7000 and record[0] not in lost]
    prior = Delivered(end=7000, failed=np.array(sorted(lost), np.int64))
    sink = MemorySink()
    outcome = Run(_records, sink, partitions=4, pacer=Pacer(float("inf")), prior=[prior]).run()
    before = len(verdicts((record[3] for record in first), ANCHOR)[0])
    good, _, copies = verdicts((record[3] for record in first + sink.taken), ANCHOR)
    first_copies = verdicts((record[3] for record in first), ANCHOR)[2]
    assert outcome.truth["duplicates"] == copies - first_copies
    assert len(good) - before == 10_000 - outcome.truth["duplicates"] - sum(outcome.truth["expected_reasons"].values())


def test_a_copy_whose_first_record_was_lost_is_no_duplicate() -> None:
    sources = {s: block.first + at for block in _records().blocks() for at, s in block.sources.items()}
    sink = MemorySink(set(list(sources)[:20]))
    outcome = _run(sink)
    _, reasons, copies = verdicts((record[3] for record in sink.taken), ANCHOR)
    assert (outcome.truth["expected_reasons"], outcome.truth["duplicates"]) == (reasons, copies)


def test_a_hurried_run_waits_where_its_events_would_be_of_the_future() -> None:
    clock = _Clock()
    pacer = Pacer(100.0, clock, ceiling=lambda: 5_000_000)
    pacer.start()
    for _ in range(20):
        clock.now += 0.1
        position = pacer.position()
    assert (position, pacer.held) == (5_000_000, True)
    assert pacer.behind(6_000_000) == 0


def test_dropped_records_are_believed_sent_and_a_killed_run_passes_over_them() -> None:
    scenario = SCENARIO.model_copy(update={"faults": check(
        {**SCENARIO.model_dump(), "faults": [{"kind": "dropped", "rate": 0.1}, {"kind": "duplicate", "rate": 0.05}]}
    ).faults})  # fmt: skip

    def make() -> Records:
        return Records(scenario, seed=3, anchor=ANCHOR, partitions=4)

    def go(sink: MemorySink, found: Found = NOTHING_FOUND) -> Outcome:
        return Run(make, sink, partitions=4, pacer=Pacer(float("inf")), found=found).run()

    sink = MemorySink()
    outcome = go(sink)
    missing = outcome.truth["missing"]
    assert missing == pytest.approx(1000, rel=0.2)
    assert outcome.progress.acknowledged == 10_000 == len(sink.taken) + missing
    there = sink.taken[:4000]
    again = MemorySink()
    resumed = go(again, Found(np.array([record[0] for record in there], np.int64)))
    assert there + again.taken == sink.taken
    assert (resumed.digest, resumed.truth) == (outcome.digest, outcome.truth)
    assert resumed.progress.acknowledged == 10_000
    assert resumed.progress.found == 4000
