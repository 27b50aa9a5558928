"""Building silver and quarantine from bronze, and the gate that publishes both."""

import logging

from pyspark import StorageLevel
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_jobs.bronze.events.schema import EVENTS as BRONZE
from spark_jobs.errors import GateFailed
from spark_jobs.gates import Candidate, validate_and_publish
from spark_jobs.ledger.accounting import unaccounted
from spark_jobs.provenance import INPUT_SNAPSHOT, INPUT_TABLE, JOB, NO_SNAPSHOT, RUN_ID, Snapshot, history
from spark_jobs.publishing import audited, write_audit
from spark_jobs.reading import read_at
from spark_jobs.silver.events.expectations import EVENTS_SUITE, QUARANTINE_SUITE
from spark_jobs.silver.events.schema import EVENTS, QUARANTINE
from spark_jobs.silver.events.transform import events, judged, quarantine
from spark_jobs.tables import ensure_tables

log = logging.getLogger(__name__)


def build(spark: SparkSession, *, run_id: str, warehouse: str) -> list[Snapshot]:
    """Rebuild silver and quarantine from bronze as it is now, on their branches `audit`."""
    ensure_tables(spark)
    source = history(spark, BRONZE.name).head()
    stamps = {
        RUN_ID: run_id,
        JOB: "silver.events",
        INPUT_TABLE: BRONZE.name,
        INPUT_SNAPSHOT: str(source.id) if source else NO_SNAPSHOT,
    }
    log.info("reading %s at snapshot %s", BRONZE.name, stamps[INPUT_SNAPSHOT])
    # Both tables come from the same verdicts; reaching them is most of the work, so it is done once. Kept on disk: the
    # server's heap is for its queries, the stream among them.
    bronze = read_at(spark, BRONZE.name, source.id if source else None).drop("headers")
    rows = judged(bronze).persist(StorageLevel.DISK_ONLY)
    try:
        return [
            write_audit(events(rows), EVENTS, stamps),
            write_audit(quarantine(rows, quarantined_at=F.current_timestamp()), QUARANTINE, stamps),
        ]
    finally:
        rows.unpersist()


def gate(spark: SparkSession, *, run_id: str, warehouse: str) -> list[Snapshot]:
    """Judge what the build left on `audit` and publish both tables, or neither.

    Quarantine goes first and silver last: silver's main snapshot defines which pair is active, so that a crash between
    the two is no gap (the ledger reads the pair that silver names, and the gate run again publishes the rest).
    """
    ensure_tables(spark)
    silver, rejected = audited(spark, EVENTS), audited(spark, QUARANTINE)
    same = (RUN_ID, INPUT_SNAPSHOT)
    if [silver.properties.get(name) for name in same] != [rejected.properties.get(name) for name in same]:
        raise GateFailed("The last build of silver.events did not finish: silver and quarantine differ. Run it again.")
    bronze = read_at(spark, BRONZE.name, silver.input_snapshot)
    bronze.createOrReplaceTempView("bronze_input")
    nowhere = unaccounted(bronze, read_at(spark, EVENTS.name, silver.id), read_at(spark, QUARANTINE.name, rejected.id))
    nowhere.createOrReplaceTempView("unaccounted")
    validate_and_publish(
        spark,
        [Candidate(QUARANTINE, rejected, QUARANTINE_SUITE), Candidate(EVENTS, silver, EVENTS_SUITE)],
        job="silver.events.gate",
        run_id=run_id,
        warehouse=warehouse,
    )
    return [silver, rejected]
