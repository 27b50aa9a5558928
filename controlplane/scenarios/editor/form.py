"""The form as templates need it: every field with its value and its problems."""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from controlplane.scenarios.editor import field_paths as places
from controlplane.scenarios.editor import layout, paths, source
from controlplane.scenarios.editor.draft import Draft
from controlplane.scenarios.editor.fields import Field, Kind
from controlplane.scenarios.generator.document.sessions import impossible
from controlplane.scenarios.generator.errors import Problem
from controlplane.scenarios.generator.events import STEPS
from controlplane.scenarios.generator.faults import FAULTS, Outcome
from controlplane.scenarios.generator.thresholds import METRICS

_OUTCOMES = {
    Outcome.QUARANTINED: "Quarantined", Outcome.PASSES: "Accepted",
    Outcome.DUPLICATE: "Deduplicated", Outcome.MISSING: "Dropped",
}  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """A field as the page shows it. `name` is its path in the document."""

    name: str
    field: Field
    value: str
    problems: list[Problem]
    row: str = ""
    column: str = ""

    @property
    def id(self) -> str:
        """The HTML id of the field."""
        return slot_id(self.name)

    @property
    def placeholder(self) -> str:
        """The default, which is shown in the empty field."""
        return self.field.shown(self.field.default)

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """(value, label, chosen). A value of the document that is not a known choice is listed as well."""
        value = self.value or str(self.field.default or "")
        known = [*self.field.choices]
        if value not in dict(known):
            known.insert(0, (value, value or "Select"))
        return [(one, label, one == value) for one, label in known]


@dataclass(frozen=True)
class Entry:
    """One entry of a list: a stage, a fault, a threshold."""

    name: str
    title: str
    says: str
    aside: str
    fields: list[Shown]
    problems: list[Problem]
    first: bool
    last: bool

    @property
    def id(self) -> str:
        """The HTML id of the entry."""
        return slot_id(self.name)


@dataclass(frozen=True)
class Row:
    """A row of the transition matrix. `sums` is in percent; `complete` is true when it is 100."""

    name: str
    state: str
    cells: list[Shown]
    sums: str
    complete: bool
    problems: list[Problem]

    @property
    def id(self) -> str:
        """The HTML id."""
        return slot_id(self.name)


