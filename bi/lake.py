"""Reads published gold tables. Rows are cached by snapshot, so that a page, its export and its link show the same.

Tables and documents may have been written by other programs. Each is read by itself: what can't be read has a problem,
and the others are shown.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import streamlit as st
from pyarrow import fs
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchTableError
from sqlalchemy.exc import SQLAlchemyError

from bi.columns import FIRST, LAST, Kind, Loaded, fitted
from bi.places import Places, places
from spark_jobs import documents
from spark_jobs.documents import DocumentUnreadableError
from spark_jobs.object_store import file_system, object_store

# Every validation writes a document; the one of the shown snapshot is among the newest.
DOCUMENTS_LOOKED_AT = 20


class TableUnreadableError(Exception):
    """The metadata or the files of a table can't be read. The text is one sentence; `details` is the error."""

    def __init__(self, message: str, details: str) -> None:
        super().__init__(message)
        self.details = details


@dataclass(frozen=True)
class Published:
    """The current snapshot of a table's `main`, which the pages show. A time beyond the calendar is None."""

    table: str
    snapshot_id: int
    committed_at: datetime | None
    run_id: str | None
    job: str = ""


@dataclass(frozen=True)
class Verdict:
    """The validation of a snapshot: its document, or None with the `problems` of the documents that can't be read."""

    document: dict[str, Any] | None
    problems: tuple[str, ...] = ()


def published(table: str) -> Published | None:
    """The published snapshot of `gold.NAME`; None if the table was never published.

    Raises:
        TableUnreadableError: the metadata of the table can't be read.
        OSError: the warehouse does not respond.
        SQLAlchemyError: the catalog's database does not respond.
    """
    try:
        with _reading(f"The metadata of the table {table}"):
            snapshot = _catalog(places()).load_table(table).current_snapshot()
    except NoSuchTableError:
        return None
    if snapshot is None:
        return None
    properties: dict[str, str] = snapshot.summary.additional_properties if snapshot.summary else {}
    return Published(
        table=table,
        snapshot_id=snapshot.snapshot_id,
        committed_at=_moment(snapshot.timestamp_ms),
        run_id=properties.get("lakehouse.run-id"),
        job=properties.get("lakehouse.job", ""),
    )


def rows(of: Published, columns: Mapping[str, Kind]) -> Loaded:
    """All rows of the table at that snapshot, with money as decimals.

    Raises:
        TableUnreadableError: the files of the table can't be read.
        OSError: the warehouse does not respond.
    """
    with _reading(f"The rows of the table {of.table}"):
        return _rows(places(), of.table, of.snapshot_id, columns)


def verdict(of: Published) -> Verdict:
    """The validation of the shown snapshot, from the newest documents of its table."""
    try:
        return Verdict(_verdict(places().warehouse, of.table, of.snapshot_id))
    except _NoVerdictError as error:
        return Verdict(None, error.problems)
    except OSError as error:
        return Verdict(None, (f"The warehouse does not respond: {_first_line(error)}",))


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Turn the error of a table that can't be read into TableUnreadableError."""
    try:
        yield
    except (NoSuchTableError, SQLAlchemyError):
        raise
    except Exception as error:  # metadata and data files of other programs make pyiceberg raise anything
        # A file that is missing or corrupt is an OSError, too.
        if isinstance(error, OSError) and not _warehouse_responds():
            raise
        raise TableUnreadableError(f"{what} can't be read: {_first_line(error)}", str(error)[:4000]) from error


def _warehouse_responds() -> bool:
    try:
        system, path = file_system(places().warehouse)
        return bool(system.get_file_info(path).type == fs.FileType.Directory)
    except OSError:
        return False


def _first_line(error: Exception) -> str:
    """The error in one line of limited length."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    # The message of a KeyError is the key alone.
    named = f"{type(error).__name__}: {text}" if text and not isinstance(error, OSError) else text
    return (named or type(error).__name__)[:300].rstrip(".") + "."


def _moment(milliseconds: int) -> datetime | None:
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
    return moment if FIRST <= moment <= LAST else None


class _NoVerdictError(LookupError):
    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__()
        self.problems = problems


@st.cache_resource
def _catalog(where: Places) -> Catalog:
    # The database may have been restarted since the last query: each connection is tested before use.
    store = object_store()
    return load_catalog(
        "lake",
        type="sql",
        uri=where.catalog_uri,
        warehouse=where.warehouse,
        pool_pre_ping="true",
        **(store.page_properties() if store else {}),
    )


@st.cache_data(max_entries=12, show_spinner="Loading table …")
def _rows(where: Places, table: str, snapshot_id: int, _columns: Mapping[str, Kind]) -> Loaded:
    scan = _catalog(where).load_table(table).scan(snapshot_id=snapshot_id)
    there = {field.name for field in scan.projection().fields}
    # Only the columns of the view: others may have a type that can't be shown.
    wanted = [name for name in _columns if name in there]
    if not wanted:
        raise ValueError(f"it has none of the columns {', '.join(_columns)}")
    return fitted(scan.select(*wanted).to_arrow(), _columns)


@st.cache_data(max_entries=50, show_spinner=False)
def _verdict(warehouse: str, table: str, snapshot_id: int) -> dict[str, Any]:
    """Raises _NoVerdictError if there is none. Exceptions are not cached, since the document may appear later."""
    problems: list[str] = []
    for address in documents.addresses(warehouse, f"lake.{table}")[:DOCUMENTS_LOOKED_AT]:
        try:
            document = documents.read(address)
        except DocumentUnreadableError as error:
            problems.append(f"{unquote(address.rsplit('/', 1)[-1])[:100]}: {error}")
            continue
        # Other writers write the id as a number.
        if str(document.get("snapshot_id")) == str(snapshot_id):
            return document
    raise _NoVerdictError(tuple(problems))
