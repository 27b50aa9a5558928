"""Faults of a whole record: its bytes are not a valid event."""

from typing import Any

from controlplane.scenarios.generator.faults.base import FieldFault, Spoiling

OVERSIZED_BYTES = 300 * 1024
DEEP_LEVELS = 1_500
LONG_DIGITS = 10_000


class EmptyRecord(Spoiling):
    kind, reason = "empty_record", "empty_record"
    says = "Empty record without a value."

    def inject(self, value: bytes, draw: int, delay: int) -> bytes:
        return b""


class Oversized(FieldFault):
    kind, reason = "oversized", "oversized"
    says = "300 KiB payload."

    def change(self, event: dict[str, Any], draw: int) -> None:
        event["note"] = "x" * OVERSIZED_BYTES


class MalformedJson(Spoiling):
    """A complete event with one wrong character: no colon, no comma, or a name without quotes."""

    kind, reason = "malformed_json", "malformed_json"
    says = "Malformed JSON: one wrong character."

    def inject(self, value: bytes, draw: int, delay: int) -> bytes:
        old, new = (
            (b'"event_id":', b'"event_id"='),
            (b',"event_time"', b' "event_time"'),
            (b'"user_id":', b"user_id:"),
        )[draw % 3]
        return value.replace(old, new, 1)


class Truncated(Spoiling):
    """The first part of an event. It always lacks the closing brace."""

    kind, reason = "truncated", "malformed_json"
    says = "Truncated record."

    def inject(self, value: bytes, draw: int, delay: int) -> bytes:
        return value[: 1 + draw % (len(value) - 2)]


class NotAnObject(Spoiling):
    kind, reason = "not_an_object", "not_an_object"
    says = "Valid JSON, but an array, a string or a number instead of an object."

    def inject(self, value: bytes, draw: int, delay: int) -> bytes:
        return (b"[%b]" % value, b'"page_view"', b"42")[draw % 3]


class ByteOrderMark(Spoiling):
    """As text editors and spreadsheets write it."""

    kind, reason = "byte_order_mark", "byte_order_mark"
    says = "Byte order mark (BOM) before the event."

    def inject(self, value: bytes, draw: int, delay: int) -> bytes:
        return b"\xef\xbb\xbf" + value


class RegistryFramed(Spoiling):
    """As the serializers of a schema registry write it: a zero byte and the schema's id before the event."""

    kind, reason = "registry_framed", "schema_registry_framing"
    says = "Schema registry framing before the event."

    def inject(self, value: bytes, draw: int, delay: int) -> bytes:
        return b"\x00" + (1 + draw % 1_000_000).to_bytes(4, "big") + value


class DuplicateKey(Spoiling):
    kind, reason = "duplicate_key", "duplicate_key"
    says = "Duplicate JSON key with different values."

    def inject(self, value: bytes, draw: int, delay: int) -> bytes:
        name, other = ((b"user_id", b'"u-0"'), (b"currency", b'"XXX"'), (b"country", b"null"))[draw % 3]
        return b'%b,"%b":%b}' % (value[:-1], name, other)


class LoneSurrogate(Spoiling):
    """As when a text is cut in the middle of an emoji."""

    kind, reason = "lone_surrogate", "invalid_unicode"
    says = "Lone surrogate at the end of a text."

    def inject(self, value: bytes, draw: int, delay: int) -> bytes:
        return b'%b,"note":"cut off \\ud83d"}' % value[:-1]


class TooDeep(Spoiling):
    kind, reason = "too_deep", "too_deep"
    says = "1,500 nested arrays."

    def inject(self, value: bytes, draw: int, delay: int) -> bytes:
        return b'%b,"note":%b%b}' % (value[:-1], b"[" * DEEP_LEVELS, b"]" * DEEP_LEVELS)


class LongNumber(Spoiling):
    kind, reason = "long_number", "number_out_of_range"
    says = "10,000-digit number."

    def inject(self, value: bytes, draw: int, delay: int) -> bytes:
        return b'%b,"note":%b}' % (value[:-1], b"9" * LONG_DIGITS)
