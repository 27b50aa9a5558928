"""The form of a mapping: the column of each field, and the event type of each value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from controlplane.scenarios.generator import problems
from controlplane.scenarios.generator.document import READY, Columns
from controlplane.scenarios.generator.events import CURRENCIES, EVENT_TYPES
from controlplane.scenarios.generator.recording.confined import words
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.mapping import NEEDED
from controlplane.scenarios.generator.recording.proposing import (
    MOST_WORDS,
    Look,
    proposed,
    ready_for,
    types_proposed,
)
from controlplane.scenarios.generator.recording.store import recording_store
from controlplane.scenarios.models import Recording

OWN = "own"
LABELS = {"rees46": "REES46, “eCommerce behavior data”", "events": "Native events"}
# Field of an event -> label.
_ASKED = {
    "event_time": "Timestamp", "event_type": "Event type", "user_id": "User", "session_id": "Session",
    "product_id": "Product", "category": "Category", "category_else": "Fallback category",
    "price": "Price", "quantity": "Quantity", "order_id": "Order", "query": "Search query",
    "currency": "Currency", "country": "Country", "device": "Device",
}  # fmt: skip
_LEFT_OUT = "leave-out"


@dataclass(frozen=True)
class ColumnField:
    """A field of an event and the column selected for it."""

    name: str
    label: str
    chosen: str
    needed: bool


@dataclass(frozen=True)
class WordField:
    """A value of the event type column and the event type that it maps to; empty to ignore it."""

    word: str
    chosen: str


@dataclass
class MappingForm:
    """The current selection. `columns` is None while it is not a valid mapping; `errors` says why."""

    recording: Recording
    mapping: str
    chosen: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    default_currency: str = ""
    leave_out: bool = False
    columns: Columns | None = None
    errors: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, recording: Recording, sent: Mapping[str, str] | None = None) -> "MappingForm":
        """The submitted form, or the proposal for this file."""
        seen = Look(recording.kind, recording.packed, recording.columns, [])
        if sent is None or "mapping" not in sent:
            mapping = (sent or {}).get("like") or ready_for(seen) or OWN
            form = cls(recording, mapping if mapping in READY else OWN, proposed(seen), leave_out=False)
            form._look_at_words()
            form.types = types_proposed(form.said)
        else:
            there = {name: sent.get(name, "") for name in _ASKED}
            types = {key.removeprefix("type:"): said for key, said in sent.items() if key.startswith("type:") and said}
            form = cls(
                recording, sent["mapping"] if sent["mapping"] in READY else OWN,
                {name: column for name, column in there.items() if column}, types,
                sent.get("default_currency", ""), bool(sent.get(_LEFT_OUT)),
            )  # fmt: skip
            form._look_at_words()
            # Values that the page has not shown yet get the proposed types.
            new = [word for word in form.said if f"type:{word}" not in sent]
            form.types |= types_proposed(new)
        form._check()
        return form

    @property
    def fields(self) -> list[ColumnField]:
        """The fields with the selected columns."""
        return [ColumnField(name, label, self.chosen.get(name, ""), name in NEEDED) for name, label in _ASKED.items()]

    @property
    def word_fields(self) -> list[WordField]:
        """The values of the event type column. Known event types map to themselves."""
        return [WordField(word, self.types.get(word, word if word in EVENT_TYPES else "")) for word in self.said]

    @property
    def too_many_words(self) -> bool:
        """Whether the column may have more event types than the form lists."""
        return len(self.said) >= MOST_WORDS

    @property
    def event_types(self) -> tuple[str, ...]:
        """The event types that a value can be mapped to."""
        return EVENT_TYPES

    @property
    def currencies(self) -> tuple[str, ...]:
        """The known currencies."""
        return tuple(CURRENCIES)

    @property
    def ready(self) -> list[tuple[str, str, bool]]:
        """(mapping, label, selected) of the built-in mappings."""
        return [(name, LABELS.get(name, name), name == self.mapping) for name in READY]

    @property
    def own(self) -> bool:
        """Whether the columns are mapped by the user, not by a built-in mapping."""
        return self.mapping == OWN

    def _look_at_words(self) -> None:
        column = self.chosen.get("event_type", "")
        if self.own and column in self.recording.columns:
            try:
                self.said = words(recording_store().file(self.recording.sha256), column)
            except RecordingError as error:
                self.errors.append(str(error))

    def _check(self) -> None:
        if not self.own:
            self.columns = READY[self.mapping]
            return
        missing = [_ASKED[name] for name in NEEDED if name not in self.chosen]
        if missing:
            self.errors.append(f"{', '.join(missing)}: Required. Select the column.")
            return
        meant = {word: ours for word, ours in self.types.items() if word in self.said and word != ours}
        given: dict[str, Any] = {**self.chosen, "types": meant, "leave_out": self.leave_out}
        if self.default_currency:
            given["default_currency"] = self.default_currency
        try:
            self.columns = Columns.model_validate(given)
        except ValidationError as error:
            self.errors += [str(problem) for problem in problems.explain(error, Columns)]
