"""Current health, from the observations. A stale observation counts as unknown, since its time."""

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

# Measurements come every 5 s; after this gap the value is unknown.
GAP = timedelta(seconds=20)
Points = list[tuple[str, float | None]]


@dataclass(frozen=True)
class PartNow:
    """The current health of a service. `since` is when the state began."""

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
    """The worst state of all services."""
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
        return _part(known, PartState.UNKNOWN, f"Not checked yet. {_silence(before)}".strip(), None, None, {})
    if now - row.observed_at <= timedelta(seconds=known.stale_seconds):
        return _part(known, PartState(row.state), row.summary, row.changed_at, row.observed_at, row.detail)
    why = _silence(before)
    if known.source == "heartbeat" and before["redis"].state == PartState.UP:
        return _part(known, PartState.DOWN, "No heartbeat since then.", row.observed_at, row.observed_at, {})
    summary = f"Not checked since then. {why}".strip()
    return _part(known, PartState.UNKNOWN, summary, row.observed_at, row.observed_at, row.detail)


def _direct(known: Part, row: Observation | None, now: datetime) -> PartNow:
    if known.name == "postgres":
        # This code runs after a query has just succeeded.
        summary, detail = (row.summary, row.detail) if row else ("Healthy.", {})
        return _part(known, PartState.UP, summary, row.changed_at if row else None, now, detail)
    reading = direct.redis()
    if row is None or row.state != reading.state:
        # No worker can write this row while Redis is down, and a page has to show since when.
        row = observation_record(part=known.name, reading=reading)
    return _part(known, reading.state, reading.summary, row.changed_at, now, reading.detail)


def _silence(before: dict[str, PartNow]) -> str:
    """Why checks do not run, if known."""
    for name in ("redis", "worker", "beat"):
        if name in before and before[name].state != PartState.UP:
            return f"{before[name].title} is {before[name].state}, so checks do not run."
    return ""


def _with_processes(known: Part, now: PartNow, processes: dict[str, Process]) -> PartNow:
    """Apply what the supervisor knows before any check: a program that is stopped or was just restarted."""
    for name in known.programs:
        process = processes.get(name)
        if process is None or (known.source == "direct" and now.state == PartState.UP):
            continue
        # A secondary program that stops degrades the service.
        state = PartState.DOWN if name == known.programs[0] else PartState.DEGRADED
        who = "It" if len(known.programs) == 1 else name
        since, started = process.stopped_at or process.started_at, process.started_at
        if not process.running:
            how = "is starting" if process.starting else "is stopped" if process.started_at else "was not started"
            summary = f"{who} {how}. {process.said}".strip()
        elif process.stopped_at and started and (now.observed_at is None or started > now.observed_at):
            summary = f"{who} was restarted and has not responded yet."
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
    """A measured number: its last value, whether that value is stale, and its growth per second."""

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
    # From the newest value that is at least `seconds` old, so that the span has the requested length.
    start, before = next((one for one in reversed(seen) if now - one[0] >= timedelta(seconds=seconds)), seen[0])
    span = (end - start).total_seconds()
    return Measured(value, False, max(0.0, value - before) / span if span else None)


def rate(name: str, seconds: float = 30) -> float | None:
    """The recent growth of one measured number, per second; None if unknown."""
    return measured([name], seconds)[name].rate


def series(name: str, minutes: float = 60) -> Points:
    """A measured number over time; None marks a gap."""
    found: Points = []
    before: datetime | None = None
    for at, value in _history(name, minutes):
        if before is not None and at - before > GAP:
            found.append(((before + timedelta(seconds=1)).isoformat(), None))
        found.append((at.isoformat(), value))
        before = at
    return found


def rate_series(name: str, minutes: float = 60, points: int = 180) -> Points:
    """The growth of a measured number over time, per second, in at most `points` steps.

    The steps are aligned, so that several series can be compared.
    """
    step = max(10, round(minutes * 60 / points))
    # The last value within each step.
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
