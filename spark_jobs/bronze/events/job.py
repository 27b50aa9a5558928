"""The continuous query from Kafka into bronze."""

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.readwriter import DataStreamWriter

from spark_jobs.bronze.events.schema import EVENTS, ONE_FILE_AT_A_TIME
from spark_jobs.bronze.events.transform import bronze_rows
from spark_jobs.kafka_client import KafkaClient
from spark_jobs.provenance import CONFIGURATION, JOB, RUN_ID, as_options
from spark_jobs.tables import ensure_tables

QUERY_NAME = "bronze.events"


@dataclass(frozen=True)
class StreamSettings:
    """What the query reads, where it keeps its progress, and what its commits are stamped with.

    `run_id` names this start of the stream; `configuration` names the configuration version it was started with.
    """

    kafka: KafkaClient
    topic: str
    checkpoint: str
    run_id: str
    configuration: str = ""
    trigger_seconds: int = 5
    max_offsets_per_trigger: int = 200_000
    # Where a query without a checkpoint begins: `earliest`, or JSON as `{"topic": {"0": 12}}`.
    starting_offsets: str = "earliest"


def start(spark: SparkSession, settings: StreamSettings) -> StreamingQuery:
    """Start the query `bronze.events` in this session; it runs on when the client goes away.

    With the checkpoint of an earlier start it goes on from there, each record exactly once: the checkpoint names the
    offsets of a batch before it runs, and Iceberg's sink skips a batch that it has already committed. Offsets that the
    topic no longer holds stop the query rather than leave a hole. Records of aborted transactions are not read, nor
    those behind an open transaction before it ends.
    """
    ensure_tables(spark)
    records = (
        spark.readStream.format("kafka")
        .options(**settings.kafka.spark_options())
        .option("subscribe", settings.topic)
        .option("startingOffsets", settings.starting_offsets)
        .option("maxOffsetsPerTrigger", str(settings.max_offsets_per_trigger))
        .option("includeHeaders", "true")
        .option("kafka.isolation.level", "read_committed")
        .option("failOnDataLoss", "true")
        .load()
    )
    return written(records, settings).trigger(processingTime=f"{settings.trigger_seconds} seconds").toTable(EVENTS.name)


def written(records: DataFrame, settings: StreamSettings) -> DataStreamWriter:
    """The writer of these Kafka records into bronze, without a trigger."""
    stamps = {RUN_ID: settings.run_id, JOB: QUERY_NAME, CONFIGURATION: settings.configuration}
    return (
        bronze_rows(records, ingested_at=F.current_timestamp())
        .writeStream.format("iceberg")
        .queryName(QUERY_NAME)
        .outputMode("append")
        .option("checkpointLocation", settings.checkpoint)
        .options(**ONE_FILE_AT_A_TIME, **as_options(stamps))
    )
