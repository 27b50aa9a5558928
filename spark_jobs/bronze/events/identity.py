"""What makes two bronze rows the same Kafka record, taken in twice."""

from pyspark.sql import Column
from pyspark.sql import functions as F

# Kafka's time belongs to it: in a topic that was created again, offsets start at 0 again, while a record that is
# ingested twice keeps its time.
KEY = ("partition", "offset", "kafka_time")
CONTENT = "content"


def content() -> Column:
    """The digest of the value of a record without a Kafka time, null for all others.

    Nothing else tells such a record from the one at the same offset of an earlier topic of that name. Two with the
    same bytes count as one record.
    """
    digest = F.coalesce(F.sha2(F.col("value"), 256), F.lit("none"))
    return F.when(F.col("kafka_time").isNull(), digest).alias(CONTENT)


def identity() -> tuple[Column, ...]:
    """The columns by which copies of a record are grouped, within a topic."""
    return (*(F.col(name) for name in KEY), content())
