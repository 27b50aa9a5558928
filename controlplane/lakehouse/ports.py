"""Ports of the lakehouse room: the Iceberg catalog and the object storage."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

from controlplane.table_names import CATALOG_PREFIX, TableName

MAIN = "main"
TABLE = "table"


class CatalogError(Exception):
    """The catalog can't answer the request."""


class CatalogUnreachableError(CatalogError):
    """The catalog's database or the warehouse does not respond. A retry may succeed."""


class TableMissingError(CatalogError):
    """The table does not exist in the catalog."""


class TableUnreadableError(CatalogError):
    """The table is permanently unreadable: the text says why, `remedy` how to fix it.

    `fault` is false for entries that are valid but not supported here: a view, or a later format version.
    """

    def __init__(self, message: str, remedy: str, *, fault: bool = True) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.fault = fault


class StorageProblemError(Exception):
    """The object storage is unusable; the text says why and how to fix it.

    `kind` is S3's error code, or `away` (connection refused) or `silent` (it accepts connections but does not respond).
    """

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(said)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Head:
    """The catalog's entry for a name. `kind` is `table`, `view` or another type of the catalog;
    `metadata_location` is empty if there is none."""

    name: TableName
    kind: str
    metadata_location: str


@dataclass(frozen=True, slots=True)
class Field:
    """One column. `path` is dotted for a column inside a struct. None means that the schema does not say."""

    field_id: int | None
    path: str
    type: str
    required: bool | None
    doc: str


@dataclass(frozen=True, slots=True)
class PartitionSpec:
    """A current or former partition spec of the table."""

    spec_id: str
    terms: tuple[str, ...]
    current: bool


@dataclass(frozen=True, slots=True)
class Ref:
    """A branch or a tag, and its snapshot; empty if unreadable."""

    name: str
    kind: str
    snapshot_id: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One commit. The totals are those of the table as of this snapshot; None if its writer did not report them. `at`
    is None if the file has no valid time."""

    snapshot_id: str
    parent_id: str | None
    at: datetime | None
    operation: str
    summary: Mapping[str, str]
    # The location of the manifest list; empty if unknown.
    manifest_list: str = ""
    # The format version of its table. Version 1 has no delete files.
    format_version: int | None = None

    def count(self, name: str) -> int | None:
        """An integer of the summary, such as `total-records`; None if missing."""
        value = self.summary.get(name, "")
        if not (value.isascii() and value.isdecimal() and len(value) < 20):
            return None
        return number if (number := int(value)) < 2**63 else None

    @property
    def records(self) -> int | None:
        """Rows of the data files, including rows that delete files or deletion vectors mark as deleted."""
        return self.count("total-records")

    @property
    def before_deletes(self) -> bool:
        """Whether `records` may include deleted rows. Their number is unknown: two deletes may mark the same row."""
        if not self.records or self.format_version == 1 or self.count("total-delete-files") == 0:
            return False
        return self.deletes != 0

    @property
    def deletes(self) -> int | None:
        """Position deletes (including deletion vectors) and equality deletes; None if not reported."""
        named = [self.count(f"total-{kind}-deletes") for kind in ("position", "equality")]
        return None if None in named else sum(count for count in named if count is not None)

    @property
    def files(self) -> int | None:
        """Data files of the table; None if unknown."""
        return self.count("total-data-files")

    @property
    def bytes(self) -> int | None:
        """Size of the table's files in bytes; None if unknown."""
        return self.count("total-files-size")

    @property
    def added_records(self) -> int | None:
        """Rows that this snapshot added; None if unknown."""
        return self.count("added-records")

    @property
    def deleted_records(self) -> int | None:
        """Rows that this snapshot deleted; None if unknown."""
        return self.count("deleted-records")

    @property
    def added_files(self) -> int | None:
        """Data files that this snapshot added; None if unknown."""
        return self.count("added-data-files")

    @property
    def deleted_files(self) -> int | None:
        """Data files that this snapshot deleted; None if unknown."""
        return self.count("deleted-data-files")

    @property
    def job(self) -> str:
        """The job that wrote the snapshot; empty if unknown."""
        return self.summary.get("lakehouse.job", "")

    @property
    def run_id(self) -> str:
        """The id of the run that wrote the snapshot; empty if unknown."""
        return self.summary.get("lakehouse.run-id", "")

    @property
    def input_table(self) -> str:
        """The source table, without the catalog's name."""
        return self.summary.get("lakehouse.input-table", "").removeprefix(CATALOG_PREFIX)

    @property
    def input_table_path(self) -> str:
        """The source table as in URLs: `silver/events`."""
        return TableName.parse(self.input_table).path

    @property
    def input_snapshot(self) -> str:
        """The source snapshot; empty if the writer recorded none, or if the input was empty ("none")."""
        return self.summary.get("lakehouse.input-snapshot", "").removeprefix("none")

    @property
    def writer(self) -> str:
        """The producer: the job in the snapshot properties, else the engine."""
        return self.job or self.summary.get("engine-name", "") or self.summary.get("app-id", "")


