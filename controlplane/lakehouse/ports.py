"""What the lakehouse room needs from an Iceberg catalogue: reading its tables, their snapshots and refs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

MAIN = "main"


class CatalogError(Exception):
    """The catalogue can't say what was asked of it."""


class CatalogUnreachableError(CatalogError):
    """The catalogue's database or the warehouse doesn't answer, or answers with something that can't be read."""


class TableMissingError(CatalogError):
    """The catalogue knows no such table."""


class StorageProblemError(Exception):
    """The object storage can't be worked with; the text says what is wrong and what to do.

    `kind` is S3's own code for it, or `away` (nothing answers) or `silent` (it takes connections and says nothing).
    """

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(said)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Field:
    """One column. `path` is dotted for a column inside a struct."""

    field_id: int
    path: str
    type: str
    required: bool
    doc: str


@dataclass(frozen=True, slots=True)
class Ref:
    """A branch or a tag, and the snapshot it points at."""

    name: str
    kind: str
    snapshot_id: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One commit. The totals are those of the table as of this snapshot; None where its writer did not say."""

    snapshot_id: str
    parent_id: str | None
    at: datetime
    operation: str
    summary: Mapping[str, str]
    # Where the list of its manifests lies; empty where that isn't known.
    manifest_list: str = ""

    def count(self, name: str) -> int | None:
        """A whole number of the summary, such as `total-records`; None when it isn't there."""
        value = self.summary.get(name, "")
        return int(value) if value.isdecimal() and len(value) < 20 else None

    @property
    def records(self) -> int | None:
        return self.count("total-records")

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
        return self.summary.get("lakehouse.input-table", "").removeprefix("lake.")

    @property
    def input_table_path(self) -> str:
        """The same as in the addresses of the pages: `silver/events`; empty for what can't be a table's name."""
        is_name = re.fullmatch(r"[\w-]+(\.[\w-]+)+", self.input_table)
        return self.input_table.replace(".", "/", 1) if is_name else ""

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
    """A table as one metadata file describes it. Snapshots are newest first and include those of other branches."""

    name: str
    metadata_location: str
    location: str
    uuid: str
    format_version: int
    updated_at: datetime
    fields: tuple[Field, ...]
    partitioning: tuple[str, ...]
    sorting: tuple[str, ...]
    properties: Mapping[str, str]
    refs: tuple[Ref, ...]
    current_id: str | None
    snapshots: tuple[Snapshot, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Snapshot]:
        return {snapshot.snapshot_id: snapshot for snapshot in self.snapshots}

    @property
    def current(self) -> Snapshot | None:
        """What readers of main see now; None for a table that nothing was written to."""
        return self.by_id.get(self.current_id) if self.current_id else None

    @cached_property
    def published(self) -> frozenset[str]:
        """The ids of main's snapshots: the current one and those before it. Any other was written to a branch."""
        found, step = set(), self.current
        while step is not None and step.snapshot_id not in found:
            found.add(step.snapshot_id)
            step = self.by_id.get(step.parent_id) if step.parent_id else None
        return frozenset(found)


class Catalog(Protocol):
    """Read access to an Iceberg catalogue. Tables are named `namespace.table`."""

    def heads(self) -> Mapping[str, str]:
        """Every table's name and the address of its current metadata, from one cheap query.

        Raises:
            CatalogUnreachableError: the catalogue doesn't answer.
        """

    def table(self, name: str) -> Table:
        """One table as it is now. Asking again while it has not changed costs one cheap query.

        Raises:
            TableMissingError: there is no table of that name.
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
