"""Proposes mappings from the columns and values of a file."""

from dataclasses import dataclass

from controlplane.scenarios.generator.document import READY
from controlplane.scenarios.generator.recording.mapping import columns_of

Rows = list[list[str | None]]
MOST_WORDS, MOST_COLUMNS = 30, 200
# Common names of these columns, in order of preference.
_USUAL: dict[str, tuple[str, ...]] = {
    "event_time": ("event_time", "timestamp", "time", "ts", "created_at", "occurred_at", "datetime", "date", "when"),
    "event_type": ("event_type", "event", "type", "event_name", "action", "behavior", "behaviour", "what"),
    "user_id": ("user_id", "visitor_id", "visitorid", "customer_id", "userid", "client_id", "user", "who"),
    "session_id": ("session_id", "user_session", "session", "sessionid", "visit_id"),
    "product_id": ("product_id", "item_id", "itemid", "sku", "product", "item", "article_id"),
    "category": ("category", "category_code", "category_name", "category_id", "categoryid"),
    "category_else": ("category_id",),
    "price": ("price", "unit_price", "amount", "cost"),
    "quantity": ("quantity", "qty", "count"),
    "order_id": ("order_id", "transaction_id", "transactionid", "invoice", "invoice_no"),
    "query": ("query", "search_query", "search_term", "keywords"),
    "currency": ("currency", "currency_code"),
    "country": ("country", "country_code"),
    "device": ("device", "device_type", "platform"),
}


@dataclass(frozen=True)
class Look:
    """The inspection of a file. `columns` are those that a mapping can name, at most `MOST_COLUMNS`; `rows` are the
    first rows as text, in the order of the columns."""

    kind: str
    packed: bool
    columns: list[str]
    rows: Rows


def ready_for(seen: Look) -> str | None:
    """The built-in mapping that matches the columns; None if there is none."""
    found = []
    for name, columns in READY.items():
        wanted, needed = columns_of(columns)
        there = sum(column in seen.columns for column in wanted)
        # NDJSON objects omit missing members.
        fits = set(needed) <= set(seen.columns) if seen.kind == "ndjson" else there == len(wanted)
        if fits and there * 2 > len(wanted):
            found.append((there, name))
    return max(found)[1] if found else None


_KNOWN = {
    *(name for names in _USUAL.values() for name in names),
    *(name for columns in READY.values() for name in columns_of(columns)[0]),
}


def is_known(column: str) -> bool:
    """Whether the name is a common name of a field."""
    return column in _KNOWN or _folded(column) in _KNOWN


def _folded(column: str) -> str:
    return column.lower().replace(" ", "_").replace("-", "_")


def proposed(seen: Look) -> dict[str, str]:
    """Field -> the most likely column, by its name."""
    known = {_folded(column): column for column in seen.columns}
    found = {
        field: next((known[name] for name in names if name in known), "") for field, names in _USUAL.items()
    }  # fmt: skip
    if found["category_else"] == found["category"]:
        found["category_else"] = ""
    return {field: column for field, column in found.items() if column}


def types_proposed(said: list[str]) -> dict[str, str]:
    """Value of the recording -> event type, for common values."""
    usual = {
        "cart": "add_to_cart", "addtocart": "add_to_cart", "add_to_basket": "add_to_cart", "pv": "view",
        "page_view": "view", "product_view": "view", "buy": "purchase", "transaction": "purchase", "order": "purchase",
        "remove": "remove_from_cart", "begin_checkout": "checkout",
    }  # fmt: skip
    return {word: usual[key] for word in said if (key := word.lower().replace(" ", "_")) in usual}
