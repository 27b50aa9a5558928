"""What can be wrong with a record: one small class a kind, each with the quarantine reason it must lead to.

A fault makes a good event bad in exactly one way, so that the truth of a run ({kind: count}) says exactly what silver
has to find ({reason: count}). To add one, write a class here and put it into `FAULTS`.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import orjson

from controlplane.scenarios.generator.events import ANY_EVENT, WITH_PRODUCT, WITH_QUANTITY

# Not a spoiled record but a second one with the same bytes; silver drops it without quarantining it.
DUPLICATE = "duplicate"

OVERSIZED_BYTES = 300 * 1024


class Fault(ABC):
    """One way to spoil a record."""

    kind: ClassVar[str]
    reason: ClassVar[str]
    # The event types it can be done to (the numbers of `events`).
    applies_to: ClassVar[frozenset[int]] = ANY_EVENT

    @abstractmethod
    def spoil(self, value: bytes, draw: int) -> bytes:
        """The spoiled record of a good one. `draw` is 64 random bits: all the chance that a fault may use."""


class FieldFault(Fault):
    """A fault that stays valid JSON: one field of the event is not what it should be."""

    def spoil(self, value: bytes, draw: int) -> bytes:
        event: dict[str, Any] = orjson.loads(value)
        self.change(event, draw)
        return orjson.dumps(event)

    @abstractmethod
    def change(self, event: dict[str, Any], draw: int) -> None:
        """Spoil the event in place."""


class EmptyRecord(Fault):
    kind, reason = "empty_record", "empty_record"

    def spoil(self, value: bytes, draw: int) -> bytes:
        return b""


class Oversized(FieldFault):
    kind, reason = "oversized", "oversized"

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["note"] = "x" * OVERSIZED_BYTES


class MalformedJson(Fault):
    """A whole event with one character wrong: no colon, no comma, or a name without quotes."""

    kind, reason = "malformed_json", "malformed_json"

    def spoil(self, value: bytes, draw: int) -> bytes:
        old, new = (
            (b'"event_id":', b'"event_id"='),
            (b',"event_time"', b' "event_time"'),
            (b'"user_id":', b"user_id:"),
        )[draw % 3]
        return value.replace(old, new, 1)


class Truncated(Fault):
    """The first part of an event. It always lacks the closing brace, wherever it is cut."""

    kind, reason = "truncated", "malformed_json"

    def spoil(self, value: bytes, draw: int) -> bytes:
        return value[: 1 + draw % (len(value) - 2)]


class NotAnObject(Fault):
    kind, reason = "not_an_object", "not_an_object"

    def spoil(self, value: bytes, draw: int) -> bytes:
        return (b"[%b]" % value, b'"page_view"', b"42")[draw % 3]


class MissingField(FieldFault):
    kind, reason = "missing_field", "missing_field"

    def change(self, event: dict[str, Any], draw: int) -> None:
        del event[("event_id", "event_type", "event_time", "user_id", "session_id", "currency")[draw % 6]]


class WrongType(FieldFault):
    """Words where a number belongs."""

    kind, reason = "wrong_type", "wrong_type"
    applies_to = WITH_PRODUCT

    def change(self, event: dict[str, Any], draw: int) -> None:
        if "quantity" in event and draw % 2:
            event["quantity"] = "two"
        else:
            event["price"] = "twenty"


class InvalidIdentifier(FieldFault):
    kind, reason = "invalid_identifier", "invalid_identifier"

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["event_id"] = f"not-a-uuid-{draw % 100_000}"


class UnknownEventType(FieldFault):
    kind, reason = "unknown_event_type", "unknown_event_type"

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["event_type"] = ("page_view", "wishlist", "refund")[draw % 3]


class FutureTime(FieldFault):
    """Ten years ahead: future whenever the record is sent."""

    kind, reason = "future_time", "invalid_time"

    def change(self, event: dict[str, Any], draw: int) -> None:
        time: str = event["event_time"]
        event["event_time"] = f"{int(time[:4]) + 10}-01-{1 + draw % 28:02}{time[10:]}"


class AncientTime(FieldFault):
    kind, reason = "ancient_time", "invalid_time"

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["event_time"] = f"{2000 + draw % 10}-01-01{event['event_time'][10:]}"


class NegativePrice(FieldFault):
    kind, reason = "negative_price", "invalid_price"
    applies_to = WITH_PRODUCT

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["price"] = -event["price"]


class AbsurdPrice(FieldFault):
    kind, reason = "absurd_price", "invalid_price"
    applies_to = WITH_PRODUCT

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["price"] = 1_000_001 + draw % 1_000_000


class ZeroQuantity(FieldFault):
    kind, reason = "zero_quantity", "invalid_quantity"
    applies_to = WITH_QUANTITY

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["quantity"] = 0


class HugeQuantity(FieldFault):
    kind, reason = "huge_quantity", "invalid_quantity"
    applies_to = WITH_QUANTITY

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["quantity"] = 10_001 + draw % 1_000_000


class UnknownCurrency(FieldFault):
    kind, reason = "unknown_currency", "unknown_currency"

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["currency"] = ("ZZZ", "BTC", "EURO")[draw % 3]


FAULTS: dict[str, Fault] = {
    fault.kind: fault
    for fault in (
        EmptyRecord(), Oversized(), MalformedJson(), Truncated(), NotAnObject(), MissingField(), WrongType(),
        InvalidIdentifier(), UnknownEventType(), FutureTime(), AncientTime(), NegativePrice(), AbsurdPrice(),
        ZeroQuantity(), HugeQuantity(), UnknownCurrency(),
    )
}  # fmt: skip
KINDS = (*FAULTS, DUPLICATE)


def expected_reasons(counts: dict[str, int]) -> dict[str, int]:
    """What quarantine must hold for these injected faults: {reason: count}, duplicates left out."""
    reasons: dict[str, int] = {}
    for kind, count in counts.items():
        if kind != DUPLICATE and count:
            reason = FAULTS[kind].reason
            reasons[reason] = reasons.get(reason, 0) + count
    return reasons
