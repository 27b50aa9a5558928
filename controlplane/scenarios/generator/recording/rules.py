"""The origin of each field of an event under a mapping: a column of the file, or a rule."""

from dataclasses import dataclass

from controlplane.scenarios.generator.document import Columns

_DERIVED = {
    "event_id": "UUID from version, seed, event-time origin and position; a second run creates no duplicates",
    "session_id": "one session per user and half hour",
    "product_id": "not available: the file can't provide events with products",
    "category": "uncategorised",
    "price": "not available: the file can't provide events with products",
    "quantity": "1",
    "order_id": "one per session, for checkouts and purchases",
    "query": "not available: the file can't provide searches",
    "currency": "currency of the user's country",
    "country": "sampled per user from the seed, as for synthetic users",
    "device": "sampled per user from the seed, as for synthetic users",
}
_IN_PLACE = {
    "event_time": "shifted to the time of the run; the distance to the first event is kept",
    "session_id": "UUID from version, seed, event-time origin and the session of the file",
    "order_id": "UUID from version, seed, event-time origin and the order of the file",
    "price": "rounded to cents",
}
FIELDS = (
    "event_id", "event_time", "event_type", "user_id", "session_id", "product_id", "category", "price", "quantity",
    "order_id", "query", "currency", "country", "device",
)  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """The origin of a field: `column` of the file, empty if there is none, and `rule`, its transformation."""

    field: str
    column: str
    rule: str


def origins(columns: Columns) -> list[Origin]:
    """The origin of every field."""
    return [_origin(columns, field) for field in FIELDS]


def _origin(columns: Columns, field: str) -> Origin:
    column = "" if field == "event_id" else getattr(columns, field) or ""
    rule = (_IN_PLACE if column else _DERIVED).get(field, "")
    if field == "category" and columns.category_else:
        rule = f"if empty: {columns.category_else}, otherwise uncategorised"
    elif field == "category" and column:
        rule = "if empty: uncategorised"
    elif field == "currency" and columns.default_currency:
        rule = f"if empty: {columns.default_currency}" if column else columns.default_currency
    elif field == "event_type" and columns.types:
        rule = ", ".join(f"{word} → {ours}" for word, ours in sorted(columns.types.items()) if word != ours)
    elif field in ("quantity", "country", "device", "currency") and column:
        rule = f"if empty: {_DERIVED[field]}"
    return Origin(field, column, rule)
