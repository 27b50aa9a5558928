"""Faults of one field: the event is JSON, and says something that can't be."""

from typing import Any

from controlplane.scenarios.generator.events import WITH_PRODUCT, WITH_QUANTITY
from controlplane.scenarios.generator.faults.base import FieldFault

_NEEDED = ("event_id", "event_type", "event_time", "user_id", "session_id", "currency")


class MissingField(FieldFault):
    kind, reason = "missing_field", "missing_field"
    says = "A field that every event has is not there."

    def change(self, event: dict[str, Any], draw: int) -> None:
        del event[_NEEDED[draw % len(_NEEDED)]]


class NullField(FieldFault):
    kind, reason = "null_field", "missing_field"
    says = "A field that every event has is null."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event[_NEEDED[draw % len(_NEEDED)]] = None


class WrongType(FieldFault):
    """Words where a number belongs."""

    kind, reason = "wrong_type", "wrong_type"
    says = "A price or a quantity is a word."
    applies_to = WITH_PRODUCT

    def change(self, event: dict[str, Any], draw: int) -> None:
        if "quantity" in event and draw % 2:
            event["quantity"] = "two"
        else:
            event["price"] = "twenty"


class InvalidIdentifier(FieldFault):
    kind, reason = "invalid_identifier", "invalid_identifier"
    says = "The event's identifier is no UUID."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["event_id"] = f"not-a-uuid-{draw % 100_000}"


class NulCharacter(FieldFault):
    """No database behind silver keeps it."""

    kind, reason = "nul_character", "invalid_text"
    says = "The shopper's device has a NUL character in its name."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["device"] += "\0"


class UnknownEventType(FieldFault):
    kind, reason = "unknown_event_type", "unknown_event_type"
    says = "The event is of a type that nobody announced."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["event_type"] = ("page_view", "wishlist", "refund")[draw % 3]


class FutureTime(FieldFault):
    """Ten years ahead: future whenever the record is sent."""

    kind, reason = "future_time", "invalid_time"
    says = "The event's time lies ten years ahead."

    def change(self, event: dict[str, Any], draw: int) -> None:
        time: str = event["event_time"]
        event["event_time"] = f"{int(time[:4]) + 10}-01-{1 + draw % 28:02}{time[10:]}"


class AncientTime(FieldFault):
    kind, reason = "ancient_time", "invalid_time"
    says = "The event's time lies in the years 2000 to 2009."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["event_time"] = f"{2000 + draw % 10}-01-01{event['event_time'][10:]}"


class NegativePrice(FieldFault):
    kind, reason = "negative_price", "invalid_price"
    says = "The price is below zero."
    applies_to = WITH_PRODUCT

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["price"] = -event["price"]


class AbsurdPrice(FieldFault):
    kind, reason = "absurd_price", "invalid_price"
    says = "The price is over a million."
    applies_to = WITH_PRODUCT

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["price"] = 1_000_001 + draw % 1_000_000


class ZeroQuantity(FieldFault):
    kind, reason = "zero_quantity", "invalid_quantity"
    says = "Nothing of the product, but an event all the same."
    applies_to = WITH_QUANTITY

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["quantity"] = 0


class HugeQuantity(FieldFault):
    kind, reason = "huge_quantity", "invalid_quantity"
    says = "More than ten thousand pieces at once."
    applies_to = WITH_QUANTITY

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["quantity"] = 10_001 + draw % 1_000_000


class UnknownCurrency(FieldFault):
    kind, reason = "unknown_currency", "unknown_currency"
    says = "The currency is none that we know."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["currency"] = ("ZZZ", "BTC", "EURO")[draw % 3]
