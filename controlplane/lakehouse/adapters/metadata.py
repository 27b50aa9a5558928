"""An Iceberg table metadata file (format versions 1 to 3) as the port's `Table`.

Read by hand rather than through pyiceberg's models, which refuse a whole file for one value of it that they don't know,
and need 0.3 s for 10,000 snapshots where this needs 0.06 s. What can't be read of a file is unknown, and its problems
say so. Format: https://iceberg.apache.org/spec/#table-metadata
"""

import gzip
import io
import json
import zlib
from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa

from controlplane.lakehouse.adapters.problems import (
    Problems,
    as_text,
    as_texts,
    brief,
    clean,
    identity,
    moment,
    objects_at,
    optional_identity,
    text_at,
)
from controlplane.lakehouse.adapters.schema import Columns, sorting, specs
from controlplane.lakehouse.ports import MAIN, Ref, Snapshot, Table

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# 100,000 snapshots have some 60 MB.
LARGEST = 128 * 2**20
MOST_REFS = 20_000
VERSIONS = (1, 2, 3)


class OtherKindError(ValueError):
    """It is well, but of a kind that isn't read here."""


def parse(content: bytes) -> dict[str, Any]:
    """The JSON of a metadata file, plain or compressed with gzip or zstd.

    Raises:
        OtherKindError: it is of another kind than a table, or a later format version.
        ValueError: it is not JSON, or no table's metadata, or larger than `LARGEST`.
    """
    document = _json(_unpacked(content))
    if not isinstance(document, dict):
        raise ValueError(f"it is {brief(document)}, not the metadata of a table")
    version = document.get("format-version")
    if "view-uuid" in document or "view-version-log" in document:
        raise OtherKindError("it is the metadata of a view")
    if type(version) is not int:
        raise ValueError(f"its format-version is {brief(version)}" if "format-version" in document else
                         "it is not the metadata of a table: it has no format-version")  # fmt: skip
    if version > VERSIONS[-1]:
        raise OtherKindError(f"it has the Iceberg format version {brief(version)}; versions 1 to 3 are read")
    if version not in VERSIONS:
        raise ValueError(f"its format-version is {brief(version)}; Iceberg has versions from 1 on")
    return document


def _json(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except ValueError as error:
        first = str(error)
    # Valid JSON may have numbers beyond all bounds and halves of surrogate pairs, which the fast reader refuses.
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_no_json)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
    except ValueError:
        raise ValueError(f"it is not complete JSON: {first}" if content else "it is empty") from None


def _no_json(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _unpacked(content: bytes) -> bytes:
    try:
        if content.startswith(GZIP_MAGIC):
            with gzip.open(io.BytesIO(content)) as packed:
                plain = packed.read(LARGEST + 1)
        elif content.startswith(ZSTD_MAGIC):
            with pa.input_stream(pa.BufferReader(content), compression="zstd") as stream:
                plain = stream.read(LARGEST + 1)
        else:
            return content
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"it can't be unpacked: {error}") from error
    if len(plain) > LARGEST:
        raise ValueError(f"it unpacks to more than {LARGEST:,} bytes")
    return bytes(plain)


def to_table(name: str, metadata_location: str, document: Mapping[str, Any]) -> Table:
    """Build the port's Table from a parsed metadata file."""
    problems = Problems()
    version = document["format-version"]
    columns = Columns(document, problems)
    partitioned = specs(document, columns, problems)
    snapshots = _snapshots(document, version, problems)
    current_id = optional_identity(document, "current-snapshot-id", "current-snapshot-id", problems)
    if current_id is not None and current_id not in {found.snapshot_id for found in snapshots}:
        problems.add(f"current-snapshot-id is {current_id}, which is none of the table's snapshots.")
    uuid = text_at(document, "table-uuid", problems) if version > 1 or "table-uuid" in document else ""
    properties = document.get("properties")
    return Table(
        name=name,
        metadata_location=metadata_location,
        location=text_at(document, "location", problems),
        uuid=uuid,
        format_version=version,
        updated_at=moment(document, "last-updated-ms", "last-updated-ms", problems),
        fields=columns.fields,
        partitioning=next((one.terms for one in partitioned if one.current), None),
        sorting=sorting(document, columns, problems),
        properties={} if properties is None else as_texts(properties, "properties", problems),
        refs=_refs(document, current_id, problems),
        current_id=current_id,
        snapshots=snapshots,
        specs=partitioned,
        current_unknown=current_id is None and document.get("current-snapshot-id") not in (None, -1),
        problems=problems.all(),
    )


