"""Which of Kafka's timestamps are times.

A record's timestamp is a 64-bit number of milliseconds that its producer chooses. Brokers accept every negative one,
and -1 stands for none. A time is a timestamp from 1970-01-01 to 9999-12-30: what Kafka's own producer can send, and
what every reader of the lake can show in any time zone.
"""

from datetime import UTC, datetime

NONE = -1
FIRST = 0
LAST = 253_402_214_399_999
# Spark's source multiplies a timestamp by 1,000 and shifts the product from the Julian to the Gregorian calendar. It
# ends the query with "long overflow" when the result has more than 64 bits, from some 9.22e15 ms; the margin is for the
# shift (org.apache.spark.sql.catalyst.util.DateTimeUtils.fromJavaTimestamp).
SPARK_LARGEST = 9_000_000_000_000_000


def time_of(timestamp: int | None) -> datetime | None:
    """The time that a timestamp in milliseconds stands for; None when it is none or outside the calendar."""
    if timestamp is None or not FIRST <= timestamp <= LAST:
        return None
    seconds, rest = divmod(timestamp, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def is_readable_by_spark(timestamp: int) -> bool:
    """Whether Spark's Kafka source can read a record with this timestamp."""
    return abs(timestamp) <= SPARK_LARGEST
