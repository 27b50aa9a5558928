"""Reads of what was observed, as it counts now: what is too old to say anything is unknown, and says since when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from controlplane.health import direct
from controlplane.health.models import Measurement, Observation, PartState
from controlplane.health.parts import PARTS, Part
from controlplane.health.ports import Process
from controlplane.health.services import observation_record
from controlplane.web.moments import at_seconds

# Measurements come every 5 s; after this long without one nobody knows.
GAP = timedelta(seconds=20)
Points = list[tuple[str, float | None]]


@dataclass(frozen=True)
class PartNow:
    """How a part is now, as far as is known. `since` is from when on it has been so."""

    name: str
    title: str
    state: PartState
    summary: str
    since: datetime | None
    observed_at: datetime | None
    address: str
    link: str
    detail: dict[str, Any]
    operators_only: bool = False


def parts(known: Sequence[Part] = PARTS) -> list[PartNow]:
    """The known parts, in their order. One query; Redis and the supervisor are asked at most once a second."""
    rows = {row.part: row for row in Observation.objects.all()}
    processes = direct.processes()
    found: dict[str, PartNow] = {}
    for one in sorted(known, key=lambda one: ("direct", "heartbeat", "probe").index(one.source)):
        now = _seen(one, rows.get(one.name), found)
        found[one.name] = _with_processes(one, now, processes)
    return [found[one.name] for one in known]


def part(name: str, known: Sequence[Part] = PARTS) -> PartNow:
    """One part."""
    return next(one for one in parts(known) if one.name == name)


def overall(known: Iterable[PartNow]) -> PartState:
    """The state of the whole: the worst of its parts."""
    states = {one.state for one in known}
    for state in (PartState.DOWN, PartState.DEGRADED, PartState.UNKNOWN):
        if state in states:
            return state
    return PartState.UP


def _seen(known: Part, row: Observation | None, before: dict[str, PartNow]) -> PartNow:
    now = timezone.now()
    if known.source == "direct":
        return _direct(known, row, now)
    if row is None:
        return _part(known, PartState.UNKNOWN, f"Not seen yet. {_silence(before)}".strip(), None, None, {})
    if now - row.observed_at <= timedelta(seconds=known.stale_seconds):
        return _part(known, PartState(row.state), row.summary, row.changed_at, row.observed_at, row.detail)
    why = _silence(before)
    if known.source == "heartbeat" and before["redis"].state == PartState.UP:
        return _part(known, PartState.DOWN, "Gave no sign of life since then.", row.observed_at, row.observed_at, {})
    summary = f"Not looked at since then. {why}".strip()
    return _part(known, PartState.UNKNOWN, summary, row.observed_at, row.observed_at, row.detail)


def _direct(known: Part, row: Observation | None, now: datetime) -> PartNow:
    if known.name == "postgres":
        # Whoever reads this has just had an answer from it.
        summary, detail = (row.summary, row.detail) if row else ("Answers.", {})
        return _part(known, PartState.UP, summary, row.changed_at if row else None, now, detail)
    reading = direct.redis()
    if row is None or row.state != reading.state:
        # Nobody else can write this while Redis is down, and a page has to say since when.
        row = observation_record(part=known.name, reading=reading)
    return _part(known, reading.state, reading.summary, row.changed_at, now, reading.detail)


def _silence(before: dict[str, PartNow]) -> str:
    """Why nothing is looked at, if that is known."""
    for name in ("redis", "worker", "beat"):
        if name in before and before[name].state != PartState.UP:
            return f"{before[name].title} is {before[name].state}, so nobody looks."
    return ""


def _with_processes(known: Part, now: PartNow, processes: dict[str, Process]) -> PartNow:
    """What the supervisor knows sooner than any look: a program that isn't there, or only just is again."""
    for name in known.programs:
        process = processes.get(name)
        if process is None or (known.source == "direct" and now.state == PartState.UP):
            continue
        # One of several programs is a part of the part.
        state = PartState.DOWN if name == known.programs[0] else PartState.DEGRADED
        who = "It" if len(known.programs) == 1 else name
        since, started = process.stopped_at or process.started_at, process.started_at
        if not process.running:
            how = "is being started" if process.starting else "is stopped" if process.started_at else "was not started"
            summary = f"{who} {how}. {process.said}".strip()
        elif process.stopped_at and started and (now.observed_at is None or started > now.observed_at):
            summary = f"{who} has been started again and has not answered yet."
        else:
            continue
        return _part(known, state, summary, since, now.observed_at, now.detail)
    return now


