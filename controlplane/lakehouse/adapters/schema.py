"""Columns, partition specs and sort orders of an Iceberg table metadata file.

Unknown types and transforms are shown unchanged. Format: https://iceberg.apache.org/spec/#schemas
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.lakehouse.adapters.problems import LONGEST, Problems, as_text, brief, clean, identity, objects_at
from controlplane.lakehouse.ports import Field, PartitionSpec

# The limits of struct nesting and of columns per table.
DEEPEST = 20
MOST_COLUMNS = 20_000
MOST_SPECS = 200
_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_NAMES = {"day": "days", "hour": "hours", "month": "months", "year": "years"}
Document = Mapping[str, Any]


class Columns:
    """The columns of the current schema, and the column names of earlier schemas."""

    def __init__(self, document: Document, problems: Problems) -> None:
        self._schemas = [one for _, one in objects_at(document, "schemas", problems)]
        self._names: dict[int, str] | None = None
        chosen = _current_schema(document, self._schemas, problems)
        self.fields = None if chosen is None else tuple(_fields(chosen, problems))

    def name(self, field_id: Any) -> str:
        """The name of a column; `column 5` if no schema contains it."""
        if self._names is None:
            found = {}
            silent = Problems()
            for schema in self._schemas[-MOST_SPECS:]:
                found.update({one.field_id: one.path for one in _fields(schema, silent) if one.field_id is not None})
            found.update({one.field_id: one.path for one in self.fields or () if one.field_id is not None})
            self._names = found
        known = self._names.get(field_id) if type(field_id) is int else None
        return known or f"column {brief(field_id)}"


def _current_schema(document: Document, schemas: list[dict[str, Any]], problems: Problems) -> Document | None:
    """The current schema. Format 1 may have a single schema; later formats have a list and the current id."""
    wanted = document.get("current-schema-id")
    for found in schemas:
        if _same(found.get("schema-id"), wanted):
            return found
    single = document.get("schema")
    if isinstance(single, dict) and (wanted is None or not schemas):
        return single
    known = ", ".join(brief(one.get("schema-id")) for one in schemas[:10])
    problems.add(
        f"current-schema-id {brief(wanted)} is not among the schemas ({known})."
        if schemas
        else "schemas is empty, so the columns are unknown."
    )
    return None


def _same(one: Any, other: Any) -> bool:
    # A boolean equals an integer in Python.
    return bool(one == other and isinstance(one, bool) == isinstance(other, bool) and not isinstance(one, float))


def _fields(schema: Document, problems: Problems) -> Iterator[Field]:
    """The columns in order; the columns of a struct follow the struct."""
    waiting: list[Iterator[tuple[str, Any]]] = [_named("", schema, problems)]
    count = 0
    while waiting:
        step = next(waiting[-1], None)
        if step is None:
            waiting.pop()
            continue
        path, found = step
        if count == MOST_COLUMNS:
            problems.add(
                f"The schema has more than {MOST_COLUMNS:,} columns; only the first {MOST_COLUMNS:,} are read."
            )
            return
        count += 1
        yield _field(path, found, problems)
        inner = found.get("type")
        if isinstance(inner, dict) and inner.get("type") == "struct":
            if len(waiting) > DEEPEST:
                problems.add(f"{path[:200]} exceeds {DEEPEST} levels of nesting; its columns are not read.")
            else:
                waiting.append(_named(f"{path}.", inner, problems))


def _named(prefix: str, struct: Document, problems: Problems) -> Iterator[tuple[str, dict[str, Any]]]:
    place = f"The columns of {prefix[:200].rstrip('.')}" if prefix else "The columns of the schema"
    fields = struct.get("fields")
    if not isinstance(fields, list):
        problems.wrong(place, fields, "an array")
        return
    for number, found in enumerate(fields):
        if not isinstance(found, dict):
            problems.wrong(f"{place}: number {number + 1}", found, "an object")
            continue
        if not isinstance(found.get("name"), str):
            problems.wrong(f"{place}: the name of number {number + 1}", found.get("name"), "a string")
        yield clean(f"{prefix}{as_text(found.get('name'))}"), found


def _field(path: str, found: Document, problems: Problems) -> Field:
    number, required, about = found.get("id"), found.get("required"), found.get("doc")
    if identity(number) is None:
        problems.wrong(f"The id of column {path[:200]}", number, "an integer")
    if not isinstance(required, bool):
        problems.wrong(f"`required` of column {path[:200]}", required, "true or false")
    return Field(
        field_id=number if identity(number) is not None else None,
        path=path,
        type=clean(_type(found.get("type"), path, problems, 0)),
        required=required if isinstance(required, bool) else None,
        doc="" if about is None else as_text(about),
    )


def _type(found: Any, path: str, problems: Problems, depth: int) -> str:
    """A type in the notation of the format. At the top level a struct is just `struct`, since its columns follow."""
    if isinstance(found, str):
        return _DECIMAL.sub(r"decimal(\1, \2)", clean(found))
    kind = found.get("type") if isinstance(found, dict) else None
    if depth > DEEPEST:
        return "…"
    if kind == "struct":
        return "struct" if depth == 0 else f"struct<{_inner(found, path, problems, depth)}>"
    if kind == "list":
        return f"list<{_type(found.get('element'), path, problems, depth + 1)}>"
    if kind == "map":
        key = _type(found.get("key"), path, problems, depth + 1)
        return f"map<{key}, {_type(found.get('value'), path, problems, depth + 1)}>"
    problems.wrong(f"The type of column {path[:200]}", found, "a type name, a struct, a list or a map")
    return "unknown"


def _inner(struct: Document, path: str, problems: Problems, depth: int) -> str:
    fields = struct.get("fields")
    written, length = [], 0
    for found in fields if isinstance(fields, list) else []:
        if not isinstance(found, dict):
            continue
        written.append(f"{as_text(found.get('name'))}: {_type(found.get('type'), path, problems, depth + 1)}")
        length += len(written[-1])
        if length > LONGEST:
            written.append("…")
            break
    return ", ".join(written)


def specs(document: Document, columns: Columns, problems: Problems) -> tuple[PartitionSpec, ...]:
    """All partition specs, the current one first, then the latest."""
    wanted = document.get("default-spec-id")
    found = objects_at(document, "partition-specs", problems)
    if not found and isinstance(document.get("partition-spec"), list):  # format 1
        wanted = 0 if wanted is None else wanted
        found = [(0, {"spec-id": wanted, "fields": document["partition-spec"]})]
    if len(found) > MOST_SPECS:
        problems.add(
            f"partition-specs has {len(found):,} entries; only the last {MOST_SPECS} and the current one are read."
        )
    read = [
        PartitionSpec(
            as_text(one.get("spec-id")),
            tuple(_terms(one, f"partition-specs[{number}]", columns, problems)),
            _same(one.get("spec-id"), wanted),
        )
        for number, one in found
        if number >= len(found) - MOST_SPECS or _same(one.get("spec-id"), wanted)
    ]
    if not any(one.current for one in read):
        problems.add(f"default-spec-id {brief(wanted)} is not among the partition specs.")
    latest = [one for one in reversed(read) if not one.current]
    return (*(one for one in read if one.current), *latest)


def sorting(document: Document, columns: Columns, problems: Problems) -> tuple[str, ...] | None:
    """The current sort order, such as `price desc`; None if unknown. Format 1 may have none."""
    wanted = document.get("default-sort-order-id")
    orders = objects_at(document, "sort-orders", problems)
    for number, one in orders:
        if _same(one.get("order-id"), wanted):
            return tuple(_terms(one, f"sort-orders[{number}]", columns, problems, directed=True))
    if not orders and wanted in (None, 0):
        return ()
    problems.add(f"default-sort-order-id {brief(wanted)} is not among the sort orders.")
    return None


def _terms(
    found: Document, place: str, columns: Columns, problems: Problems, *, directed: bool = False
) -> Iterator[str]:
    fields = found.get("fields")
    if not isinstance(fields, list):
        problems.wrong(f"{place}.fields", fields, "an array")
        yield "unknown"
        return
    for number, part in enumerate(fields[:MOST_SPECS]):
        if not isinstance(part, dict):
            problems.wrong(f"{place}.fields[{number}]", part, "an object")
            yield "unknown"
            continue
        sources = part.get("source-ids") if "source-id" not in part else [part["source-id"]]
        names = [columns.name(one) for one in (sources if isinstance(sources, list) else [sources])[:MOST_SPECS]]
        if not isinstance(part.get("transform"), str):
            problems.wrong(f"{place}.fields[{number}].transform", part.get("transform"), "a string")
        term = _term(as_text(part.get("transform")), ", ".join(names))
        yield clean(f"{term} {as_text(part.get('direction', 'asc'))}" if directed else term)
    if len(fields) > MOST_SPECS:
        problems.add(f"{place} has {len(fields):,} fields; only the first {MOST_SPECS} are read.")


def _term(transform: str, column: str) -> str:
    """`days(event_time)`, `bucket(16, user_id)`, or just the column for the identity transform."""
    name, _, width = transform.partition("[")
    if name == "identity":
        return column
    return (
        f"{_NAMES.get(name, name)}({width.rstrip(']')}, {column})" if width else f"{_NAMES.get(name, name)}({column})"
    )