def _refs(document: Mapping[str, Any], current_id: str | None, problems: Problems) -> tuple[Ref, ...]:
    """main first, the others by name. Without main among them, which format 1 may leave out, the current one is it."""
    named = document.get("refs")
    if named is not None and not isinstance(named, dict):
        problems.wrong("refs", named, "an object")
    found = {}
    for name, said in named.items() if isinstance(named, dict) else ():
        place = f"refs.{clean(name)[:80]}"
        if not isinstance(said, dict):
            problems.wrong(place, said, "an object")
            said = {}
        snapshot_id = identity(said.get("snapshot-id"))
        if snapshot_id is None:
            problems.wrong(f"{place}.snapshot-id", said.get("snapshot-id"), "a whole number of 64 bits")
        found[name] = Ref(clean(name), as_text(said.get("type", "branch")), snapshot_id or "")
        if len(found) == MOST_REFS:
            problems.add(f"refs has {len(named or ()):,} entries; the first {MOST_REFS:,} are read.")
            break
    if current_id and MAIN not in found:
        found[MAIN] = Ref(MAIN, "branch", current_id)
    main = found.get(MAIN)
    if main is not None and main.snapshot_id and current_id and main.snapshot_id != current_id:
        problems.add(
            f"refs.main is {main.snapshot_id}, current-snapshot-id {current_id}: readers differ in what they see."
        )
    return tuple(ref for _, ref in sorted(found.items(), key=lambda item: (item[0] != MAIN, item[0])))


def _snapshots(document: Mapping[str, Any], version: int, problems: Problems) -> tuple[Snapshot, ...]:
    """The snapshots, newest first. One without an id can't be addressed, so it is left out and said."""
    found: dict[str, tuple[tuple[int, int], Snapshot]] = {}
    for number, one in objects_at(document, "snapshots", problems):
        place = f"snapshots[{number}]"
        snapshot_id = identity(one.get("snapshot-id"))
        if snapshot_id is None:
            problems.add(
                f"{place}.snapshot-id is {brief(one.get('snapshot-id'))}, not a whole number of 64 bits: "
                "the snapshot isn't shown."
            )
        elif snapshot_id in found:
            problems.add(f"{place}.snapshot-id is {snapshot_id}, as of one before it: it isn't shown again.")
        else:
            order = (_whole(one.get("timestamp-ms")), _whole(one.get("sequence-number")))
            found[snapshot_id] = order, _snapshot(one, snapshot_id, place, version, problems)
    return tuple(snapshot for _, snapshot in sorted(found.values(), key=lambda item: item[0], reverse=True))


def _whole(value: Any) -> int:
    return value if type(value) is int else 0


def _snapshot(found: Mapping[str, Any], snapshot_id: str, place: str, version: int, problems: Problems) -> Snapshot:
    said = found.get("summary")
    if said is None and version == 1:
        said = {}
    summary = as_texts(said, f"{place}.summary", problems)
    manifest_list = found.get("manifest-list")
    if not isinstance(manifest_list, str) and not (manifest_list is None and version == 1):
        problems.wrong(f"{place}.manifest-list", manifest_list, "a text")
    return Snapshot(
        snapshot_id=snapshot_id,
        parent_id=optional_identity(found, "parent-snapshot-id", f"{place}.parent-snapshot-id", problems),
        at=moment(found, "timestamp-ms", f"{place}.timestamp-ms", problems),
        operation=summary.get("operation", "unknown"),
        summary=summary,
        manifest_list=manifest_list if isinstance(manifest_list, str) else "",
        format_version=version,
    )