def _part(
    known: Part,
    state: PartState,
    summary: str,
    since: datetime | None,
    observed_at: datetime | None,
    detail: dict[str, Any],
) -> PartNow:
    return PartNow(
        known.name,
        known.title,
        state,
        summary,
        since,
        observed_at,
        known.address,
        known.link,
        detail,
        known.operators_only,
    )


@dataclass(frozen=True)
class Measured:
    """A measured number: its last value, whether that is too old to be now's, and its growth per second."""

    value: float | None
    stale: bool
    rate: float | None


def measured(names: Iterable[str], seconds: float = 30) -> dict[str, Measured]:
    """These numbers now, `rate` over the last `seconds`. One query, and one more if any isn't measured now."""
    now = timezone.now()
    rows: dict[str, list[tuple[datetime, float]]] = {name: [] for name in names}
    recent = Measurement.objects.filter(name__in=rows, at__gt=now - timedelta(seconds=seconds) - GAP)
    for name, at, value in recent.order_by("at").values_list("name", "at", "value"):
        rows[name].append((at, value))
    unseen = [name for name, seen in rows.items() if not seen]
    old = Measurement.objects.filter(name__in=unseen).order_by("name", "-at").distinct("name") if unseen else ()
    last = {one.name: one.value for one in old}
    return {
        name: _measured_now(seen, now, seconds) if seen else Measured(last.get(name), True, None)
        for name, seen in rows.items()
    }


def _measured_now(seen: list[tuple[datetime, float]], now: datetime, seconds: float) -> Measured:
    end, value = seen[-1]
    if now - end > GAP:
        return Measured(value, True, None)
    # From the newest that is at least `seconds` old, so that the span is as long as asked for.
    start, before = next((one for one in reversed(seen) if now - one[0] >= timedelta(seconds=seconds)), seen[0])
    span = (end - start).total_seconds()
    return Measured(value, False, max(0.0, value - before) / span if span else None)


def rate(name: str, seconds: float = 30) -> float | None:
    """How fast one measured number has grown lately, per second; None where it isn't known."""
    return measured([name], seconds)[name].rate


def series(name: str, minutes: float = 60) -> Points:
    """A measured number over time; where nobody measured there is a None."""
    found: Points = []
    before: datetime | None = None
    for at, value in _history(name, minutes):
        if before is not None and at - before > GAP:
            found.append(((before + timedelta(seconds=1)).isoformat(), None))
        found.append((at.isoformat(), value))
        before = at
    return found


def rate_series(name: str, minutes: float = 60, points: int = 180) -> Points:
    """How fast a measured number grew over time, per second, in at most `points` steps.

    The steps begin at the same moments for every number, so that several can be read side by side.
    """
    step = max(10, round(minutes * 60 / points))
    # The last look within each step.
    looks: dict[int, tuple[datetime, float]] = {
        int(at.timestamp()) // step: (at, v) for at, v in _history(name, minutes)
    }
    found: Points = []
    before: int | None = None
    for number, (at, value) in looks.items():
        moment = at_seconds(number * step).isoformat()
        if before is not None and (number - before - 1) * step <= GAP.total_seconds():
            then, there = looks[before]
            found.append((moment, round(max(0.0, value - there) / (at - then).total_seconds(), 1)))
        elif before is not None:
            found.append((at_seconds((before + 1) * step).isoformat(), None))
        before = number
    return found


def _history(name: str, minutes: float) -> Iterable[tuple[datetime, float]]:
    rows = Measurement.objects.filter(name=name, at__gt=timezone.now() - timedelta(minutes=minutes))
    return rows.order_by("at").values_list("at", "value").iterator()
