"""Schema drift: the producer changes the schema of its events without notice."""

from typing import Any

from controlplane.scenarios.generator.faults.base import FieldFault, Outcome


class NewField(FieldFault):
    """Harmless by design: silver reads the fields that it knows; the others stay in bronze."""

    kind, outcome = "new_field", Outcome.PASSES
    says = "Unknown additional field; otherwise unchanged."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["loyalty"] = {"tier": ("bronze", "silver", "gold")[draw % 3], "points": draw % 5000}


class RenamedField(FieldFault):
    kind, reason = "renamed_field", "missing_field"
    says = "Renamed field, for example userId instead of user_id."

    def change(self, event: dict[str, Any], draw: int) -> None:
        old, new = (("user_id", "userId"), ("event_time", "timestamp"), ("session_id", "sessionId"))[draw % 3]
        event[new] = event.pop(old)


class RetypedField(FieldFault):
    """Numbers instead of strings: identifiers as integers, times as seconds since 1970."""

    kind, reason = "retyped_field", "wrong_type"
    says = "Changed field type: user_id as a number, or event_time as seconds since 1970."

    def change(self, event: dict[str, Any], draw: int) -> None:
        if draw % 2:
            event["user_id"] = int(event["user_id"].removeprefix("u-"))
        else:
            event["event_time"] = 1_700_000_000 + draw % 10_000_000
