"""The stored columns of bronze."""

from spark_jobs.table import Column, Table

# Write options. Spark sorts the rows of a task by day, and the task has one open file at a time: producers choose the
# days, and with a file for each of thousands of days a batch exhausts memory. Sorting a batch of one day costs nothing
# that can be measured (docs/topic.md). As an option it also applies to tables of earlier versions, whose property
# `write.spark.fanout.enabled` is true.
ONE_FILE_AT_A_TIME = {"fanout-enabled": "false"}

EVENTS = Table(
    name="lake.bronze.events",
    comment="Every record of the topic as it came. One row a Kafka record; append only.",
    columns=(
        Column("value", "BINARY", "The record's value, byte for byte; null for a tombstone"),
        Column("key", "BINARY", "The record's key, byte for byte"),
        Column("topic", "STRING", "Kafka topic"),
        Column("partition", "INT", "Kafka partition"),
        Column("offset", "BIGINT", "Kafka offset within the partition"),
        Column("kafka_time", "TIMESTAMP", "The record's timestamp in Kafka; null when it has none within the calendar"),
        Column("ingested_at", "TIMESTAMP", "When the micro-batch that brought it began"),
        Column("scenario_run", "STRING", "Header scenario-run: the run that sent it; null for external records"),
        Column("sequence", "BIGINT", "Header sequence: the record's number within its scenario run"),
        # New columns go to the end: that is where `ensure_tables` adds them to a table that exists.
        Column(
            "headers",
            "ARRAY<STRUCT<key:STRING,value:BINARY>>",
            "All headers in their order, values byte for byte; null when the row is older than this column",
        ),
        Column(
            "kafka_timestamp",
            "BIGINT",
            "The record's timestamp in ms where kafka_time can't hold it: -1 for none, else outside the calendar",
        ),
    ),
    partitioned_by="days(kafka_time)",
    properties=(
        # A micro-batch falls into one day, as a rule: spreading rows by day would have a single task write all of it.
        ("write.distribution-mode", "none"),
        # Iceberg reads 5,000 rows at a time by default, which is 4.5 GB when someone sends only the largest records.
        ("read.parquet.vectorization.batch-size", "256"),
    ),
)
