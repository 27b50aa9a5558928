"""A quality gate: it validates a build on its branch, writes the result, and publishes the build only if it passed."""

import logging
from dataclasses import dataclass

from pyspark.sql import SparkSession

from spark_jobs import documents
from spark_jobs.errors import GateFailed
from spark_jobs.provenance import Snapshot
from spark_jobs.publishing import AUDIT, publish, rows_in
from spark_jobs.reading import read_at
from spark_jobs.table import Table
from spark_jobs.validation import Outcome, Suite, document, validate

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidate:
    """The candidate of one table and the suite that validates it."""

    table: Table
    snapshot: Snapshot
    suite: Suite


def validate_and_publish(
    spark: SparkSession, candidates: list[Candidate], *, job: str, run_id: str, warehouse: str
) -> None:
    """Publish all candidates, in their order, if every suite passes. Write the validation document of each in any case.

    Raises GateFailed, with main as it was, when a critical expectation is broken.
    """
    outcomes = [_judge(spark, candidate) for candidate in candidates]
    published = False
    try:
        if all(outcome.success for outcome in outcomes):
            for candidate in candidates:
                publish(spark, candidate.table, candidate.snapshot)
            published = True
    finally:
        for candidate, outcome in zip(candidates, outcomes, strict=True):
            address = documents.write(
                warehouse,
                document(
                    outcome,
                    suite=candidate.suite.name,
                    table=candidate.table.name,
                    branch=AUDIT,
                    snapshot_id=candidate.snapshot.id,
                    run_id=run_id,
                    job=job,
                    rows=rows_in(candidate.snapshot),
                    published=published,
                ),
            )
            log.info("wrote %s", address)
    broken = [
        f"{candidate.table.name}: {one['title']}"
        for candidate, outcome in zip(candidates, outcomes, strict=True)
        for one in outcome.broken
    ]
    if broken:
        raise GateFailed(f"Not published, {len(broken)} critical expectation(s) broken. " + " · ".join(broken))


def _judge(spark: SparkSession, candidate: Candidate) -> Outcome:
    outcome = validate(read_at(spark, candidate.table.name, candidate.snapshot.id), candidate.suite)
    held = sum(e["success"] for e in outcome.expectations)
    log.info("%s: %s of %s expectations hold", candidate.suite.name, held, len(outcome.expectations))
    return outcome
