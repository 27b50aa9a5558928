"""Schema drift: the sender has changed the form of its events without a word."""

from typing import Any

from controlplane.scenarios.generator.faults.base import FieldFault, Outcome


class NewField(FieldFault):
    """Harmless by design: silver takes what it knows and leaves the rest in bronze."""

    kind, outcome = "new_field", Outcome.PASSES
    says = "The event has a field that nobody announced; the rest is as ever."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["loyalty"] = {"tier": ("bronze", "silver", "gold")[draw % 3], "points": draw % 5000}


class RenamedField(FieldFault):
    kind, reason = "renamed_field", "missing_field"
    says = "A field has another name: userId for user_id."

    def change(self, event: dict[str, Any], draw: int) -> None:
        old, new = (("user_id", "userId"), ("event_time", "timestamp"), ("session_id", "sessionId"))[draw % 3]
        event[new] = event.pop(old)


class RetypedField(FieldFault):
    """Numbers where text belongs: identifiers as integers, times as seconds since 1970."""

    kind, reason = "retyped_field", "wrong_type"
    says = "A field has another type: the user as a number, the time as seconds since 1970."

    def change(self, event: dict[str, Any], draw: int) -> None:
        if draw % 2:
            event["user_id"] = int(event["user_id"].removeprefix("u-"))
        else:
            event["event_time"] = 1_700_000_000 + draw % 10_000_000
