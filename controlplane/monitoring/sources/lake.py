"""The tables of the pipeline, as last observed."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from controlplane.lakehouse.selectors import tables_now
from controlplane.monitoring.sources.families import gauges
from spark_jobs.pipeline import TABLES


def figures() -> Iterator[Metric]:
    """Rows, size, files and snapshots of the pipeline's tables."""
    # Other tables are omitted, since the number of their names is unbounded.
    # Unreadable tables are unknown.
    tables = [table for table in tables_now().tables if table.name in TABLES and not table.problem]
    label = ("table",)
    yield gauges("lakehouse_table_records", "Rows of the current snapshot, before deletes.", label,
                 {(table.name,): table.records for table in tables})  # fmt: skip
    yield gauges("lakehouse_table_size_bytes", "Bytes of the current snapshot's files.", label,
                 {(table.name,): table.bytes for table in tables})  # fmt: skip
    yield gauges("lakehouse_table_files", "Files of the current snapshot.", label,
                 {(table.name,): table.files for table in tables})  # fmt: skip
    yield gauges("lakehouse_table_snapshots", "Retained snapshots of the table.", label,
                 {(table.name,): table.snapshots for table in tables})  # fmt: skip
    written = {(table.name,): table.snapshot_at.timestamp() for table in tables if table.snapshot_at}
    yield gauges("lakehouse_table_snapshot_timestamp_seconds", "Commit time of the current snapshot.", label, written)
