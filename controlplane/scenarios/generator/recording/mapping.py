"""Maps the rows of a recording to events, and finds the invalid rows."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from controlplane.scenarios.generator.document import Columns
from controlplane.scenarios.generator.events import (
    CHECKOUT,
    CURRENCIES,
    EVENT_TYPES,
    PURCHASE,
    SEARCH,
    WITH_PRODUCT,
    WITH_QUANTITY,
)
from controlplane.scenarios.generator.recording.batch import Batch
from controlplane.scenarios.generator.recording.findings import Findings
from controlplane.scenarios.generator.recording.reckoning import Mask, amounts, matches, microseconds

# The rules of silver for identifiers, prices and quantities.
_NAME = r"^[0-9A-Za-z][0-9A-Za-z_.:-]{0,63}$"
_MOST_CENTS = 100_000_000
_MOST_PIECES = 10_000
_LONGEST = 500
_TIME = "Use ISO 8601, for example 2026-11-24T12:00:00Z (years 2 to 9998), or seconds since 1970."
_NUMBER = "Use the format 1234.56, without thousands separators."
# Larger numbers are out of range anyway and would not fit into 64 bits.
_BEYOND = 1e15
# Without a session column, the events of a user within this time span are one session.
SESSION_US = 30 * 60 * 1_000_000
NO_CATEGORY = "uncategorised"

SCHEMA = pa.schema(
    [
        ("row", pa.int64()), ("at", pa.int64()), ("type", pa.int8()), ("user", pa.string()), ("session", pa.string()),
        ("product", pa.string()), ("category", pa.string()), ("cents", pa.int64()), ("quantity", pa.int32()),
        ("order", pa.string()), ("query", pa.string()), ("currency", pa.string()), ("country", pa.string()),
        ("device", pa.string()),
    ]
)  # fmt: skip
_FIELDS = (
    "event_time", "event_type", "user_id", "session_id", "product_id", "category", "category_else", "price", "quantity",
    "order_id", "query", "currency", "country", "device",
)  # fmt: skip
NEEDED = ("event_time", "event_type", "user_id")


def columns_of(columns: Columns) -> tuple[list[str], list[str]]:
    """(all columns of a mapping, the required ones among them), without duplicates."""
    named = {name: column for name in _FIELDS if (column := getattr(columns, name)) is not None}
    return list(dict.fromkeys(named.values())), list(dict.fromkeys(named[name] for name in NEEDED))


@dataclass
class Mapper:
    """Converts batches of a file to tables of `SCHEMA`. `left_out` counts the skipped rows by invalid field."""

    columns: Columns
    findings: Findings
    left_out: dict[str, int] = field(default_factory=dict)

    def events(self, batch: Batch) -> pa.Table:
        """The events among these rows. Unreadable rows, and invalid rows unless the mapping skips them, are added to
        the findings.
        """
        reading = _Reading(self.columns, batch, self.findings)
        table = reading.table()
        for what, count in reading.left_out.items():
            self.left_out[what] = self.left_out.get(what, 0) + count
        return table


class _Reading:
    def __init__(self, columns: Columns, batch: Batch, findings: Findings) -> None:
        self._columns, self._batch, self._findings = columns, batch, findings
        self._kept: Mask = np.ones(len(batch), np.bool_)
        self.left_out: dict[str, int] = {}

    def table(self) -> pa.Table:
        at, read = microseconds(self._text("event_time"))
        self._refuse(~read, "event_time", "invalid timestamp {}.", _TIME, always=True)
        types = self._types()
        user = self._named("user_id", np.ones(len(types), np.bool_))
        with_product = np.isin(types, list(WITH_PRODUCT))
        product = self._named("product_id", with_product)
        cents = self._cents(with_product)
        quantity = self._quantity(np.isin(types, list(WITH_QUANTITY)))
        query = self._text("query")
        self._refuse((types == SEARCH) & _empty(query), "query", "a search without a query.")
        category = pc.coalesce(self._text("category"), self._text("category_else"), pa.scalar(NO_CATEGORY))
        currency = self._text("currency")
        known = pc.or_kleene(pc.is_null(currency), pc.is_in(currency, pa.array(CURRENCIES))).to_numpy(
            zero_copy_only=False
        )
        self._refuse(~known, "currency", "unknown currency {}.")
        if self._columns.default_currency is not None:
            currency = pc.fill_null(currency, self._columns.default_currency)
        ordering = np.isin(types, (CHECKOUT, PURCHASE))
        session = self._session(user, at)
        order = pc.coalesce(_prefixed("o:", self._text("order_id")), session)
        arrays = [
            self._batch.numbers, at, types.astype(np.int8), user, session, _only(product, with_product),
            _only(category, with_product), pa.array(cents, mask=~with_product),
            pa.array(quantity.astype(np.int32), mask=quantity == 0), _only(order, ordering),
            _only(query, types == SEARCH), currency, self._text("country"), self._text("device"),
        ]  # fmt: skip
        columns = [pa.array(array) if isinstance(array, np.ndarray) else array for array in arrays]
        return pa.table(columns, schema=SCHEMA).filter(pa.array(self._kept))

    def _text(self, name: str) -> pa.StringArray:
        """A mapped column, with null for blank values; all null if the mapping has no column for it."""
        column = getattr(self._columns, name)
        if column is None:
            return pa.nulls(len(self._batch), pa.string())
        text = pc.utf8_trim_whitespace(self._batch.columns[column])
        too_long = pc.fill_null(pc.greater(pc.utf8_length(text), _LONGEST), False).to_numpy(zero_copy_only=False)
        self._refuse(
            too_long, name, f"the value has more than {_LONGEST} characters.", "Shorten the value.", always=True
        )
        with_nul = pc.fill_null(pc.match_substring(text, "\0"), False).to_numpy(zero_copy_only=False)
        self._refuse(with_nul, name, "{} contains a NUL character.")
        return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)

    def _types(self) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        text = self._text("event_type").dictionary_encode()
        words = {**{name: name for name in EVENT_TYPES}, **self._columns.types}
        codes = [EVENT_TYPES.index(words[w]) if w in words else -1 for w in text.dictionary.to_pylist()]
        table = np.array([*codes, -1], np.int64)
        indices = pc.fill_null(text.indices, len(codes)).to_numpy(zero_copy_only=False)
        types: np.ndarray[tuple[int, ...], np.dtype[np.int64]] = table[indices]
        known = ", ".join(sorted(words))
        self._refuse(
            types < 0, "event_type", "{} is not an event type of this mapping.", f"Known event types: {known}."
        )
        return types

    def _named(self, name: str, wanted: Mask) -> pa.StringArray:
        text = self._text(name)
        self._refuse(wanted & _empty(text), name, "the value is empty.")
        self._refuse(wanted & ~_empty(text) & ~matches(text, _NAME), name, "invalid identifier {}.")
        return text

    def _cents(self, wanted: Mask) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        numbers, read = amounts(self._text("price"))
        self._refuse(wanted & ~read, "price", "invalid number {}.", _NUMBER, always=True)
        self._refuse(wanted & read & np.isnan(numbers), "price", "the value is empty.")
        cents = np.floor(np.clip(np.nan_to_num(numbers), -_BEYOND, _BEYOND) * 100 + 0.5).astype(np.int64)
        bad = wanted & read & ~np.isnan(numbers) & ((cents < 1) | (cents > _MOST_CENTS))
        self._refuse(bad, "price", "invalid price {}: must be 0.01 to 1,000,000.")
        return cents

    def _quantity(self, wanted: Mask) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        numbers, read = amounts(self._text("quantity"))
        whole = read & (np.isnan(numbers) | (numbers == np.floor(numbers)))
        self._refuse(wanted & ~whole, "quantity", "invalid whole number {}.", _NUMBER, always=True)
        pieces = np.clip(np.where(np.isnan(numbers), 1, np.nan_to_num(numbers)), -_BEYOND, _BEYOND).astype(np.int64)
        self._refuse(
            wanted & whole & ((pieces < 1) | (pieces > _MOST_PIECES)),
            "quantity",
            "invalid quantity {}: must be 1 to 10,000.",
        )
        return np.where(wanted, pieces, 0)

    def _session(self, user: pa.StringArray, at: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> pa.StringArray:
        span = pa.array(at // SESSION_US).cast(pa.string())
        own = pc.binary_join_element_wise("u:", pc.fill_null(user, ""), ":", span, "")
        return pc.coalesce(_prefixed("s:", self._text("session_id")), own)

    def _refuse(self, bad: Mask, name: str, says: str, remedy: str = "", *, always: bool = False) -> None:
        """Skip and count these invalid rows, or report them."""
        bad = bad & self._kept
        if not bad.any():
            return
        column = getattr(self._columns, name) or name
        if self._columns.leave_out and not always:
            self.left_out[name] = self.left_out.get(name, 0) + int(bad.sum())
            self._kept &= ~bad
            return
        blank = self._blank(column)
        for wrong, kind in ((bad & blank, "the value is empty."), (bad & ~blank, says)):
            rows = np.flatnonzero(wrong)
            if len(rows):
                value = self._batch.columns[column][int(rows[0])].as_py() if column in self._batch.columns else ""
                self._findings.add(
                    kind, kind.format(repr((value or "")[:60])),
                    remedy or ("Fix the row." if always else "Fix the row, or skip invalid rows (leave_out)."),
                    rows=self._batch.numbers[rows[:4]].tolist(), column=column, count=len(rows),
                )  # fmt: skip

    def _blank(self, column: str) -> Mask:
        if column not in self._batch.columns:
            return np.ones(len(self._batch), np.bool_)
        text = pc.utf8_trim_whitespace(self._batch.columns[column])
        mask: Mask = pc.fill_null(pc.equal(text, ""), True).to_numpy(zero_copy_only=False)
        return mask


def _empty(text: pa.StringArray) -> Mask:
    mask: Mask = pc.is_null(text).to_numpy(zero_copy_only=False)
    return mask


def _only(column: pa.Array, wanted: Mask) -> pa.Array:
    return pc.if_else(pa.array(wanted), column, pa.scalar(None, column.type))


def _prefixed(prefix: str, text: pa.StringArray) -> pa.StringArray:
    return pc.binary_join_element_wise(prefix, text, "")