@dataclass(frozen=True)
class Table:
    """A table as described by one metadata file. Snapshots are newest first and include those of other branches.

    None means that the file has no readable value; `problems` then says why.
    """

    name: str
    metadata_location: str
    location: str
    uuid: str
    format_version: int
    updated_at: datetime | None
    fields: tuple[Field, ...] | None
    partitioning: tuple[str, ...] | None
    sorting: tuple[str, ...] | None
    properties: Mapping[str, str]
    refs: tuple[Ref, ...]
    # None for an empty table, and for an unreadable id: `current_unknown` distinguishes them.
    current_id: str | None
    snapshots: tuple[Snapshot, ...]
    specs: tuple[PartitionSpec, ...] = ()
    current_unknown: bool = False
    problems: tuple[str, ...] = ()

    @cached_property
    def by_id(self) -> Mapping[str, Snapshot]:
        """The table's snapshots by their id."""
        return {snapshot.snapshot_id: snapshot for snapshot in self.snapshots}

    @property
    def current(self) -> Snapshot | None:
        """The current snapshot of main; None for an empty table, and if unknown."""
        return self.by_id.get(self.current_id) if self.current_id else None

    @property
    def empty(self) -> bool:
        """Whether main has no snapshots."""
        return self.current_id is None and not self.current_unknown

    @property
    def comment(self) -> str:
        """The comment of the table; empty without one."""
        return self.properties.get("comment", "")

    @cached_property
    def published(self) -> frozenset[str]:
        """The ids of main's snapshots: the current one and its ancestors. All others were written to a branch."""
        found, step = set(), self.current
        while step is not None and step.snapshot_id not in found:
            found.add(step.snapshot_id)
            step = self.by_id.get(step.parent_id) if step.parent_id else None
        return frozenset(found)


class Catalog(Protocol):
    """Read access to an Iceberg catalog. Table names are formatted by `TableName`."""

    def heads(self) -> Mapping[str, Head]:
        """All entries of the catalog by name, from one cheap query.

        Raises:
            CatalogUnreachableError: the catalog does not respond.
        """

    def table(self, name: str) -> Table:
        """One table in its current state. Reading an unchanged table again costs one cheap query.

        Raises:
            TableMissingError: the table does not exist.
            TableUnreadableError: the entry is not supported here, or its metadata can't be read.
            CatalogUnreachableError: the catalog or the warehouse does not respond.
        """

    def newest(self, table: Table, column: str) -> datetime | None:
        """The largest value of a time column in the newest rows of the table, from the bounds of their files; None if
        there are no rows or no bounds. Reading an unchanged table again costs nothing.

        Raises:
            CatalogUnreachableError: the warehouse does not respond.
        """


class ObjectStorage(Protocol):
    """The object storage with the bucket of the warehouse."""

    def look(self) -> str:
        """Write a small object, within a few seconds, and return the name of the bucket.

        Raises:
            StorageProblemError: the write failed.
        """
