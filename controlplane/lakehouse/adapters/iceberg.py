"""The catalogue over pyiceberg: the tables of Spark's JDBC catalogue in PostgreSQL, metadata files in the warehouse."""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

from pyiceberg.catalog import load_catalog
from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.conversions import from_bytes
from pyiceberg.io import FileIO, load_file_io
from pyiceberg.manifest import ManifestContent, read_manifest_list
from pyiceberg.types import TimestamptzType
from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from controlplane.lakehouse.adapters.metadata import LARGEST, parse, to_table
from controlplane.lakehouse.ports import CatalogUnreachableError, Table, TableMissingError
from spark_jobs.certificates import certificate_problem
from spark_jobs.object_store import ObjectStore

# A page waits for this; a catalogue that needs longer counts as one that doesn't answer.
CONNECT_SECONDS = 2
STATEMENT_SECONDS = 3
DATA = ManifestContent.DATA
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class IcebergCatalog:
    """Reads one SQL catalogue. The last metadata read of each table is kept: metadata files never change."""

    def __init__(self, *, uri: str, warehouse: str, store: ObjectStore | None = None, name: str = "lake") -> None:
        self._name = name
        parts = urlsplit(uri)
        self._address = f"{parts.hostname or 'localhost'}:{parts.port or 5432}"
        self._storage = store.endpoint if store else warehouse
        self._properties = {
            "type": "sql",
            "uri": _with_deadlines(uri),
            "warehouse": warehouse,
            # Spark makes the catalogue's tables; this side only reads.
            "init_catalog_tables": "false",
            "pool_pre_ping": "true",
            **(store.page_properties() if store else {}),
        }
        self._catalog: SqlCatalog | None = None
        self._parsed: dict[str, Table] = {}
        self._newest: dict[tuple[str, str], tuple[str | None, datetime | None]] = {}
        self._lock = threading.Lock()

    def heads(self) -> Mapping[str, str]:
        try:
            with self._connected().engine.connect() as connection:
                rows = connection.execute(
                    select(
                        IcebergTables.table_namespace, IcebergTables.table_name, IcebergTables.metadata_location
                    ).where(IcebergTables.catalog_name == self._name, IcebergTables.metadata_location.is_not(None))
                ).all()
        except ProgrammingError:
            return {}  # no job has opened the catalogue yet, so it has no tables of its own either
        except SQLAlchemyError as error:
            raise CatalogUnreachableError(
                certificate_problem(error, "the catalogue's database", self._address)
                or f"The catalogue's database doesn't answer: {_first_line(error)}"
            ) from error
        return {f"{namespace}.{table}": location for namespace, table, location in sorted(map(tuple, rows)) if location}

    def table(self, name: str) -> Table:
        location = self.heads().get(name)
        if location is None:
            raise TableMissingError(f"The catalogue has no table {name}.")
        kept = self._parsed.get(name)
        if kept is not None and kept.metadata_location == location:
            return kept
        table = self._read(name, location)
        self._parsed[name] = table
        return table

    def newest(self, table: Table, column: str) -> datetime | None:
        kept = self._newest.get((table.name, column))
        if kept is not None and kept[0] == table.current_id:
            return kept[1]
        number = next((field.field_id for field in table.fields if field.path == column), None)
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
                    or f"The warehouse doesn't give the manifests of {table.name}: {_first_line(error)}"
                ) from error
        self._newest[table.name, column] = table.current_id, found
        return found

    def close(self) -> None:
        """Give the database connections back. The next question opens new ones."""
        with self._lock:
            if self._catalog is not None:
                self._catalog.engine.dispose()
                self._catalog = None

    def _read(self, name: str, location: str) -> Table:
        try:
            self._refuse_elsewhere(location)
            with load_file_io(self._properties, location).new_input(location).open() as stream:
                content = stream.read(LARGEST + 1)
            if len(content) > LARGEST:
                raise ValueError(f"it has more than {LARGEST:,} bytes")
        except Exception as error:  # every file system has errors of its own; all mean that it can't be read now
            raise CatalogUnreachableError(
                certificate_problem(error, "the object storage", self._storage)
                or f"The warehouse doesn't give the metadata of {name} ({location}): {_first_line(error)}"
            ) from error
        try:
            return to_table(name, location, parse(content))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError) as error:
            raise CatalogUnreachableError(
                f"The metadata of {name} can't be read ({location}): {_first_line(error)}"
            ) from error

    def _refuse_elsewhere(self, location: str) -> None:
        """Whoever may write a table chooses where its metadata is said to be. This side asks no other server than the
        warehouse's, in no other bucket.

        Raises:
            ValueError: it is elsewhere.
        """
        if _authority(location) != _authority(self._properties["warehouse"]):
            raise ValueError(f"{location[:200]} is not where the warehouse is")

    def _connected(self) -> SqlCatalog:
        with self._lock:
            if self._catalog is None:
                catalog = load_catalog(self._name, **self._properties)
                if not isinstance(catalog, SqlCatalog):
                    raise CatalogUnreachableError(f"{type(catalog).__name__} is not the SQL catalogue expected here.")
                self._catalog = catalog
            return self._catalog


def _authority(location: str) -> tuple[str, str]:
    """(the file system, the server or bucket) of an address. A path without a scheme is a file."""
    parts = urlsplit(location)
    scheme = parts.scheme.lower() or "file"
    return "s3" if scheme in ("s3a", "s3n") else scheme, parts.netloc


def _largest(io: FileIO, manifest_list: str, field: int, refuse: Callable[[str], None]) -> datetime | None:
    """The largest upper bound of a field of times in the newest manifest that has one; `refuse` raises where a manifest
    must not be read."""
    manifests = [found for found in read_manifest_list(io.new_input(manifest_list)) if found.content == DATA]
    for manifest in sorted(manifests, key=lambda one: one.sequence_number or 0, reverse=True):
        refuse(manifest.manifest_path)
        files = (entry.data_file for entry in manifest.fetch_manifest_entry(io, discard_deleted=True))
        bounds = [bound for file in files if (bound := (file.upper_bounds or {}).get(field)) is not None]
        if bounds:
            # Microseconds since 1970, by the type.
            latest = max(int(from_bytes(TimestamptzType(), bound)) for bound in bounds)
            return _EPOCH + timedelta(microseconds=latest)
    return None


def _with_deadlines(uri: str) -> str:
    """The address with limits for connecting and for a statement, so that a page never hangs on the catalogue."""
    parts = urlsplit(uri)
    if not parts.scheme.startswith("postgresql") or "connect_timeout" in parts.query:
        return uri
    limits = f"connect_timeout={CONNECT_SECONDS}&options=-c%20statement_timeout%3D{STATEMENT_SECONDS * 1000}"
    return urlunsplit(parts._replace(query=f"{parts.query}&{limits}" if parts.query else limits))


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:300] or type(error).__name__