@dataclass
class Form:
    """The form of a draft."""

    draft: Draft
    # The recordings to choose from: (label, source), newest first.
    sources: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _by_slot: dict[str, list[Problem]] = field(default_factory=lambda: defaultdict(list), init=False)

    def __post_init__(self) -> None:
        self._fields = dict(places.every_field(self.draft.document))
        slots = {*self._fields, *_CONTAINERS, "document"}
        for path in places.LISTS:
            slots |= {f"{path}[{number}]" for number in range(len(self.rows(path)))}
        for problem in self.draft.problems:
            slot = problem.field
            while slot and slot not in slots:
                slot = paths.parent(slot)
            told = self._fields[slot].told(problem) if slot == problem.field and slot in self._fields else problem
            self._by_slot[slot].append(told)

    def rows(self, path: str) -> list[Any]:
        """The entries of a list of the document."""
        return places.rows(self.draft.document, path)

    @property
    def problems(self) -> list[tuple[str, Problem]]:
        """(id of the element that shows it, problem) for every problem."""
        return [(slot_id(slot), problem) for slot, found in self._by_slot.items() for problem in found]

    def said_at(self, slot: str) -> list[Problem]:
        """The problems of a section as a whole. The problems of its fields are shown at the fields."""
        return self._by_slot.get(slot, [])

    @property
    def parts(self) -> dict[str, list[Problem]]:
        """The problems of the sections as wholes, by the last name of the section's path."""
        return {path.rsplit(".", 1)[-1]: self.said_at(path) for path in (*_CONTAINERS, "document", "")}

    def shown(self, name: str, known: Field, row: str = "", column: str = "") -> Shown:
        """A field with the typed value, or else the document's, and its error."""
        value = self.draft.typed.get(name)
        if value is None:
            value = known.shown(places.value_at(self.draft.document, name))
        return Shown(name, known, value, self.said_at(name), row, column)

    def _all(self, fields: tuple[Field, ...], below: str = "") -> list[Shown]:
        return [self.shown(f"{below}{known.key}", known) for known in fields]

    @property
    def about(self) -> list[Shown]:
        """Name, description and learning goal."""
        return self._all(layout.ABOUT)

    @property
    def length(self) -> list[Shown]:
        """The duration."""
        return self._all(layout.LENGTH)

    @property
    def source(self) -> list[Shown]:
        """The fields of the recording; empty without a recording."""
        return [self.shown(known.key, known) for known in source.fields(self.draft.document, self.sources)]

    @property
    def source_columns(self) -> list[tuple[str, str]]:
        """The columns of the document's own mapping."""
        return source.own_columns(self.draft.document)

    @property
    def source_choices(self) -> list[tuple[str, str]]:
        """(source as JSON, label) of every recording that can be replayed."""
        return [(orjson.dumps(one).decode(), label) for label, one in self.sources]

    @property
    def limits(self) -> list[Shown]:
        """The maximum number of events, and the seed."""
        return self._all(layout.LIMITS)

    @property
    def traffic(self) -> list[Shown]:
        """The fields of the traffic, without its stages."""
        return self._all(layout.TRAFFIC)

    @property
    def population(self) -> list[Shown]:
        """The fields of users and catalog."""
        return self._all(layout.POPULATION)

    @property
    def hot_product(self) -> list[Shown]:
        """Empty without a featured product."""
        there = places.has_hot_product(self.draft.document)
        return self._all(layout.HOT_PRODUCT, f"{places.HOT_PRODUCT}.") if there else []

    @property
    def devices(self) -> list[Shown]:
        """The weight of each device."""
        document = self.draft.document
        return [
            self.shown(f"{places.DEVICES}.{name}", Field("", name, hint="Weight")) for name in places.devices(document)
        ]

    @property
    def sessions(self) -> list[Shown]:
        """The fields of sessions."""
        return self._all(layout.SESSIONS)

    @property
    def dwell(self) -> list[Shown]:
        """The fields of the think time."""
        return self._all(layout.DWELL)

    @property
    def stages(self) -> list[Entry]:
        """The stages of the traffic."""
        return self._entries(places.STAGES, lambda number, entry: (f"Stage {number + 1}", "", ""))

    @property
    def faults(self) -> list[Entry]:
        """The injected faults."""

        def told(number: int, entry: dict[str, Any]) -> tuple[str, str, str]:
            kind = entry.get("kind")
            known = FAULTS.get(kind) if isinstance(kind, str) else None
            if known is None:
                return str(kind or "missing kind"), "Unknown fault kind.", ""
            reason = f" as {known.reason}" if known.reason else ""
            return known.kind, known.says, f"{_OUTCOMES[known.outcome]}{reason}"

        return self._entries(places.FAULT_ROWS, told)

    @property
    def thresholds(self) -> list[Entry]:
        """The abort thresholds."""

        def told(number: int, entry: dict[str, Any]) -> tuple[str, str, str]:
            metric = entry.get("metric")
            known = METRICS.get(metric) if isinstance(metric, str) else None
            where = "measured downstream" if known and known.downstream else "measured at the producer"
            if known is None:
                return str(metric or "missing metric"), "Unknown metric.", ""
            return known.says, "", where

        return self._entries(places.THRESHOLD_ROWS, told)

    @property
    def categories(self) -> list[Entry]:
        """The categories of the catalog."""
        return self._entries(places.CATEGORY_ROWS, lambda number, entry: (str(entry.get("name", "")), "", ""))

    @property
    def countries(self) -> list[Entry]:
        """The countries of the users."""
        return self._entries(places.COUNTRY_ROWS, lambda number, entry: (str(entry.get("code", "")), "", ""))

    @property
    def usual(self) -> dict[str, str]:
        """The default categories and countries, for a document that defines none."""
        document = self.draft.document
        return {
            "categories": ", ".join(str(row.get("name")) for row in places.meant(document, places.CATEGORY_ROWS) or []
                                    if isinstance(row, dict)),
            "countries": ", ".join(str(row.get("code")) for row in places.meant(document, places.COUNTRY_ROWS) or []
                                   if isinstance(row, dict)),
        }  # fmt: skip

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of a session: the columns of the transition table."""
        return tuple(_spoken(step) for step in STEPS)

    @property
    def transitions(self) -> list[Row]:
        """The transition table: a row for each step, with its total in percent."""
        found = []
        for state in places.STATES:
            name = f"{places.TRANSITION_ROWS}.{state}"
            cells = [self._cell(state, step) for step in STEPS]
            total = sum((_decimal(cell.value) for cell in cells if cell), Decimal())
            sums = layout.TRANSITION.shown(float(total / 100))
            found.append(Row(name, _spoken(state), cells, sums, total == 100, self.said_at(name)))
        return found

    def _cell(self, state: str, step: str) -> Any:
        """A cell, or None for a transition that is not allowed, unless the document defines it."""
        name = f"{places.TRANSITION_ROWS}.{state}.{step}"
        cell = self.shown(name, layout.TRANSITION, _spoken(state), _spoken(step))
        return None if impossible(state, step) and not cell.value else cell

    def _entries(self, path: str, told: Any) -> list[Entry]:
        entries, found = self.rows(path), []
        for number, entry in enumerate(entries):
            name = f"{path}[{number}]"
            title, says, aside = told(number, entry if isinstance(entry, dict) else {})
            fields = list(places.entry_fields(self.draft.document, path, number))
            shown = [self.shown(f"{name}.{known.key}", known) for known in fields]
            problems = self.said_at(name)
            found.append(Entry(name, title, says, aside, shown, problems, number == 0, number == len(entries) - 1))
        return found

    @property
    def fault_choices(self) -> list[tuple[str, list[Any]]]:
        """Every kind of fault, grouped by outcome."""
        return [
            (label, [fault for fault in FAULTS.values() if fault.outcome is outcome])
            for outcome, label in _OUTCOMES.items()
        ]

    @property
    def metric_choices(self) -> list[tuple[str, str]]:
        """(name, label) of the metrics for abort thresholds."""
        return [(name, metric.says) for name, metric in METRICS.items()]


_CONTAINERS = (
    "traffic", "traffic.stages", "population", "population.categories", "population.countries", "population.devices",
    "population.hot_product", "sessions", "sessions.transitions", "sessions.basket", "sessions.dwell_seconds", "faults",
    "thresholds", "source", "source.columns", *(f"{places.TRANSITION_ROWS}.{state}" for state in places.STATES),
)  # fmt: skip


def slot_id(name: str) -> str:
    """The id of the element for a path of the document."""
    return "at-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _spoken(name: str) -> str:
    """A step of the state machine as the form shows it: `leave` is not an event, so it is shown as the exit."""
    return "exit" if name == "leave" else name.replace("_", " ")


def _decimal(shown: str) -> Decimal:
    try:
        found = Decimal(shown or "0")
    except InvalidOperation:
        return Decimal()
    return found if found.is_finite() else Decimal()


__all__ = ["Entry", "Form", "Kind", "Row", "Shown", "slot_id"]
