"""Metadata documents of Iceberg tables, and the same with one value changed into something odd."""

import copy
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SEED = 20261129
NOW_MS = 1_795_000_000_000
MISSING = object()


def document(version: int = 2) -> dict[str, Any]:
    """A table as our jobs make them, in one of the format's versions."""
    fields: list[dict[str, Any]] = [
        {"id": 1, "name": "event_id", "required": True, "type": "string", "doc": "Unique."},
        {"id": 2, "name": "price", "required": False, "type": "decimal(12,2)"},
        {"id": 3, "name": "kafka_time", "required": False, "type": "timestamptz"},
        {"id": 4, "name": "item", "required": False, "type": {"type": "struct", "fields": [
            {"id": 5, "name": "size", "required": True, "type": "long"}]}},
        {"id": 6, "name": "tags", "required": False, "type": {
            "type": "list", "element-id": 7, "element": "string", "element-required": False}},
        {"id": 8, "name": "labels", "required": False, "type": {
            "type": "map", "key-id": 9, "key": "string", "value-id": 10, "value": "int", "value-required": False}},
    ]  # fmt: skip
    snapshots: list[dict[str, Any]] = []
    for number in (1, 2, 3):
        summary = {
            "operation": "append", "total-records": str(number * 10), "total-data-files": "2", "total-files-size": "99",
            "added-records": "10", "total-delete-files": "0", "total-position-deletes": "0",
            "total-equality-deletes": "0", "lakehouse.job": "silver.events", "lakehouse.run-id": "manual__1",
            "lakehouse.input-table": "lake.bronze.events", "lakehouse.input-snapshot": "77",
        }  # fmt: skip
        one: dict[str, Any] = {
            "snapshot-id": 8744736658442914487 + number, "timestamp-ms": NOW_MS + number * 60_000, "schema-id": 0,
            "manifest-list": f"file:///nowhere/snap-{number}.avro", "summary": summary,
        }  # fmt: skip
        if number > 1:
            one["parent-snapshot-id"] = 8744736658442914487 + number - 1
        if version > 1:
            one["sequence-number"] = number
        if version > 2:
            one |= {"first-row-id": 0, "added-rows": 10}
        snapshots.append(one)
    current = snapshots[-1]["snapshot-id"]
    found: dict[str, Any] = {
        "format-version": version,
        "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1",
        "location": "file:///nowhere/silver/events",
        "last-updated-ms": NOW_MS,
        "last-column-id": 10,
        "current-schema-id": 0,
        "schemas": [{"type": "struct", "schema-id": 0, "fields": fields}],
        "default-spec-id": 1,
        "partition-specs": [
            {"spec-id": 0, "fields": []},
            {"spec-id": 1, "fields": [
                {"name": "b", "transform": "bucket[16]", "source-id": 1, "field-id": 1000},
                {"name": "d", "transform": "day", "source-id": 3, "field-id": 1001}]},
        ],
        "last-partition-id": 1001,
        "default-sort-order-id": 1,
        "sort-orders": [{"order-id": 1, "fields": [
            {"transform": "identity", "source-id": 2, "direction": "desc", "null-order": "nulls-last"}]}],
        "properties": {"owner": "root", "write.format.default": "parquet", "comment": "What was bought."},
        "current-snapshot-id": current,
        "refs": {"main": {"snapshot-id": current, "type": "branch"},
                 "release-1": {"snapshot-id": snapshots[0]["snapshot-id"], "type": "tag"}},
        "snapshots": snapshots,
        "snapshot-log": [],
        "metadata-log": [],
    }  # fmt: skip
    if version == 1:
        found["schema"] = found["schemas"][0]
        found["partition-spec"] = found["partition-specs"][1]["fields"]
    else:
        found["last-sequence-number"] = 3
    if version > 2:
        found["next-row-id"] = 30
    return found


# What may stand where something else was meant, as JSON writes it.
VALUES: tuple[Any, ...] = (
    MISSING, None, True, False, 0, -1, 1, 42, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), 10**40, 1.5, -0.0,
    4.5982866113522427e18, 1e300, float("inf"), "", " ", "0", "-1", "12", "items", "a\x00b", "\u202e", "日本語",
    "\ud83d", "<b>&\"'", "x" * 20_000, [], {}, [None], [[]], [1, "a", {}], {"items": 1, "keys": [], "": None, "0": {}},
    [[[[[[]]]]]], {"type": "struct", "fields": []}, {"type": "struct"}, {"type": "list"}, {"type": "map", "key": {}},
    "decimal(999,-1)",
)  # fmt: skip
# Names that templates and programs take for something of their own.
KEYS = (
    "items", "keys", "values", "get", "pop", "copy", "0", "_x", "__class__", "", " ", "comment", "a.b", "日本", "\x00",
)  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """A document with one value changed; `place` says which and into what."""

    place: str
    content: bytes


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value within a document."""
    if path:
        yield path
    for key, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(one, (*path, key))


def mutations(version: int, share: float = 1.0) -> Iterator[Mutation]:
    """Every value of a document changed into every other, one at a time; or a share of them, from a printed seed."""
    print(f"seed {SEED}")
    source = random.Random(SEED)
    plain = document(version)
    for path in places(plain):
        for number, value in enumerate(VALUES):
            if source.random() < share or path == ("format-version",):
                yield _changed(plain, version, path, number, value)


def named(version: int) -> Iterator[Mutation]:
    """Odd keys in every object of a document, with a text and with an object as their value."""
    plain = document(version)
    objects = [(), *(path for path in places(plain) if isinstance(_at(plain, path), dict))]
    for path in objects:
        changed = copy.deepcopy(plain)
        _at(changed, path).update({key: {key: key} if number % 3 == 2 else key for number, key in enumerate(KEYS)})
        yield Mutation(f"version {version}, odd keys in {path}", _written(changed))


def drawn(count: int) -> list[Mutation]:
    """Some of all of them, and some with several values changed, from a printed seed."""
    print(f"seed {SEED}")
    source = random.Random(SEED)
    found = []
    for number in range(count):
        version = source.choice((1, 2, 3))
        changed = document(version)
        marks = []
        for _ in range(1 if number % 2 else 4):
            path = source.choice(list(places(changed)))
            value = source.randrange(len(VALUES))
            marks.append(f"{path} <- {value}")
            _put(changed, path, VALUES[value])
        found.append(Mutation(f"version {version}: {', '.join(marks)}", _written(changed)))
    return found


def _changed(plain: dict[str, Any], version: int, path: tuple[Any, ...], number: int, value: Any) -> Mutation:
    changed = _copied(plain, path)
    _put(changed, path, value)
    return Mutation(f"version {version}: {path} <- value {number}", _written(changed))


def _copied(value: Any, path: tuple[Any, ...]) -> Any:
    """A copy that shares everything but what lies on the path."""
    if not path:
        return value
    fresh = value.copy()
    fresh[path[0]] = _copied(value[path[0]], path[1:])
    return fresh


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _put(document: Any, path: tuple[Any, ...], value: Any) -> None:
    holder = _at(document, path[:-1])
    if value is MISSING:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value


def _written(changed: Any) -> bytes:
    # Infinity as a number that JSON allows and that has no other value in a double.
    return json.dumps(changed).replace("Infinity", "1e999").encode()
