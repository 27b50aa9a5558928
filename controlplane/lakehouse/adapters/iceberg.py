"""The Iceberg catalog over pyiceberg: Spark's JDBC catalog in PostgreSQL, metadata files in the warehouse."""

import errno
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

from pyiceberg.catalog import load_catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.conversions import from_bytes
from pyiceberg.io import FileIO, load_file_io
from pyiceberg.manifest import ManifestContent, read_manifest_list
from pyiceberg.types import TimestamptzType
from sqlalchemy import TextClause, text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from controlplane.lakehouse.adapters.metadata import LARGEST, OtherKindError, parse, to_table
from controlplane.lakehouse.adapters.problems import clean
from controlplane.lakehouse.ports import (
    TABLE,
    CatalogUnreachableError,
    Head,
    Table,
    TableMissingError,
    TableUnreadableError,
)
from controlplane.table_names import TableName
from spark_jobs.certificates import certificate_problem
from spark_jobs.object_store import ObjectStore

# A page waits for this; a slower catalog counts as unreachable.
CONNECT_SECONDS = 2
STATEMENT_SECONDS = 3
DATA = ManifestContent.DATA
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A later time in a file's bounds is an error of a clock or a writer.
AHEAD = timedelta(days=1)
_TIMES = ("timestamptz", "timestamp")
# Errors which mean that no file can exist at the path.
_NO_FILE = (errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL)
# PostgreSQL's error code.
_UNDEFINED_TABLE = "42P01"
UNREADABLE_SECONDS = 60.0
# The table of the JDBC catalog, with every column that its version has: the first one has no kind.
_HEADS = text("SELECT * FROM iceberg_tables WHERE catalog_name = :catalog")
_HEAD = text(f"{_HEADS.text} AND table_namespace = :namespace AND table_name = :short_name")
_REPAIR = (
    "Replace the file with a readable one, register an earlier metadata file of the table, or drop the table from the"
    " catalog. The file is read again every minute."
)


