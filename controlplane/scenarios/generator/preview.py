"""The preview of a scenario: a pure function of the document."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from controlplane.scenarios.generator.document import Scenario
from controlplane.scenarios.generator.events import EVENT_TYPES
from controlplane.scenarios.generator.faults import FAULTS, Outcome
from controlplane.scenarios.generator.recording.making import records_of
from controlplane.scenarios.generator.records import Block, Records
from controlplane.scenarios.generator.schedule import Schedule
from controlplane.scenarios.generator.sessions import Sessions

Floats = npt.NDArray[np.float64]
Corners = tuple[Floats, Floats, Floats, Floats]

SAMPLES = 20
POINTS = 400
# The number of records to generate for sample events.
_LOOKED_AT = 8192
_WALKED = 40_000
_USERS, _PRODUCTS = 20_000, 2000
# The maximum share of faulty records among the sample events.
_BAD_SHARE = 0.4
_SHOWN_BYTES = 2000


@dataclass(frozen=True)
class SampleEvent:
    """One record as it would be sent. `kind` is its fault, empty for a valid record. Long values are cut."""

    sequence: int
    seconds: float
    kind: str
    outcome: str
    reason: str
    key: str
    value: str
    cut: bool


@dataclass(frozen=True)
class Preview:
    """`rate` has [second, records per second] at each change of slope. Totals are expected values of a whole run."""

    total: int
    duration_seconds: float
    peak_rate: float
    mean_rate: float
    events_per_session: float | None
    event_time_seconds: float
    rate: list[tuple[float, float]]
    by_type: dict[str, int]
    by_fault: dict[str, int]
    by_reason: dict[str, int]
    duplicates: int
    missing: int
    samples: list[SampleEvent]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def preview(scenario: Scenario, *, seed: int | None = None, anchor: datetime | None = None) -> Preview:
    """The preview of a run of this scenario. Nothing is sent or stored.

    Args:
        seed: by default the seed of the document.
        anchor: event time of the first second, by default the start of 2026. Only the sample times depend on it.
    """
    schedule = Schedule(scenario)
    records = records_of(
        scenario,
        seed=scenario.seed if seed is None else seed,
        anchor=anchor or datetime(2026, 1, 1, tzinfo=UTC),
        partitions=4,
        # Thousands of records of 300 KiB do not fit into the memory of a web server.
        longest=_SHOWN_BYTES + 1,
    )
    blocks: list[Block] = []
    for block in records.blocks():
        blocks.append(block)
        if sum(map(len, blocks)) >= _LOOKED_AT:
            break
    types = _types(scenario, schedule)
    by_fault = _expected_faults(scenario, schedule)
    reasons: dict[str, int] = {}
    outcomes: dict[str, int] = {}
    for kind, count in by_fault.items():
        fault = FAULTS[kind]
        outcomes[fault.outcome] = outcomes.get(fault.outcome, 0) + count
        if fault.reason:
            reasons[fault.reason] = reasons.get(fault.reason, 0) + count
    return Preview(
        total=schedule.total,
        duration_seconds=schedule.duration,
        peak_rate=schedule.peak,
        mean_rate=schedule.mean,
        events_per_session=schedule.events_per_session if scenario.traffic.unit == "sessions" else None,
        event_time_seconds=schedule.duration * scenario.traffic.time_compression,
        rate=_thinned(schedule.corners()),
        by_type={name: round(share * schedule.total) for name, share in zip(EVENT_TYPES, types, strict=True)},
        by_fault=by_fault,
        by_reason=reasons,
        duplicates=outcomes.get("duplicate", 0),
        missing=outcomes.get("missing", 0),
        samples=_samples(records, blocks),
    )


def _types(scenario: Scenario, schedule: Schedule) -> list[float]:
    """The share of each event type, from a simulation of a smaller shop with the same number of events per user. The
    start, when all sessions are new, has the same weight as in the run."""
    if scenario.source and scenario.source.figures:
        figures = scenario.source.figures
        return [figures.types.get(name, 0) / figures.rows for name in EVENT_TYPES]
    smaller = max(schedule.total / _WALKED, 1.0)
    # The products hardly affect the steps, and a large catalog takes a second to generate.
    shop = scenario.population
    few = shop.model_copy(update={"users": min(shop.users, _USERS), "products": min(shop.products, _PRODUCTS)})
    smaller_shop = scenario.model_copy(update={"population": few})
    walk = Sessions(smaller_shop, 0, 1, peak=schedule.peak / smaller, behaviour=2, identifiers=2)
    turns = walk.turns(max(round(schedule.total / smaller), 1))
    counts = np.bincount(turns.types, minlength=len(EVENT_TYPES))
    return [float(count) / len(turns.types) for count in counts]


def _expected_faults(scenario: Scenario, schedule: Schedule) -> dict[str, int]:
    """The expected number of records per fault: between two window boundaries, its rate times the new records. Copies
    count as records too, and only valid records are copied."""
    corners, end = _corners(schedule), schedule.duration
    share = schedule.total / max(_area(corners, 0, end), 1e-9)
    moments = {0.0, end, *(fault.from_seconds for fault in scenario.faults), *(fault.end for fault in scenario.faults)}
    bounds = sorted(moment for moment in moments if moment <= end)
    expected = {fault.kind: 0.0 for fault in scenario.faults}
    for start, until in pairwise(bounds):
        active = [fault for fault in scenario.faults if fault.from_seconds <= start < fault.end]
        copying = sum(fault.rate for fault in active if _copies(fault.kind))
        good = 1 - sum(fault.rate for fault in active if not _copies(fault.kind))
        fresh = _area(corners, start, until) * share / (1 + copying * good)
        for fault in active:
            expected[fault.kind] += fault.rate * fresh * (good if _copies(fault.kind) else 1)
    return {kind: round(count) for kind, count in expected.items()}


def _copies(kind: str) -> bool:
    return FAULTS[kind].outcome is Outcome.DUPLICATE


def _corners(schedule: Schedule) -> Corners:
    """The segments of the rate as (starts, start rates, ends, end rates)."""
    bends = np.array(schedule.corners(), np.float64)
    return bends[::2, 0], bends[::2, 1], bends[1::2, 0], bends[1::2, 1]


def _area(corners: Corners, start: float, end: float) -> float:
    """The number of records between two moments: the area under the rate."""
    left, rate, right, until = corners
    low, high = np.maximum(left, start), np.minimum(right, end)
    slope = (until - rate) / (right - left)
    areas = (high - low) * (rate + slope * ((low + high) / 2 - left))
    return float(areas[high > low].sum())


def _thinned(corners: list[tuple[float, float]]) -> list[tuple[float, float]]:
    step = -(-len(corners) // POINTS)
    kept = corners if step <= 1 else [*corners[::step], corners[-1]]
    return [(round(second, 3), round(rate, 3)) for second, rate in kept]


def _samples(records: Records, blocks: list[Block]) -> list[SampleEvent]:
    places = [(block, at) for block in blocks for at in range(len(block))]
    bad: list[int] = []
    seen: dict[int, int] = {}
    for number, (block, at) in enumerate(places):
        code = int(block.codes[at])
        # One record of each fault first, in order of occurrence.
        if code and seen.setdefault(code, number) == number and len(bad) < SAMPLES * _BAD_SHARE:
            bad.append(number)
    wanted = SAMPLES - len(bad)
    good = [n for n, (block, at) in enumerate(places) if not block.codes[at]]
    chosen = {*bad, *good[:: max(len(good) // wanted, 1)][:wanted]}
    # If there are few valid records, further faulty ones complete the samples.
    others = (number for number in range(len(places)) if number not in chosen)
    chosen |= set(islice(others, SAMPLES - len(chosen)))
    return [_sample(records, *places[number]) for number in sorted(chosen)]


def _sample(records: Records, block: Block, at: int) -> SampleEvent:
    kind = records.kinds[int(block.codes[at])]
    value = block.values[at]
    return SampleEvent(
        sequence=block.first + at,
        seconds=round(int(block.due[at]) / 1e6, 3),
        kind=kind,
        outcome=FAULTS[kind].outcome.value if kind else "",
        reason=FAULTS[kind].reason if kind else "",
        key=block.keys[at].decode(),
        value=value[:_SHOWN_BYTES].decode(errors="replace"),
        cut=len(value) > _SHOWN_BYTES,
    )
