"""Faults of a record as a whole: its bytes are not an event."""

from typing import Any

from controlplane.scenarios.generator.faults.base import FieldFault, Spoiling

OVERSIZED_BYTES = 300 * 1024


class EmptyRecord(Spoiling):
    kind, reason = "empty_record", "empty_record"
    says = "The record has no value."

    def spoil(self, value: bytes, draw: int, delay: int) -> bytes:
        return b""


class Oversized(FieldFault):
    kind, reason = "oversized", "oversized"
    says = "The event drags 300 KiB of text along."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["note"] = "x" * OVERSIZED_BYTES


class MalformedJson(Spoiling):
    """A whole event with one character wrong: no colon, no comma, or a name without quotes."""

    kind, reason = "malformed_json", "malformed_json"
    says = "One character of the JSON is wrong."

    def spoil(self, value: bytes, draw: int, delay: int) -> bytes:
        old, new = (
            (b'"event_id":', b'"event_id"='),
            (b',"event_time"', b' "event_time"'),
            (b'"user_id":', b"user_id:"),
        )[draw % 3]
        return value.replace(old, new, 1)


class Truncated(Spoiling):
    """The first part of an event. It always lacks the closing brace, wherever it is cut."""

    kind, reason = "truncated", "malformed_json"
    says = "The record breaks off in the middle."

    def spoil(self, value: bytes, draw: int, delay: int) -> bytes:
        return value[: 1 + draw % (len(value) - 2)]


class NotAnObject(Spoiling):
    kind, reason = "not_an_object", "not_an_object"
    says = "The value is JSON, but a list, a word or a number."

    def spoil(self, value: bytes, draw: int, delay: int) -> bytes:
        return (b"[%b]" % value, b'"page_view"', b"42")[draw % 3]