class IcebergCatalog:
    """Reads one SQL catalog. The last metadata read of each table is kept: metadata files never change. What could
    not be read is read again after `unreadable_seconds`: somebody may have repaired the file."""

    def __init__(
        self,
        *,
        uri: str,
        warehouse: str,
        store: ObjectStore | None = None,
        name: str = "lake",
        unreadable_seconds: float = UNREADABLE_SECONDS,
    ) -> None:
        self._name = name
        self._unreadable_seconds = unreadable_seconds
        parts = urlsplit(uri)
        self._address = f"{parts.hostname or 'localhost'}:{parts.port or 5432}"
        self._storage = store.endpoint if store else warehouse
        self._properties = {
            "type": "sql",
            "uri": _with_deadlines(uri),
            "warehouse": warehouse,
            # Spark creates the tables of the catalog; this side only reads.
            "init_catalog_tables": "false",
            "pool_pre_ping": "true",
            **(store.page_properties() if store else {}),
        }
        self._catalog: SqlCatalog | None = None
        self._parsed: dict[str, Table | _Unreadable] = {}
        self._newest: dict[tuple[str, str], tuple[str | None, datetime | None]] = {}
        self._lock = threading.Lock()

    def heads(self) -> Mapping[str, Head]:
        found = {str(head.name): head for head in self._asked(_HEADS)}
        for gone in self._parsed.keys() - found.keys():
            self._parsed.pop(gone, None)
        return found

    def _asked(self, query: TextClause, **values: str) -> list[Head]:
        """The rows of the catalog's table, by namespace and name."""
        try:
            with self._connected().engine.connect() as connection:
                rows = connection.execute(query, {"catalog": self._name, **values}).mappings().all()
        except SQLAlchemyError as error:
            if isinstance(error, ProgrammingError) and getattr(error.orig, "sqlstate", "") == _UNDEFINED_TABLE:
                return []  # no job has opened the catalog yet, so it has no tables of its own either
            how = "rejected the query" if isinstance(error, ProgrammingError) else "does not respond"
            raise CatalogUnreachableError(
                certificate_problem(error, "the catalog's database", self._address)
                or f"The catalog's database {how}: {_first_line(error)}"
            ) from error
        found = [
            Head(
                TableName(str(row["table_namespace"]), str(row["table_name"])),
                str(row.get("iceberg_type") or TABLE).lower(),
                str(row["metadata_location"] or ""),
            )
            for row in rows
        ]
        return sorted(found, key=lambda head: head.name)

    def table(self, name: str) -> Table:
        head = self._head(name)
        kept = self._parsed.get(name)
        if isinstance(kept, Table) and kept.metadata_location == head.metadata_location:
            return kept
        if isinstance(kept, _Unreadable) and kept.still(head.metadata_location, self._unreadable_seconds):
            raise kept.error()
        try:
            table = self._read(name, head)
        except TableUnreadableError as error:
            again = self._head(name)
            if again == head:
                # Retrying a file that could not be opened costs nothing.
                if not isinstance(error.__cause__, OSError):
                    self._parsed[name] = _Unreadable.of(error, head.metadata_location)
                raise
            # A writer replaced and removed the file between the two reads.
            table = self._read(name, again)
        self._parsed[name] = table
        return table

    def _head(self, name: str) -> Head:
        named = TableName.parse(name)
        # The database can't store names with NUL or surrogates.
        found = (
            self._asked(_HEAD, namespace=named.namespace, short_name=named.short_name) if clean(name) == name else []
        )
        if not found:
            raise TableMissingError(f"Table {clean(name)[:600]} does not exist in the catalog.")
        return found[0]

    def newest(self, table: Table, column: str) -> datetime | None:
        kept = self._newest.get((table.name, column))
        if kept is not None and kept[0] == table.current_id:
            return kept[1]
        times = (field for field in table.fields or () if field.path == column and field.type in _TIMES)
        number = next((field.field_id for field in times), None)
        current = table.current
        found = None
        if number is not None and current is not None and current.manifest_list:
            try:
                self._refuse_elsewhere(current.manifest_list)
                files = load_file_io(self._properties, current.manifest_list)
                found = _largest(files, current.manifest_list, number, self._refuse_elsewhere)
            except Exception as error:  # as in `_read`
                raise CatalogUnreachableError(
                    certificate_problem(error, "the object storage", self._storage)
                    or f"The manifests of {table.name} can't be read from the warehouse: {_first_line(error)}"
                ) from error
        self._newest[table.name, column] = table.current_id, found
        return found

    def close(self) -> None:
        """Close the database connections. The next query opens new ones."""
        with self._lock:
            if self._catalog is not None:
                self._catalog.engine.dispose()
                self._catalog = None

    def _read(self, name: str, head: Head) -> Table:
        location = head.metadata_location
        if head.kind != TABLE:
            raise TableUnreadableError(
                f"{name} is a {head.kind[:40]}. Only tables are supported here.",
                "Query it with Spark.",
                fault=False,
            )
        if not location:
            raise TableUnreadableError(
                f"The catalog has no metadata file for {name}.",
                "Drop the table from the catalog, or register one of its metadata files.",
            )
        unread = f"Unreadable metadata of {name} ({location[:300]}): "
        try:
            self._refuse_elsewhere(location)
            with load_file_io(self._properties, location).new_input(location).open() as stream:
                content = stream.read(LARGEST + 1)
            if len(content) > LARGEST:
                raise ValueError(f"larger than {LARGEST:,} bytes")
        except Exception as error:  # each file system raises its own errors
            if _lasting(error, location):
                reason = "file not found" if isinstance(error, FileNotFoundError) else _first_line(error)
                raise TableUnreadableError(f"{unread}{reason}", _REPAIR) from error
            raise CatalogUnreachableError(
                certificate_problem(error, "the object storage", self._storage)
                or f"The metadata of {name} can't be read from the warehouse ({location[:300]}): {_first_line(error)}"
            ) from error
        try:
            return to_table(name, location, parse(content))
        except OtherKindError as error:
            raise TableUnreadableError(
                f"{unread}{error}.", "Query it with an engine that supports it.", fault=False
            ) from error
        except ValueError as error:
            raise TableUnreadableError(f"{unread}{_first_line(error)}", _REPAIR) from error

    def _refuse_elsewhere(self, location: str) -> None:
        """Reject a location outside the warehouse's server and bucket: a table's writer controls the location of its
        metadata.

        Raises:
            ValueError: the location is elsewhere.
        """
        if _authority(location) != _authority(self._properties["warehouse"]):
            raise ValueError(f"{location[:200]} is outside the warehouse")

    def _connected(self) -> SqlCatalog:
        with self._lock:
            if self._catalog is None:
                catalog = load_catalog(self._name, **self._properties)
                if not isinstance(catalog, SqlCatalog):
                    raise CatalogUnreachableError(f"Expected a SQL catalog, got {type(catalog).__name__}.")
                self._catalog = catalog
            return self._catalog


