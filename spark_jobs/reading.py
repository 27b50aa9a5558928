"""Reading a table as it was at one snapshot."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F


def read_at(spark: SparkSession, table: str, snapshot_id: int | None) -> DataFrame:
    """The table's rows at a snapshot, whatever is committed meanwhile; no rows when there was no snapshot yet."""
    if snapshot_id is None:
        return spark.table(table).where(F.lit(False))
    return spark.read.option("versionAsOf", str(snapshot_id)).table(table)
