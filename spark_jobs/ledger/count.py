"""Counting the lake: every bronze record is in silver, in quarantine, a duplicate, or newer than silver. Exactly."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypedDict

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.bronze.events.schema import EVENTS as BRONZE
from spark_jobs.gold.hourly_sales.schema import HOURLY_SALES
from spark_jobs.gold.revenue import revenue
from spark_jobs.gold.top_products.schema import TOP_PRODUCTS
from spark_jobs.gold.user_sessions.schema import USER_SESSIONS
from spark_jobs.ledger.accounting import left_over, matched, repeated
from spark_jobs.provenance import INPUT_SNAPSHOT, RUN_ID, History, Snapshot, history
from spark_jobs.reading import read_at
from spark_jobs.silver.events.schema import EVENTS as SILVER
from spark_jobs.silver.events.schema import QUARANTINE
from spark_jobs.table import Table
from spark_jobs.tables import TABLES, ensure_tables

# Records that no scenario run sent are counted under this name.
NO_RUN = ""

Counts = dict[str, int]
# Offsets are counted by blocks of so many: a block that is full in bronze needs no look at the topic.
BLOCK = 16_384


@dataclass(frozen=True)
class TopicScope:
    """The topic as it is now: rows of bronze with this name, taken in since the topic was created (None: all)."""

    name: str
    since: datetime | None = None


class LakeCounts(TypedDict):
    """What `count_lake` gives; every value is ready for JSON, money and snapshot ids are strings."""

    counted_at: str
    snapshots: dict[str, str | None]
    bronze: dict[str, Any]
    blocks: list[list[int]]
    copies: dict[str, Any]
    pending: dict[str, Any]
    silver: dict[str, Any]
    quarantine: dict[str, Any]
    duplicates: dict[str, Any]
    unaccounted: dict[str, Any]
    gold: dict[str, dict[str, Any]]
    silver_published_snapshot: str | None


def count_lake(spark: SparkSession, topic: TopicScope) -> LakeCounts:
    """Count every table at the snapshot it has now: each figure by a query, none by subtraction from another.

    `pending` alone is a difference: bronze's rows now less its rows at silver's input snapshot. Duplicates are records
    in neither silver nor quarantine whose event silver has from another record, and second copies of a record that was
    taken in twice; `copies` are the latter alone, in all of bronze. What is left is `unaccounted`: 0, or something is
    wrong. `blocks` are the offsets of `topic` that bronze has: partition, number of the block of `BLOCK` offsets, how
    many of its offsets, and the offset after the last of them.
    """
    ensure_tables(spark)
    histories = {table.name: history(spark, table.name) for table in TABLES}
    heads = {name: found.head() for name, found in histories.items()}
    silver_build = histories[SILVER.name].built()
    heads[QUARANTINE.name] = _counterpart(histories[QUARANTINE.name], silver_build)
    frames = {name: read_at(spark, name, head.id if head else None) for name, head in heads.items()}

    taken_in = read_at(spark, BRONZE.name, silver_build.input_snapshot if silver_build else None)
    silver, quarantine = frames[SILVER.name], frames[QUARANTINE.name]
    now, then = _by_run(frames[BRONZE.name]), _by_run(taken_in)
    blocks = _blocks(frames[BRONZE.name], topic)
    pending = {run: now.get(run, 0) - then.get(run, 0) for run in now.keys() | then.keys()}
    duplicates, unaccounted = _left_over(taken_in, silver, quarantine)
    return LakeCounts(
        counted_at=datetime.now(UTC).isoformat(),
        snapshots={name: str(head.id) if head else None for name, head in heads.items()},
        bronze=_total(now),
        blocks=blocks.of_topic,
        # Telling every record apart is dear: it is done only where an offset is there twice.
        copies=_total(_copies(frames[BRONZE.name]) if blocks.has_copies else {}),
        pending=_total({run: n for run, n in sorted(pending.items()) if n}),
        silver=_silver(silver),
        quarantine=_quarantine(quarantine),
        duplicates=_total(duplicates),
        unaccounted=_total(unaccounted),
        gold={
            "hourly_sales": _gold(frames[HOURLY_SALES.name], HOURLY_SALES, histories),
            "user_sessions": _gold(frames[USER_SESSIONS.name], USER_SESSIONS, histories),
            "top_products": {
                "rows": frames[TOP_PRODUCTS.name].count(),
                "input_snapshot": _input(histories[TOP_PRODUCTS.name]),
            },
        },
        silver_published_snapshot=str(heads[SILVER.name].id) if heads[SILVER.name] else None,  # type: ignore[union-attr]
    )


def _counterpart(quarantine: History, silver_build: Snapshot | None) -> Snapshot | None:
    """Quarantine's snapshot from the build that silver's published one comes from.

    As a rule that is its head. After a crash between the two publishes quarantine is one build ahead of silver.
    """
    head, built = quarantine.head(), quarantine.built()
    if silver_build is None:
        return None
    if built is None or _build_of(built) == _build_of(silver_build):
        return head
    same = [one for one in quarantine.snapshots.values() if _build_of(one) == _build_of(silver_build)]
    return max(same, key=lambda one: int(one.properties.get("total-records", "0")), default=head)


def _build_of(snapshot: Snapshot) -> tuple[str | None, str | None]:
    return snapshot.properties.get(RUN_ID), snapshot.properties.get(INPUT_SNAPSHOT)


def _run() -> Column:
    return F.coalesce("scenario_run", F.lit(NO_RUN)).alias("run")


def _by_run(rows: DataFrame) -> Counts:
    return {row["run"]: row["n"] for row in rows.groupBy(_run()).agg(F.count(F.lit(1)).alias("n")).collect()}


def _total(by_run: Counts) -> dict[str, Any]:
    return {"rows": sum(by_run.values()), "by_run": by_run}


@dataclass(frozen=True)
class _Blocks:
    """The offsets of the topic that bronze has, by block (see `count_lake`); whether a record may be there twice."""

    of_topic: list[list[int]]
    has_copies: bool


def _blocks(bronze: DataFrame, topic: TopicScope) -> _Blocks:
    is_current = F.lit(True) if topic.since is None else F.col("ingested_at") >= F.lit(topic.since)
    counted = (
        bronze.groupBy(
            "topic", "partition", F.floor(F.col("offset") / BLOCK).alias("block"), is_current.alias("is_current")
        )
        .agg(
            F.count(F.lit(1)).alias("n"),
            F.count_distinct("offset").alias("offsets"),
            (F.max("offset") + 1).alias("next"),
        )
        .orderBy("partition", "block")
        .collect()
    )
    return _Blocks(
        [
            [row["partition"], row["block"], row["offsets"], row["next"]]
            for row in counted
            if row["is_current"] and row["topic"] == topic.name
        ],
        topic.since is not None or any(row["n"] > row["offsets"] for row in counted),
    )


def _copies(bronze: DataFrame) -> Counts:
    """Rows of records that bronze has once already: a stream that began without its checkpoint takes all in again."""
    again = repeated(bronze).groupBy(_run()).agg(F.sum("n").alias("n"))
    return {row["run"]: row["n"] for row in again.collect()}


def _silver(silver: DataFrame) -> dict[str, Any]:
    by_run: Counts = {}
    money: dict[str, Decimal] = {}
    grouped = silver.groupBy(_run(), "currency").agg(F.count(F.lit(1)).alias("n"), F.sum(revenue()).alias("revenue"))
    for row in grouped.collect():
        by_run[row["run"]] = by_run.get(row["run"], 0) + row["n"]
        money[row["currency"]] = money.get(row["currency"], Decimal(0)) + row["revenue"]
    return {**_total(by_run), "revenue": _money(money)}


def _quarantine(quarantine: DataFrame) -> dict[str, Any]:
    by_run: dict[str, Counts] = {}
    by_reason: Counts = {}
    for row in quarantine.groupBy(_run(), "reason").agg(F.count(F.lit(1)).alias("n")).collect():
        by_run.setdefault(row["run"], {})[row["reason"]] = row["n"]
        by_reason[row["reason"]] = by_reason.get(row["reason"], 0) + row["n"]
    return {"rows": sum(by_reason.values()), "by_run": by_run, "by_reason": by_reason}


def _left_over(bronze: DataFrame, silver: DataFrame, quarantine: DataFrame) -> tuple[Counts, Counts]:
    copies = repeated(matched(bronze, silver, quarantine)).select(_run(), F.lit(True).alias("is_duplicate"), "n")
    rest = left_over(bronze, silver, quarantine).select(_run(), "is_duplicate", F.lit(1).cast("bigint").alias("n"))
    duplicates: Counts = {}
    unaccounted: Counts = {}
    for row in rest.unionByName(copies).groupBy("run", "is_duplicate").agg(F.sum("n").alias("n")).collect():
        (duplicates if row["is_duplicate"] else unaccounted)[row["run"]] = row["n"]
    return duplicates, unaccounted


def _gold(rows: DataFrame, table: Table, histories: dict[str, History]) -> dict[str, Any]:
    grouped = rows.groupBy("currency").agg(F.count(F.lit(1)).alias("n"), F.sum("revenue").alias("revenue")).collect()
    return {
        "rows": sum(row["n"] for row in grouped),
        "revenue": _money({row["currency"]: row["revenue"] for row in grouped}),
        "input_snapshot": _input(histories[table.name]),
    }


def _input(found: History) -> str | None:
    built = found.built()
    return str(built.input_snapshot) if built and built.input_snapshot is not None else None


def _money(by_currency: dict[str, Decimal]) -> dict[str, str]:
    """Amounts to the cent, without the currencies in which nothing was bought."""
    return {currency: f"{amount:.2f}" for currency, amount in sorted(by_currency.items()) if amount}