@dataclass(frozen=True)
class _Unreadable:
    """A cached error of a metadata file, with its monotonic time. The exception itself would keep the content alive."""

    location: str
    message: str
    remedy: str
    fault: bool
    at: float

    @classmethod
    def of(cls, error: TableUnreadableError, location: str) -> "_Unreadable":
        return cls(location, str(error), error.remedy, error.fault, time.monotonic())

    def still(self, location: str, seconds: float) -> bool:
        return self.location == location and time.monotonic() - self.at < seconds

    def error(self) -> TableUnreadableError:
        return TableUnreadableError(self.message, self.remedy, fault=self.fault)


def _lasting(error: Exception, location: str) -> bool:
    """Whether reading the same file again would fail in the same way. All other errors are transient."""
    if isinstance(error, FileNotFoundError):
        return True
    if isinstance(error, PermissionError):
        return not location.startswith("s3")  # in a bucket the account is rejected for every table
    if isinstance(error, OSError):
        # pyarrow's error for a folder has no errno.
        return error.errno in _NO_FILE or str(error).endswith("is a directory")
    return isinstance(error, ValueError)


def _authority(location: str) -> tuple[str, str]:
    """(file system, server or bucket) of a location. A path without a scheme is a file."""
    parts = urlsplit(location)
    scheme = parts.scheme.lower() or "file"
    return "s3" if scheme in ("s3a", "s3n") else scheme, parts.netloc


def _largest(io: FileIO, manifest_list: str, field: int, refuse: Callable[[str], None]) -> datetime | None:
    """The largest upper bound of a time field in the newest manifest that has one, ignoring future times. `refuse`
    raises if a manifest must not be read."""
    manifests = [found for found in read_manifest_list(io.new_input(manifest_list)) if found.content == DATA]
    latest = datetime.now(UTC) + AHEAD
    for manifest in sorted(manifests, key=lambda one: one.sequence_number or 0, reverse=True):
        refuse(manifest.manifest_path)
        files = (entry.data_file for entry in manifest.fetch_manifest_entry(io, discard_deleted=True))
        bounds = (_bound((file.upper_bounds or {}).get(field)) for file in files)
        if known := [bound for bound in bounds if bound is not None and bound <= latest]:
            return max(known)
    return None


def _bound(value: bytes | None) -> datetime | None:
    """Microseconds since 1970 as a time; None if out of range."""
    try:
        return None if value is None else _EPOCH + timedelta(microseconds=int(from_bytes(TimestamptzType(), value)))
    except (OverflowError, ValueError, struct.error):
        return None


def _with_deadlines(uri: str) -> str:
    """The URI with connect and statement timeouts, so that a page never hangs on the catalog."""
    parts = urlsplit(uri)
    if not parts.scheme.startswith("postgresql") or "connect_timeout" in parts.query:
        return uri
    limits = f"connect_timeout={CONNECT_SECONDS}&options=-c%20statement_timeout%3D{STATEMENT_SECONDS * 1000}"
    return urlunsplit(parts._replace(query=f"{parts.query}&{limits}" if parts.query else limits))


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:300] or type(error).__name__
