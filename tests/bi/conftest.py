"""A small lake that pyiceberg can read: the gold tables in a catalogue of the test's own, without any running part."""

from pathlib import Path

import pyarrow as pa
import pytest
import streamlit as st
from pyiceberg.catalog import Catalog, load_catalog

from tests.bi.gold_rows import ROWS


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installation whose lake is empty; gives the warehouse's address."""
    (tmp_path / "warehouse").mkdir()
    address = (tmp_path / "warehouse").as_uri()
    monkeypatch.setenv("LAKEHOUSE_DATA", str(tmp_path))
    monkeypatch.setenv("ICEBERG_CATALOG_URI", f"sqlite:///{tmp_path / 'catalog.db'}")
    monkeypatch.setenv("WAREHOUSE", address)
    monkeypatch.setenv("PUBLIC_URL", "http://127.0.0.1:8000")
    st.cache_data.clear()
    st.cache_resource.clear()
    return address


@pytest.fixture
def catalog(warehouse: str, tmp_path: Path) -> Catalog:
    return load_catalog("lake", type="sql", uri=f"sqlite:///{tmp_path / 'catalog.db'}", warehouse=warehouse)


@pytest.fixture
def gold(catalog: Catalog) -> dict[str, int]:
    """The three gold tables, each published by the run `manual__1`: the snapshot id of each."""
    catalog.create_namespace("gold")
    snapshots = {}
    for name, (schema, rows) in ROWS.items():
        table = catalog.create_table(f"gold.{name}", schema=schema)
        table.append(
            pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema),
            snapshot_properties={"lakehouse.run-id": "manual__1"},
        )
        snapshot = table.current_snapshot()
        assert snapshot is not None
        snapshots[name] = snapshot.snapshot_id
    return snapshots
