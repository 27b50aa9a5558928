"""Where each field of the events comes from under a mapping: a column of the file, or a rule."""

from dataclasses import dataclass

from controlplane.scenarios.generator.document import Columns

_DERIVED = {
    "event_id": "from version, seed, anchor and the event's place; a file's own would make a second run duplicates",
    "session_id": "one for what a user does within the same half hour",
    "product_id": "there is none: events of products can't be made of this file",
    "category": "uncategorised",
    "price": "there is none: events of products can't be made of this file",
    "quantity": "1",
    "order_id": "for checkouts and purchases, one a session",
    "query": "there is none: searches can't be made of this file",
    "currency": "that of the user's country",
    "country": "drawn for each user from the seed, as for made-up shoppers",
    "device": "drawn for each user from the seed, as for made-up shoppers",
}
_IN_PLACE = {
    "event_time": "moved to the time of the run; its distance to the first one is kept",
    "session_id": "as a UUID of version, seed, anchor and the file's session",
    "order_id": "as a UUID of version, seed, anchor and the file's order",
    "price": "rounded to cents",
}
FIELDS = (
    "event_id", "event_time", "event_type", "user_id", "session_id", "product_id", "category", "price", "quantity",
    "order_id", "query", "currency", "country", "device",
)  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """Where a field comes from: `column` of the file, empty where there is none, and `rule`, what is made of it."""

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
        rule = f"where it is empty, {columns.category_else}; else uncategorised"
    elif field == "category" and column:
        rule = "where it is empty, uncategorised"
    elif field == "currency" and columns.default_currency:
        rule = f"where it is empty, {columns.default_currency}" if column else columns.default_currency
    elif field == "event_type" and columns.types:
        rule = ", ".join(f"{word} is {ours}" for word, ours in sorted(columns.types.items()) if word != ours)
    elif field in ("quantity", "country", "device", "currency") and column:
        rule = f"where it is empty: {_DERIVED[field]}"
    return Origin(field, column, rule)
