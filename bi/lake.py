"""Reads published gold tables. Rows are cached by snapshot, so that a page, its export and its link show the same."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchTableError

from bi.places import Places, places
from spark_jobs import documents
from spark_jobs.object_store import object_store

# Every validation writes a document; the one of the shown snapshot is among the newest.
DOCUMENTS_LOOKED_AT = 20


@dataclass(frozen=True)
class Published:
    """The current snapshot of a table's `main`, which the pages show."""

    table: str
    snapshot_id: int
    committed_at: datetime
    run_id: str | None


def published(table: str) -> Published | None:
    """The published snapshot of `gold.NAME`; None if the table was never published."""
    try:
        snapshot = _catalog(places()).load_table(table).current_snapshot()
    except NoSuchTableError:
        return None
    if snapshot is None:
        return None
    properties: dict[str, str] = snapshot.summary.additional_properties if snapshot.summary else {}
    return Published(
        table=table,
        snapshot_id=snapshot.snapshot_id,
        committed_at=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC),
        run_id=properties.get("lakehouse.run-id"),
    )


def rows(of: Published) -> pd.DataFrame:
    """All rows of the table at that snapshot, with money as decimals."""
    return _rows(places(), of.table, of.snapshot_id)


def verdict(of: Published) -> dict[str, Any] | None:
    """The validation document of the shown snapshot; None if it is missing or can't be read now."""
    try:
        return _verdict(places().warehouse, of.table, of.snapshot_id)
    except (LookupError, OSError):
        return None


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
def _rows(where: Places, table: str, snapshot_id: int) -> pd.DataFrame:
    frame: pd.DataFrame = _catalog(where).load_table(table).scan(snapshot_id=snapshot_id).to_arrow().to_pandas()
    return frame


@st.cache_data(max_entries=50, show_spinner=False)
def _verdict(warehouse: str, table: str, snapshot_id: int) -> dict[str, Any]:
    """Raises LookupError if there is none. Exceptions are not cached, since the document may appear later."""
    for address in documents.addresses(warehouse, f"lake.{table}")[:DOCUMENTS_LOOKED_AT]:
        document = documents.read(address)
        if document["snapshot_id"] == str(snapshot_id):
            return document
    raise LookupError(snapshot_id)
