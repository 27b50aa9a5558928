"""Validates a DataFrame with a suite of Great Expectations, and returns the result as a plain document."""

import os
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame

from spark_jobs.errors import JobError
from spark_jobs.lazy_imports import lazily

SAMPLE_ROWS = 20
# Partial lists only: of a table that is bad throughout, all failing rows would come to this process.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": SAMPLE_ROWS}
# The library keeps one project a process; two threads must not swap it under each other.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Suite:
    """A named list of expectations; a function, because importing the library costs seconds that only gates pay."""

    name: str
    expectations: Callable[[], list[Any]]


@dataclass(frozen=True)
class Outcome:
    """What a suite found. `success`: no critical expectation is broken (broken warnings are told, not held against)."""

    success: bool
    started_at: datetime
    finished_at: datetime
    expectations: list[dict[str, Any]]

    @property
    def broken(self) -> list[dict[str, Any]]:
        """The critical expectations that do not hold."""
        return [e for e in self.expectations if not e["success"] and e["severity"] == "critical"]


def validate(frame: DataFrame, suite: Suite) -> Outcome:
    """Judge a DataFrame. SQL expectations see it as `{batch}` and may name temporary views of its session.

    Raises JobError when an expectation could not be put to the data at all.
    """
    gx = _library()
    from great_expectations.data_context.types.base import ProgressBarsConfig

    started = datetime.now(UTC)
    with _one_at_a_time:
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        source = context.data_sources.add_spark("spark", persist=False)
        # Otherwise the library takes the thread's active session, which may be the one that runs the stream.
        source._spark = frame.sparkSession
        asset = source.add_dataframe_asset(suite.name)
        batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
        expectations = gx.ExpectationSuite(name=suite.name, expectations=suite.expectations())
        result = batch.validate(expectations, result_format=RESULT_FORMAT)
    found: list[Any] = [one.to_json_dict() for one in result.results]
    for one in found:
        if why := _raised(one.get("exception_info") or {}):
            # The library takes a server that went away for a broken expectation. That is no verdict on the data.
            raise JobError(f"{suite.name} could not be evaluated: {one['expectation_config'].get('description')} {why}")
    told = [_told(one, frame) for one in found]
    success = all(one["success"] or one["severity"] != "critical" for one in told)
    return Outcome(success, started, datetime.now(UTC), told)


def expectation_classes() -> Any:
    """Great Expectations' module of expectation classes (untyped: its names are not exported for type checkers)."""
    return _library().expectations


def _library() -> Any:
    """Great Expectations. Each gate is a process of its own and pays for the import: a third of it are charts and
    statistics, for expectations that no suite has."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    with lazily("altair", "scipy.stats"):
        import great_expectations
        import great_expectations.expectations

    return great_expectations


def document(outcome: Outcome, *, suite: str, table: str, branch: str, snapshot_id: int, run_id: str, job: str,
             rows: int, published: bool) -> dict[str, Any]:  # fmt: skip
    """The validation as the control plane indexes it: the table, the suite, and the result of every expectation."""
    return {
        "validation_id": str(uuid.uuid4()),
        "suite": suite,
        "table": table,
        "branch": branch,
        "snapshot_id": str(snapshot_id),
        "run_id": run_id,
        "job": job,
        "started_at": outcome.started_at.isoformat(),
        "finished_at": outcome.finished_at.isoformat(),
        "success": outcome.success,
        "published": published,
        "rows": rows,
        "expectations": outcome.expectations,
    }


def _told(one: dict[str, Any], frame: DataFrame) -> dict[str, Any]:
    configuration, result = one["expectation_config"], one.get("result") or {}
    kwargs = {name: value for name, value in configuration["kwargs"].items() if name != "batch_id"}
    unexpected, observed, sample = result.get("unexpected_count"), result.get("observed_value"), []
    if "unexpected_rows_query" in kwargs:
        unexpected = observed
        if not one["success"]:
            sample = _rows(frame, kwargs["unexpected_rows_query"])
    elif not one["success"]:
        sample = list(result.get("partial_unexpected_list") or [])
    return {
        "type": configuration["type"],
        "column": kwargs.get("column"),
        "title": configuration.get("description") or configuration["type"],
        "severity": configuration.get("severity") or "critical",
        "success": bool(one["success"]),
        "observed": observed if observed is not None else result.get("element_count"),
        "unexpected_count": unexpected,
        "unexpected_percent": result.get("unexpected_percent"),
        "unexpected_sample": [_plain(value) for value in sample[:SAMPLE_ROWS]],
        "kwargs": kwargs,
    }


def _raised(information: dict[str, Any]) -> str | None:
    """Why an expectation could not be evaluated: the library reports one exception, or one for each of its metrics."""
    each = [information, *(one for one in information.values() if isinstance(one, dict))]
    said = [(one.get("exception_message") or one.get("exception_traceback") or "").strip() for one in each]
    first = next(filter(None, said), "")
    # Spark's own words come first in its message and last in a traceback that lacks one.
    return next((line for line in first.split("\n") if line and not line.startswith("Traceback")), "")[:500] or None


def _rows(frame: DataFrame, query: str) -> list[dict[str, Any]]:
    """The first rows that an SQL expectation objects to: the library only counts them."""
    frame.createOrReplaceTempView("validated")
    rows = frame.sparkSession.sql(query.format(batch="validated")).limit(SAMPLE_ROWS).collect()
    return [row.asDict() for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
