"""The offsets that a Spark streaming query has processed, read from the files of its checkpoint.

`offsets/N` holds the end offsets of batch N before it runs, `commits/N` is written when it is done, and `sources/0/0`
holds the initial offsets (org.apache.spark.sql.execution.streaming: OffsetSeqLog, CommitLog,
KafkaSourceInitialOffsetWriter).
"""

import json

from pyspark.errors import AnalysisException
from pyspark.sql.connect.session import SparkSession

from controlplane.streaming.ports import Positions


def positions_of(spark: SparkSession, checkpoint: str, topic: str) -> Positions | None:
    """The positions of this checkpoint on the topic; None if the checkpoint does not exist."""
    planned = _files(spark, f"{checkpoint}/offsets")
    done = set(_files(spark, f"{checkpoint}/commits"))
    began = _files(spark, f"{checkpoint}/sources/0").get(0)
    finished = [number for number in planned if number in done]
    if not planned and began is None:
        return None
    start = planned[max(finished)] if finished else began or {}
    return Positions(
        done=_of_topic(start, topic), planned=_of_topic(planned[max(planned)] if planned else start, topic)
    )


def _files(spark: SparkSession, folder: str) -> dict[int, dict[str, dict[str, int]]]:
    """The last line of each numbered file as JSON. Read through Spark: only the server is sure to see the folder."""
    try:
        lines = spark.read.text(folder, wholetext=True).select("_metadata.file_name", "value").collect()
    except AnalysisException as error:
        if "PATH_NOT_FOUND" in str(error.getCondition()):
            return {}
        raise
    return {int(row["file_name"]): _offsets(row["value"]) for row in lines if row["file_name"].isdigit()}


def _offsets(text: str) -> dict[str, dict[str, int]]:
    said = json.loads(text.strip().splitlines()[-1].lstrip("\0").removeprefix("v1"))
    return said if isinstance(said, dict) else {}


def _of_topic(offsets: dict[str, dict[str, int]], topic: str) -> dict[str, int]:
    return {partition: int(offset) for partition, offset in offsets.get(topic, {}).items()}
