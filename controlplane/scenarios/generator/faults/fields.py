"""Faults of a single field: the event is valid JSON with an invalid value."""

from typing import Any

from controlplane.scenarios.generator.events import WITH_PRODUCT, WITH_QUANTITY
from controlplane.scenarios.generator.faults.base import FieldFault

_NEEDED = ("event_id", "event_type", "event_time", "user_id", "session_id", "currency")


class MissingField(FieldFault):
    kind, reason = "missing_field", "missing_field"
    says = "A required field is missing."

    def change(self, event: dict[str, Any], draw: int) -> None:
        del event[_NEEDED[draw % len(_NEEDED)]]


class NullField(FieldFault):
    kind, reason = "null_field", "missing_field"
    says = "A required field is null."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event[_NEEDED[draw % len(_NEEDED)]] = None


class WrongType(FieldFault):
    """Strings instead of numbers."""

    kind, reason = "wrong_type", "wrong_type"
    says = "Price or quantity is a string."
    applies_to = WITH_PRODUCT

    def change(self, event: dict[str, Any], draw: int) -> None:
        if "quantity" in event and draw % 2:
            event["quantity"] = "two"
        else:
            event["price"] = "twenty"


class InvalidIdentifier(FieldFault):
    kind, reason = "invalid_identifier", "invalid_identifier"
    says = "Invalid UUID in event_id."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["event_id"] = f"not-a-uuid-{draw % 100_000}"


class NulCharacter(FieldFault):
    """No database downstream of silver can store it."""

    kind, reason = "nul_character", "invalid_text"
    says = "NUL character in the device name."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["device"] += "\0"


class UnknownEventType(FieldFault):
    kind, reason = "unknown_event_type", "unknown_event_type"
    says = "Unknown event type."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["event_type"] = ("page_view", "wishlist", "refund")[draw % 3]


class FutureTime(FieldFault):
    """Ten years ahead: in the future whenever the record is sent."""

    kind, reason = "future_time", "invalid_time"
    says = "Event time is ten years in the future."

    def change(self, event: dict[str, Any], draw: int) -> None:
        time: str = event["event_time"]
        event["event_time"] = f"{int(time[:4]) + 10}-01-{1 + draw % 28:02}{time[10:]}"


class AncientTime(FieldFault):
    kind, reason = "ancient_time", "invalid_time"
    says = "Event time is in the years 2000 to 2009."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["event_time"] = f"{2000 + draw % 10}-01-01{event['event_time'][10:]}"


class NegativePrice(FieldFault):
    kind, reason = "negative_price", "invalid_price"
    says = "Price is negative."
    applies_to = WITH_PRODUCT

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["price"] = -event["price"]


class AbsurdPrice(FieldFault):
    kind, reason = "absurd_price", "invalid_price"
    says = "Price is over 1,000,000."
    applies_to = WITH_PRODUCT

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["price"] = 1_000_001 + draw % 1_000_000


class ZeroQuantity(FieldFault):
    kind, reason = "zero_quantity", "invalid_quantity"
    says = "Quantity is zero."
    applies_to = WITH_QUANTITY

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["quantity"] = 0


class HugeQuantity(FieldFault):
    kind, reason = "huge_quantity", "invalid_quantity"
    says = "Quantity is over 10,000."
    applies_to = WITH_QUANTITY

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["quantity"] = 10_001 + draw % 1_000_000


class UnknownCurrency(FieldFault):
    kind, reason = "unknown_currency", "unknown_currency"
    says = "Unknown currency."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["currency"] = ("ZZZ", "BTC", "EURO")[draw % 3]
