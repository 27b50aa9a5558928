"""Every job by name, and the one way to run it: from Airflow, from a Celery worker or from a shell alike."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pyspark.errors.exceptions.connect import SparkConnectException
from pyspark.sql import SparkSession

from spark_jobs.connections import connections
from spark_jobs.errors import SparkUnreachable
from spark_jobs.gold.hourly_sales.job import JOB as HOURLY_SALES
from spark_jobs.gold.top_products.job import JOB as TOP_PRODUCTS
from spark_jobs.gold.user_sessions.job import JOB as USER_SESSIONS
from spark_jobs.provenance import INPUT_SNAPSHOT, INPUT_TABLE, Snapshot
from spark_jobs.publishing import rows_in
from spark_jobs.session import answers, connect
from spark_jobs.silver.events import job as silver_events

log = logging.getLogger(__name__)

JOBS: dict[str, Callable[..., list[Snapshot]]] = {
    "silver.events": silver_events.build,
    "silver.events.gate": silver_events.gate,
}
for _gold in (HOURLY_SALES, TOP_PRODUCTS, USER_SESSIONS):
    JOBS[_gold.name] = _gold.build
    JOBS[f"{_gold.name}.gate"] = _gold.gate

# What the client says once the server that had its session is no longer there, or another one is.
SERVER_GONE = ("NO_ACTIVE_SESSION", "INVALID_HANDLE.SESSION_CHANGED", "INVALID_HANDLE.SESSION_NOT_FOUND")

# The tables whose snapshots a job gives back, in its order.
TABLES: dict[str, tuple[str, ...]] = {
    name: ("lake.silver.events", "lake.silver.quarantine")
    if name.startswith("silver.events")
    else (f"lake.{name.removesuffix('.gate')}",)
    for name in JOBS
}


@dataclass(frozen=True)
class JobReport:
    """What a job did: `rows` of its main table, and the snapshot it wrote or published of each table."""

    job: str
    run_id: str
    rows: int
    snapshots: dict[str, str]
    message: str
    started_at: datetime
    finished_at: datetime


def run(job: str, *, run_id: str, remote: str | None = None) -> JobReport:
    """Run a job in a Spark session of its own and report.

    Raises KeyError for an unknown name, SparkUnreachable when there is no server, GateFailed when a gate lets nothing
    through, and whatever Spark raises.
    """
    work = JOBS[job]
    started = datetime.now(UTC)
    where = connections()
    spark = connect(remote or where.spark_remote)
    log.info("connected to Spark")
    try:
        return _run(spark, job, work, run_id, where.warehouse, started)
    except SparkConnectException as error:
        if error.getCondition() in SERVER_GONE or not answers(remote or where.spark_remote):
            raise SparkUnreachable("The Spark server went away while the job ran. Run the job again.") from error
        raise
    finally:
        spark.stop()


def _run(
    spark: SparkSession, job: str, work: Callable[..., list[Snapshot]], run_id: str, warehouse: str, started: datetime
) -> JobReport:
    snapshots = work(spark, run_id=run_id, warehouse=warehouse)
    named = dict(zip(TABLES[job], snapshots, strict=True))
    rows = rows_in(snapshots[0])
    told = ", ".join(f"{rows_in(snapshot):,} rows in {table}" for table, snapshot in named.items())
    properties = snapshots[0].properties
    verb = "Published" if job.endswith(".gate") else "Built"
    source = f"{properties.get(INPUT_TABLE)} at snapshot {properties.get(INPUT_SNAPSHOT)}"
    return JobReport(
        job=job,
        run_id=run_id,
        rows=rows,
        snapshots={table: str(snapshot.id) for table, snapshot in named.items()},
        message=f"{verb} {told}, from {source}.",
        started_at=started,
        finished_at=datetime.now(UTC),
    )
