"""What the lakehouse room needs from an Iceberg catalogue: reading its tables, their snapshots and refs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

from controlplane.table_names import CATALOG_PREFIX, TableName

MAIN = "main"
TABLE = "table"


class CatalogError(Exception):
    """The catalogue can't say what was asked of it."""


class CatalogUnreachableError(CatalogError):
    """The catalogue's database or the warehouse doesn't answer. Asking later may help."""


class TableMissingError(CatalogError):
    """The catalogue knows no such table."""


class TableUnreadableError(CatalogError):
    """What the catalogue names can't be read, however often it is asked: the text says why, `remedy` what helps.

    `fault` is false for what is of a kind that isn't read here, and is well otherwise: a view, a later format version.
    """

    def __init__(self, message: str, remedy: str, *, fault: bool = True) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.fault = fault


class StorageProblemError(Exception):
    """The object storage can't be worked with; the text says what is wrong and what to do.

    `kind` is S3's own code for it, or `away` (nothing answers) or `silent` (it takes connections and says nothing).
    """

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(said)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Head:
    """What the catalogue itself says of a name. `kind` is `table`, `view` or another word of the catalogue's;
    `metadata_location` is empty where it has none."""

    name: TableName
    kind: str
    metadata_location: str


@dataclass(frozen=True, slots=True)
class Field:
    """One column. `path` is dotted for a column inside a struct. None stands for what its schema doesn't say."""

    field_id: int | None
    path: str
    type: str
    required: bool | None
    doc: str


@dataclass(frozen=True, slots=True)
class PartitionSpec:
    """One way in which the table's files are partitioned, or were."""

    spec_id: str
    terms: tuple[str, ...]
    current: bool


@dataclass(frozen=True, slots=True)
class Ref:
    """A branch or a tag, and the snapshot it points at; empty where that can't be read."""

    name: str
    kind: str
    snapshot_id: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One commit. The totals are those of the table as of this snapshot; None where its writer did not say. `at` is
    None where the file gives no time of the calendar."""

    snapshot_id: str
    parent_id: str | None
    at: datetime | None
    operation: str
    summary: Mapping[str, str]
    # Where the list of its manifests lies; empty where that isn't known.
    manifest_list: str = ""
    # Of its table. The first version knows no deletes.
    format_version: int | None = None

    def count(self, name: str) -> int | None:
        """A whole number of the summary, such as `total-records`; None when it isn't there."""
        value = self.summary.get(name, "")
        if not (value.isascii() and value.isdecimal() and len(value) < 20):
            return None
        return number if (number := int(value)) < 2**63 else None

    @property
    def records(self) -> int | None:
        """Rows of the data files. Rows that delete files or deletion vectors mark as deleted are among them."""
        return self.count("total-records")

    @property
    def before_deletes(self) -> bool:
        """Whether rows of `records` may be deleted. A summary can't say how many: two deletes may name the same row."""
        if not self.records or self.format_version == 1 or self.count("total-delete-files") == 0:
            return False
        return self.deletes != 0

    @property
    def deletes(self) -> int | None:
        """Deletes by position, of deletion vectors among them, and by equality; None where the writer did not say."""
        named = [self.count(f"total-{kind}-deletes") for kind in ("position", "equality")]
        return None if None in named else sum(count for count in named if count is not None)

    @property
    def files(self) -> int | None:
        return self.count("total-data-files")

    @property
    def bytes(self) -> int | None:
        return self.count("total-files-size")

    @property
    def added_records(self) -> int | None:
        return self.count("added-records")

    @property
    def deleted_records(self) -> int | None:
        return self.count("deleted-records")

    @property
    def added_files(self) -> int | None:
        return self.count("added-data-files")

    @property
    def deleted_files(self) -> int | None:
        return self.count("deleted-data-files")

    @property
    def job(self) -> str:
        return self.summary.get("lakehouse.job", "")

    @property
    def run_id(self) -> str:
        return self.summary.get("lakehouse.run-id", "")

    @property
    def input_table(self) -> str:
        """The table that was read, without the catalogue's name."""
        return self.summary.get("lakehouse.input-table", "").removeprefix(CATALOG_PREFIX)

    @property
    def input_table_path(self) -> str:
        """The same as in the addresses of the pages: `silver/events`."""
        return TableName.parse(self.input_table).path

    @property
    def input_snapshot(self) -> str:
        """The snapshot that was read; empty where the writer named none, or the input was empty ("none")."""
        return self.summary.get("lakehouse.input-snapshot", "").removeprefix("none")

    @property
    def writer(self) -> str:
        """Who made it: the job that stamped it, else the engine."""
        return self.job or self.summary.get("engine-name", "") or self.summary.get("app-id", "")


@dataclass(frozen=True)
class Table:
    """A table as one metadata file describes it. Snapshots are newest first and include those of other branches.

    None stands for what the file doesn't say in a way that can be read; `problems` says what is wrong with it then.
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
    # None for a table that nothing was written to, and where the file gives no id: `current_unknown` tells them apart.
    current_id: str | None
    snapshots: tuple[Snapshot, ...]
    specs: tuple[PartitionSpec, ...] = ()
    current_unknown: bool = False
    problems: tuple[str, ...] = ()

    @cached_property
    def by_id(self) -> Mapping[str, Snapshot]:
        return {snapshot.snapshot_id: snapshot for snapshot in self.snapshots}

    @property
    def current(self) -> Snapshot | None:
        """What readers of main see now; None for a table that nothing was written to, and where it isn't known."""
        return self.by_id.get(self.current_id) if self.current_id else None

    @property
    def empty(self) -> bool:
        """Whether nothing was written to main."""
        return self.current_id is None and not self.current_unknown

    @property
    def comment(self) -> str:
        return self.properties.get("comment", "")

    @cached_property
    def published(self) -> frozenset[str]:
        """The ids of main's snapshots: the current one and those before it. Any other was written to a branch."""
        found, step = set(), self.current
        while step is not None and step.snapshot_id not in found:
            found.add(step.snapshot_id)
            step = self.by_id.get(step.parent_id) if step.parent_id else None
        return frozenset(found)


class Catalog(Protocol):
    """Read access to an Iceberg catalogue. Tables are named as `TableName` writes them."""

    def heads(self) -> Mapping[str, Head]:
        """Everything that the catalogue names, by its name, from one cheap query.

        Raises:
            CatalogUnreachableError: the catalogue doesn't answer.
        """

    def table(self, name: str) -> Table:
        """One table as it is now. Asking again while it has not changed costs one cheap query.

        Raises:
            TableMissingError: there is no table of that name.
            TableUnreadableError: it is no table of a kind that is read here, or its metadata can't be read.
            CatalogUnreachableError: the catalogue or the warehouse doesn't answer.
        """

    def newest(self, table: Table, column: str) -> datetime | None:
        """The largest value of a column of times in the rows that the table got last, by the bounds of their files;
        None when it has none, or nobody wrote bounds. Asking again while the table has not changed costs nothing.

        Raises:
            CatalogUnreachableError: the warehouse doesn't answer.
        """


class ObjectStorage(Protocol):
    """What holds the bucket of the warehouse."""

    def look(self) -> str:
        """Write a small object, within some seconds; gives the name of the bucket.

        Raises:
            StorageProblemError: that did not go.
        """
