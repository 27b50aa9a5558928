"""Every field that the form shows for a document, with its path, and writing typed values to these paths."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.scenarios.editor import layout, paths
from controlplane.scenarios.editor.fields import Field, Kind
from controlplane.scenarios.generator.document import SHAPES
from controlplane.scenarios.generator.document.population import CATEGORIES, COUNTRIES, Population
from controlplane.scenarios.generator.document.sessions import TRANSITIONS
from controlplane.scenarios.generator.events import EVENT_TYPES, STEPS

STAGES, CATEGORY_ROWS, COUNTRY_ROWS = "traffic.stages", "population.categories", "population.countries"
SOURCE = "source"
FAULT_ROWS, THRESHOLD_ROWS, HOT_PRODUCT = "faults", "thresholds", "population.hot_product"
TRANSITION_ROWS, DEVICES = "sessions.transitions", "population.devices"
LISTS = (STAGES, FAULT_ROWS, THRESHOLD_ROWS, CATEGORY_ROWS, COUNTRY_ROWS)
STATES = ("start", *EVENT_TYPES)
SHAPE = Field("shape", "Shape", Kind.CHOICE, default="constant", choices=tuple(layout.SHAPE_LABELS.items()))
_ALWAYS = (*layout.ABOUT, *layout.LIMITS)
_MADE_UP = (*layout.LENGTH, *layout.TRAFFIC, *layout.POPULATION, *layout.SESSIONS, *layout.DWELL)
_DEVICES: Mapping[str, float] = Population.model_fields["devices"].default
# The defaults of the sections of which the form shows every row.
_MEANT: dict[str, Any] = {
    **{f"{TRANSITION_ROWS}.{state}": row for state, row in TRANSITIONS.items()},
    DEVICES: dict(_DEVICES),
    CATEGORY_ROWS: [row.model_dump(exclude_defaults=True) for row in CATEGORIES],
    COUNTRY_ROWS: [row.model_dump(exclude_defaults=True) for row in COUNTRIES],
}


def rows(document: Any, path: str) -> list[Any]:
    """The entries of a list of the document; empty if there is no list."""
    found = paths.get(document, path)
    return found if isinstance(found, list) else []


def meant(document: Any, path: str) -> Any:
    """The value at the path, or its default if the document omits it."""
    return paths.get(document, path, _MEANT.get(path))


def written_out(document: dict[str, Any], path: str) -> None:
    """Write the default at the path into the document, if the document omits it."""
    if paths.get(document, path) is None and path in _MEANT:
        paths.put(document, path, copy.deepcopy(_MEANT[path]))


def entry_fields(document: Any, path: str, number: int) -> tuple[Field, ...]:
    """The fields of one entry of a list."""
    entries = rows(document, path)
    entry = entries[number] if isinstance(entries[number], dict) else {}
    if path == STAGES:
        unit = paths.get(document, "traffic.unit", "events")
        last = number == len(entries) - 1 and paths.get(document, "traffic.loop") is not True
        return SHAPE, *layout.stage_fields(
            entry.get("shape", "constant"), "sessions" if unit == "sessions" else "events", last=last
        )
    if path == FAULT_ROWS:
        return layout.fault_fields(entry.get("kind"))
    if path == THRESHOLD_ROWS:
        return layout.threshold_fields(entry.get("metric"))
    return layout.CATEGORY if path == CATEGORY_ROWS else layout.COUNTRY


def every_field(document: Any) -> Iterator[tuple[str, Field]]:
    """(path, field) of every field that the form shows for the document."""
    recorded = has_source(document)
    yield from ((field.key, field) for field in (*_ALWAYS, *(layout.SOURCE if recorded else _MADE_UP)))
    for path in (FAULT_ROWS, THRESHOLD_ROWS) if recorded else LISTS:
        for number in range(len(rows(document, path))):
            for field in entry_fields(document, path, number):
                yield f"{path}[{number}].{field.key}", field
    if recorded:
        return
    if has_hot_product(document):
        yield from ((f"{HOT_PRODUCT}.{field.key}", field) for field in layout.HOT_PRODUCT)
    for state in STATES:
        yield from ((f"{TRANSITION_ROWS}.{state}.{step}", layout.TRANSITION) for step in STEPS)
    yield from ((f"{DEVICES}.{name}", layout.DEVICE) for name in devices(document))


def value_at(document: Any, path: str) -> Any:
    """The value that the form shows at the path. A cell of an omitted row has its default."""
    above = paths.parent(path)
    if above in _MEANT and isinstance(_MEANT[above], dict) and paths.get(document, above) is None:
        return _MEANT[above].get(paths.steps(path)[-1])
    return paths.get(document, path)


def devices(document: Any) -> list[str]:
    """The names of the devices."""
    found = meant(document, DEVICES)
    return [str(name) for name in found if paths.steps(str(name)) == [name]] if isinstance(found, dict) else []


def has_source(document: Any) -> bool:
    """Whether the document replays a recording."""
    return isinstance(paths.get(document, SOURCE), dict)


def has_hot_product(document: Any) -> bool:
    """Whether the document has a featured product."""
    return isinstance(paths.get(document, HOT_PRODUCT), dict)


def edits(document: Any, typed: Mapping[str, str]) -> dict[str, tuple[Field, str]]:
    """The typed values that differ from what the form showed: path -> (field, typed)."""
    found = {}
    for place, field in every_field(document):
        was = field.shown(value_at(document, place))
        if field.kind is Kind.CHOICE and not was:
            was = str(field.default or "")
        # Browsers omit an unchecked box. Any other field that is not sent was not changed.
        now = typed.get(place, "" if field.kind is Kind.FLAG else was)
        if now.replace("\r\n", "\n").strip() != was.strip():
            found[place] = (field, now)
    return found


def write(document: dict[str, Any], changed: Mapping[str, tuple[Field, str]]) -> None:
    """Write the typed values to the document."""
    for place, (field, typed) in changed.items():
        above = paths.parent(place)
        written_out(document, above)
        value = field.read(typed)
        if value is None or (field is layout.TRANSITION and value == 0) or value == field.default:
            paths.drop(document, place)
        else:
            paths.put(document, place, value)
        if place == f"{SOURCE}.mapping" and value is not None:
            # A source has either mapping or columns.
            paths.drop(document, f"{SOURCE}.columns")
        if field is SHAPE:
            _reshape(paths.get(document, above), str(value or "constant"))


def _reshape(stage: Any, shape: str) -> None:
    """Keep the fields of a stage that its new shape has, and add a second rate if it needs one."""
    if not isinstance(stage, dict) or shape not in SHAPES:
        return
    known = SHAPES[shape].model_fields
    other = next((stage[key] for key in ("to_events_per_second", "peak_events_per_second") if key in stage), None)
    rate = stage.get("events_per_second")
    twice = rate * 2 if isinstance(rate, int | float) and not isinstance(rate, bool) else rate
    for key in [key for key in stage if key not in known]:
        del stage[key]
    for key in ("to_events_per_second", "peak_events_per_second"):
        if key in known and key not in stage:
            stage[key] = twice if other is None else other
