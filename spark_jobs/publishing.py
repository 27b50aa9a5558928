"""Write, audit, publish: a build goes to the branch `audit`, and reaches `main` when its gate lets it.

Readers of main see the old table or the new one and nothing between.
"""

import logging
from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.errors import GateFailed, JobError
from spark_jobs.provenance import Snapshot, as_options, history
from spark_jobs.table import Table

log = logging.getLogger(__name__)

AUDIT = "audit"


def write_audit(frame: DataFrame, table: Table, stamps: dict[str, str]) -> Snapshot:
    """Replace the table's rows on the branch `audit`, created again from main; returns the stamped snapshot.

    Main is not touched, and a build that is done again leaves nothing of the first behind.
    """
    spark = frame.sparkSession
    main = history(spark, table.name).head()
    at = f" AS OF VERSION {main.id}" if main else ""
    if main or AUDIT not in history(spark, table.name).heads:
        spark.sql(f"ALTER TABLE {table.name} CREATE OR REPLACE BRANCH {AUDIT}{at}")
    frame.writeTo(table.on(AUDIT)).options(**as_options(stamps)).overwrite(F.lit(True))
    written = history(spark, table.name).head(AUDIT)
    if written is None or any(written.properties.get(name) != value for name, value in stamps.items()):
        raise JobError(f"Another build of {table.name} wrote to its branch {AUDIT} meanwhile; run this one again.")
    log.info("wrote %s rows to %s on branch %s (snapshot %s)", rows_in(written), table.name, AUDIT, written.id)
    return written


def audited(spark: SparkSession, table: Table) -> Snapshot:
    """What waits on the branch `audit` (or was published from it last), with the stamps of the build it comes from.

    Raises GateFailed when nothing was built yet.
    """
    now = history(spark, table.name)
    head, build = now.head(AUDIT), now.built(AUDIT)
    if head is None or build is None:
        raise GateFailed(f"Nothing has been built for {table.name}: run the build before its gate.")
    return replace(head, properties=build.properties | head.properties)


def publish(spark: SparkSession, table: Table, snapshot: Snapshot) -> None:
    """Move main to a snapshot that passed its gate. Doing it again changes nothing.

    Raises GateFailed, with main unchanged, when the branch has changed since its validation, or when main has changed
    since the build.
    """
    now = history(spark, table.name)
    if now.heads.get("main") == snapshot.id:
        return
    if now.heads.get(AUDIT) != snapshot.id:
        raise GateFailed(f"{table.name} was built again during its validation. The new build needs its own gate.")
    main = now.head()
    if main is not None and not _descends(snapshot, main, now.snapshots):
        raise GateFailed(f"{table.name} was changed since this build began; run the build and its gate again.")
    schema_and_name = table.name.removeprefix("lake.")
    spark.sql(f"CALL lake.system.fast_forward('{schema_and_name}', 'main', '{AUDIT}')").collect()
    log.info("published %s: main is now snapshot %s", table.name, snapshot.id)


def rows_in(snapshot: Snapshot) -> int:
    """The rows of the table at a snapshot, as its summary has them."""
    return int(snapshot.properties.get("total-records", "0"))


def _descends(snapshot: Snapshot, ancestor: Snapshot, snapshots: dict[int, Snapshot]) -> bool:
    at: Snapshot | None = snapshot
    while at is not None:
        if at.id == ancestor.id:
            return True
        at = snapshots.get(at.parent_id) if at.parent_id is not None else None
    return False
