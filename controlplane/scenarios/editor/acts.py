"""The actions of the form's buttons: add, remove and move entries of a document's lists."""

from collections.abc import Mapping
from typing import Any

from controlplane.scenarios.editor import field_paths as places
from controlplane.scenarios.editor import paths
from controlplane.scenarios.generator import reading
from controlplane.scenarios.generator.errors import DocumentError
from controlplane.scenarios.generator.faults import FAULTS
from controlplane.scenarios.generator.thresholds import METRICS

# The defaults of a new threshold.
_LIMITS: dict[str, dict[str, float]] = {
    "failed_percent": {"over": 1},
    "rate_reached_percent": {"under": 90, "for_seconds": 10},
    "latency_p99_ms": {"over": 2000},
    "bronze_lag_records": {"over": 100_000, "for_seconds": 30},
    "bronze_lag_seconds": {"over": 60, "for_seconds": 10},
    "quarantine_percent": {"over": 10, "for_seconds": 10},
}
_FIRST_RATE, _FIRST_SECONDS = 100, 60
_MADE_UP = ("duration_seconds", "traffic", "population", "sessions")


def do(document: dict[str, Any], act: str, sent: Mapping[str, str]) -> None:
    """Apply the action of a button to the document: `add:faults`, `remove:faults[1]`, `up:traffic.stages[2]`, `down:…`.
    `add:source` and `remove:source` switch between a recording and synthetic traffic.

    `sent` has the fault kind or metric of a new entry, or the recording to replay. An invalid action is ignored.
    """
    verb, _, path = act.partition(":")
    if verb == "add":
        _add(document, path, sent)
    elif verb == "remove":
        _remove(document, path)
    elif verb in ("up", "down"):
        _move(document, path, -1 if verb == "up" else 1)


def _add(document: dict[str, Any], path: str, sent: Mapping[str, str]) -> None:
    if path == places.HOT_PRODUCT:
        paths.put(document, path, {"share": 0.3})
        return
    if path == places.SOURCE:
        _play(document, sent.get("new-source", ""))
        return
    kind, metric = sent.get("new-fault", ""), sent.get("new-threshold", "")
    made: dict[str, Any]
    if path == places.STAGES:
        made = _new_stage(document)
    elif path == places.FAULT_ROWS and kind in FAULTS:
        made = {"kind": kind, "rate": 0.01}
    elif path == places.THRESHOLD_ROWS and metric in METRICS:
        made = {"metric": metric, **_LIMITS.get(metric, {"over": 1})}
    elif path in (places.CATEGORY_ROWS, places.COUNTRY_ROWS):
        if paths.get(document, path) is None:
            # The first press writes the defaults into the document, so that they can be edited.
            places.written_out(document, path)
            return
        made = {"name": "", "median_price": 20} if path == places.CATEGORY_ROWS else {"code": "", "currency": "EUR"}
    else:
        return
    if not isinstance(paths.get(document, path), list):
        paths.put(document, path, [])
    places.rows(document, path).append(made)


def _play(document: dict[str, Any], chosen: str) -> None:
    """Replay a recording instead of synthetic traffic and remove the fields that it defines. `chosen` is JSON."""
    try:
        source = reading.plain(chosen)
    except DocumentError:
        return
    for name in _MADE_UP:
        document.pop(name, None)
    document[places.SOURCE] = source


def _make_up(document: dict[str, Any]) -> None:
    """Use synthetic traffic again instead of a recording."""
    document.pop(places.SOURCE, None)
    document["duration_seconds"] = _FIRST_SECONDS
    document["traffic"] = {"stages": [{"events_per_second": _FIRST_RATE}]}


def _new_stage(document: dict[str, Any]) -> dict[str, Any]:
    """A stage at the rate of the last one, which gives it half of its duration."""
    stages = places.rows(document, places.STAGES)
    last = stages[-1] if stages and isinstance(stages[-1], dict) else {}
    rate = last.get("to_events_per_second", last.get("events_per_second", _FIRST_RATE))
    if "duration_seconds" in last:
        return {"events_per_second": rate}
    whole = document.get("duration_seconds")
    taken = [stage.get("duration_seconds", 0) for stage in stages if isinstance(stage, dict)]
    numbers = [number for number in (whole, *taken) if isinstance(number, int | float)]
    left = numbers[0] - sum(numbers[1:]) if len(numbers) == len(taken) + 1 else 0
    if last and left > 0:
        last["duration_seconds"] = int(left / 2) or left / 2
    return {"events_per_second": rate}


def _remove(document: dict[str, Any], path: str) -> None:
    if path == places.SOURCE:
        _make_up(document)
        return
    if path == places.HOT_PRODUCT:
        paths.drop(document, path)
        return
    entries, number = _entry(document, path)
    if entries is None:
        return
    removed = entries.pop(number)
    if paths.parent(path) == places.STAGES and number == len(entries) and entries and _open_ended(removed):
        _take_length(entries[-1])
    if not entries and paths.parent(path) != places.STAGES:
        paths.drop(document, paths.parent(path))


def _move(document: dict[str, Any], path: str, by: int) -> None:
    entries, number = _entry(document, path)
    if entries is None or not 0 <= number + by < len(entries):
        return
    one, other = entries[number], entries[number + by]
    entries[number], entries[number + by] = other, one
    # Only the last stage may last until the end of the run: the other one takes over its duration.
    if paths.parent(path) == places.STAGES and _open_ended(one) != _open_ended(other):
        without, having = (one, other) if _open_ended(one) else (other, one)
        if isinstance(without, dict):
            without["duration_seconds"] = _take_length(having)


def _open_ended(stage: Any) -> bool:
    return not isinstance(stage, dict) or "duration_seconds" not in stage


def _take_length(stage: Any) -> Any:
    return stage.pop("duration_seconds", None) if isinstance(stage, dict) else None


def _entry(document: dict[str, Any], path: str) -> tuple[list[Any] | None, int]:
    """The list of an entry and its index; (None, 0) if there is no such entry."""
    above, steps = paths.parent(path), paths.steps(path)
    if above not in places.LISTS or not isinstance(steps[-1], int):
        return None, 0
    entries = places.rows(document, above)
    return (entries, steps[-1]) if steps[-1] < len(entries) else (None, 0)
