"""Building a gold table from silver, and its gate: the same for each, apart from the transform and the suite."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from spark_jobs.gates import Candidate, validate_and_publish
from spark_jobs.gold.revenue import revenue_by_currency
from spark_jobs.provenance import INPUT_SNAPSHOT, INPUT_TABLE, JOB, NO_SNAPSHOT, RUN_ID, Snapshot, history
from spark_jobs.publishing import audited, write_audit
from spark_jobs.reading import read_at
from spark_jobs.silver.events.schema import EVENTS
from spark_jobs.table import Table
from spark_jobs.tables import ensure_tables
from spark_jobs.validation import Suite

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GoldTable:
    """A gold table's build: `name` is the job's (`gold.hourly_sales`), its gate's is `<name>.gate`."""

    name: str
    table: Table
    transform: Callable[[DataFrame], DataFrame]
    suite: Suite

    def build(self, spark: SparkSession, *, run_id: str, warehouse: str) -> list[Snapshot]:
        """Rebuild the table from silver as published now, on the branch `audit`."""
        ensure_tables(spark, (EVENTS, self.table))
        source = history(spark, EVENTS.name).head()
        stamps = {
            RUN_ID: run_id,
            JOB: self.name,
            INPUT_TABLE: EVENTS.name,
            INPUT_SNAPSHOT: str(source.id) if source else NO_SNAPSHOT,
        }
        log.info("reading %s at snapshot %s", EVENTS.name, stamps[INPUT_SNAPSHOT])
        silver = read_at(spark, EVENTS.name, source.id if source else None)
        return [write_audit(self.transform(silver), self.table, stamps)]

    def gate(self, spark: SparkSession, *, run_id: str, warehouse: str) -> list[Snapshot]:
        """Judge what the build left on `audit` against the silver it was made from, and publish it if it holds.

        SQL expectations may name the views `silver_input` and `silver_revenue` (currency, revenue).
        """
        ensure_tables(spark, (EVENTS, self.table))
        candidate = audited(spark, self.table)
        silver = read_at(spark, EVENTS.name, candidate.input_snapshot)
        silver.createOrReplaceTempView("silver_input")
        revenue_by_currency(silver).createOrReplaceTempView("silver_revenue")
        validate_and_publish(
            spark,
            [Candidate(self.table, candidate, self.suite)],
            job=f"{self.name}.gate",
            run_id=run_id,
            warehouse=warehouse,
        )
        return [candidate]
