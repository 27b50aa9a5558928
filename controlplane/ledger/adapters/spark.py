"""Counts the lake on a Spark Connect server, in a separate session that ends with the count."""

from concurrent.futures import Future, TimeoutError
from datetime import datetime
from threading import Thread
from typing import Any

from pyspark.errors import PySparkException

from controlplane.ledger.adapters.reading import lake_counts
from controlplane.ledger.ports import CountUnreachableError, LakeCountError, LakeCounts
from spark_jobs.errors import JobError, SparkUnreachable
from spark_jobs.ledger.count import TopicScope, count_lake
from spark_jobs.session import connect

# Long enough for a lake of a hundred million rows on two cores beside a running pipeline.
COUNT_SECONDS = 180.0


class SparkLakeCounter:
    """Counts rows that came from `topic`, on the server at `remote` (a connection string with the server's token)."""

    def __init__(self, remote: str, *, topic: str, seconds: float = COUNT_SECONDS) -> None:
        self._remote = remote
        self._topic = topic
        self._seconds = seconds

    def count(self, topic_since: datetime | None) -> LakeCounts:
        try:
            return lake_counts(self._within_deadline(TopicScope(self._topic, topic_since)))
        except SparkUnreachable as error:
            raise CountUnreachableError(str(error)) from error
        except (JobError, PySparkException) as error:
            raise LakeCountError(f"Spark failed to count the tables: {str(error).splitlines()[0][:300]}") from error

    def _within_deadline(self, topic: TopicScope) -> dict[str, Any]:
        result: Future[dict[str, Any]] = Future()
        opened: list[Any] = []

        def run() -> None:
            try:
                spark = connect(self._remote, user_id="ledger")
                opened.append(spark)
                try:
                    result.set_result(dict(count_lake(spark, topic)))
                finally:
                    spark.stop()
            except Exception as error:
                if not result.done():
                    result.set_exception(error)

        # A daemon thread: a frozen server must block neither the caller nor the end of the process.
        Thread(target=run, name="ledger-count", daemon=True).start()
        try:
            return result.result(self._seconds)
        except TimeoutError:
            for spark in opened:
                Thread(target=spark.interruptAll, name="ledger-interrupt", daemon=True).start()
            raise CountUnreachableError(f"Spark did not finish the count within {self._seconds:.0f} s.") from None
