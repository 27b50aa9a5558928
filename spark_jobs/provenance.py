"""What a commit says about its maker: Iceberg snapshot properties, written and read back.

The lake itself is the record of progress: which run wrote a snapshot, and from which snapshot of which table.
"""

from dataclasses import dataclass

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

RUN_ID = "lakehouse.run-id"
JOB = "lakehouse.job"
INPUT_TABLE = "lakehouse.input-table"
INPUT_SNAPSHOT = "lakehouse.input-snapshot"
CONFIGURATION = "lakehouse.configuration"

# An empty table has no snapshot; a build from it says so in words that can't be mistaken for an id.
NO_SNAPSHOT = "none"


@dataclass(frozen=True)
class Snapshot:
    """One snapshot of a table: its id, its parent's and what its maker said of itself."""

    id: int
    parent_id: int | None
    properties: dict[str, str]

    @property
    def input_snapshot(self) -> int | None:
        """The snapshot of the input table that this one was built from; None when that table was empty or unnamed."""
        named = self.properties.get(INPUT_SNAPSHOT, NO_SNAPSHOT)
        return None if named == NO_SNAPSHOT else int(named)


def as_options(stamps: dict[str, str]) -> dict[str, str]:
    """Writer options that put these properties on the commit; empty ones are left out."""
    return {f"snapshot-property.{name}": value for name, value in stamps.items() if value}


@dataclass(frozen=True)
class History:
    """All snapshots of a table by id, and the heads of its branches and tags by name."""

    snapshots: dict[int, Snapshot]
    heads: dict[str, int]

    def head(self, ref: str = "main") -> Snapshot | None:
        """The snapshot a branch points to, None when the branch (or any snapshot) is missing."""
        return self.snapshots.get(self.heads[ref]) if ref in self.heads else None

    def built(self, ref: str = "main") -> Snapshot | None:
        """The newest snapshot of a branch that a build stamped: the head, unless maintenance came after it."""
        snapshot = self.head(ref)
        while snapshot is not None and INPUT_SNAPSHOT not in snapshot.properties:
            snapshot = self.snapshots.get(snapshot.parent_id) if snapshot.parent_id is not None else None
        return snapshot


def history(spark: SparkSession, table: str) -> History:
    """The snapshots and refs of a table as they are now."""
    snapshots = spark.table(f"{table}.snapshots").select(
        F.lit("snapshot").alias("kind"), "snapshot_id", "parent_id", F.lit("").alias("name"), "summary"
    )
    refs = spark.table(f"{table}.refs").select(
        F.lit("ref").alias("kind"),
        "snapshot_id",
        F.lit(None).cast("bigint").alias("parent_id"),
        "name",
        F.create_map().cast("map<string,string>").alias("summary"),
    )
    rows = snapshots.unionByName(refs).collect()
    return History(
        snapshots={
            row["snapshot_id"]: Snapshot(row["snapshot_id"], row["parent_id"], dict(row["summary"] or {}))
            for row in rows
            if row["kind"] == "snapshot"
        },
        heads={row["name"]: row["snapshot_id"] for row in rows if row["kind"] == "ref"},
    )
