"""Spark's verdicts on values that are nearly events, held against a strict reader of another make."""

import os
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.silver.events import rules
from spark_jobs.silver.events.rules import REASONS
from spark_jobs.silver.events.transform import judged
from tests.scenarios.rules import cents, event_of, reason
from tests.spark_jobs.corpus import Corpus
from tests.spark_jobs.records import BRONZE, KAFKA_TIME

pytestmark = pytest.mark.stack

SEED = int(os.environ.get("CORPUS_SEED") or 20261129)
COUNT = int(os.environ.get("CORPUS_VALUES") or 200_000)
# A job's worth: some 20 MB.
PORTION = 40_000
# What only a record's Kafka time leads to.
ELSEWHERE = {"invalid_kafka_time"}


def _frame(spark: SparkSession, values: list[bytes]) -> DataFrame:
    count = len(values)
    table = pa.table({"value": pa.array(values, pa.binary()), "offset": pa.array(range(count), pa.int64())})
    rest = {"topic": F.lit("ecommerce.events"), "partition": F.lit(0), "kafka_time": F.lit(KAFKA_TIME),
            "ingested_at": F.lit(KAFKA_TIME)}  # fmt: skip
    rows = spark.createDataFrame(table).withColumns(rest)
    names = [name.strip("`") for name in (column.split()[0] for column in BRONZE.split(", "))]
    return rows.select(*(F.col(n) if n in rows.columns else F.lit(None).alias(n) for n in names))


def _told(spark: SparkSession, values: list[bytes]) -> list[dict[str, Any]]:
    rows = judged(_frame(spark, values)).select(
        "offset", "verdict.*", "category", "query", rules.price().alias("price"), rules.quantity().alias("quantity")
    )
    return rows.toArrow().to_pylist()


def test_every_value_gets_the_reason_that_a_strict_reader_gives(spark: SparkSession) -> None:
    print(f"\nseed {SEED}, {COUNT} values (CORPUS_SEED, CORPUS_VALUES)")
    values = list(Corpus(SEED).values(COUNT))
    expected = [reason(one, KAFKA_TIME) for one in values]
    told = {
        first + row["offset"]: row
        for first in range(0, COUNT, PORTION)
        for row in _told(spark, values[first : first + PORTION])
    }
    assert len(told) == COUNT

    wrong = [at for at in range(COUNT) if told[at]["reason"] != expected[at]]
    found = [f"{values[at][:600]!r} is {told[at]['reason']}, and should be {expected[at]}" for at in wrong[:20]]
    assert not wrong, f"{len(wrong)} of {COUNT} values:\n" + "\n".join(found)
    altered = [_difference(values[at], told[at]) for at in range(COUNT) if expected[at] is None]
    assert not [one for one in altered if one][:20]
    for row in told.values():
        assert row["reason"] is None or (row["detail"] and len(row["detail"]) < 300)
        assert not set(row["detail"] or "") & {chr(code) for code in range(32)}
    counts = Counter(expected)
    print(dict(counts))
    # A corpus that has lost its teeth proves nothing.
    assert set(counts) == {None, *REASONS} - ELSEWHERE
    assert 0.05 < counts[None] / COUNT < 0.5


def _difference(value: bytes, row: dict[str, Any]) -> str | None:
    """What silver would take of a good event otherwise than it was sent."""
    event = event_of(value)
    texts = {name: event.get(name) for name in ("category", "query")}
    numbers = {name: event[name].value() if event.get(name) else None for name in ("price", "quantity")}
    if numbers["price"] is not None:
        numbers["price"] = cents(numbers["price"]) / 100
    sent = {**texts, **numbers}
    return None if all(row[name] == sent[name] for name in sent) else f"{sent} was read as {row}"
