"""Shared reads of validations."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from controlplane.quality.models import Validation
from controlplane.web.filters import ALL, Narrowing
from spark_jobs.pipeline import flow_position

LISTED = ("-finished_at", "-id")
# The number of runs in the history of a suite.
TREND = 20
STATES = {"succeeded": True, "failed": False, "unknown": None}
PERIODS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}


@dataclass(frozen=True)
class Verdict:
    """The newest validation of a suite; `history` has the suite's last runs including this one, newest first."""

    suite: str
    validation: Validation
    history: list[Validation]

    @property
    def table_name(self) -> str:
        """The validated table."""
        return self.validation.table_name

    @property
    def state(self) -> str:
        """The state of the validation."""
        return self.validation.state

    @property
    def at(self) -> datetime:
        """When the validation finished."""
        return self.validation.finished_at

    @property
    def strip(self) -> list[Validation]:
        """The history, oldest first."""
        return self.history[::-1]


def verdicts() -> list[Verdict]:
    """The newest validation of every suite in pipeline order, without loading the expectations."""
    place = Window(RowNumber(), partition_by=F("suite"), order_by=[F("finished_at").desc(), F("id").desc()])
    found: dict[str, list[Validation]] = {}
    rows = Validation.objects.defer("expectations").annotate(place=place).filter(place__lte=TREND)
    for row in rows.order_by("suite", "-finished_at", "-id"):
        found.setdefault(row.suite, []).append(row)
    now = [Verdict(suite, history[0], history) for suite, history in found.items()]
    return sorted(now, key=lambda verdict: (flow_position(verdict.table_name), verdict.suite))


@dataclass(frozen=True)
class ValidationFilter:
    """Which validations to list; empty fields do not filter. The text is searched in run, job and snapshot."""

    suite: str = ""
    table: str = ""
    state: str = ""
    period: str = ""
    narrowing: Narrowing = ALL


def validations(wanted: ValidationFilter) -> QuerySet[Validation]:
    """Validations matching the filter, unordered and without their expectations."""
    rows = Validation.objects.defer("expectations")
    if wanted.suite:
        rows = rows.filter(suite=wanted.suite)
    if wanted.table:
        rows = rows.filter(table__in=[wanted.table, f"lake.{wanted.table}"])
    if wanted.state:
        rows = rows.filter(success=STATES[wanted.state])
    if wanted.period:
        rows = rows.filter(finished_at__gte=timezone.now() - PERIODS[wanted.period])
    return wanted.narrowing.of(rows, at="finished_at", text=("run_id", "job", "snapshot_id"))


def suites() -> list[str]:
    """The names of all suites with validations."""
    return list(Validation.objects.order_by("suite").values_list("suite", flat=True).distinct())


def tables() -> list[str]:
    """The names of all validated tables, without the catalog."""
    found = Validation.objects.order_by("table").values_list("table", flat=True).distinct()
    return [table.removeprefix("lake.") for table in found]


def of_snapshots(table: str, snapshot_ids: list[str]) -> dict[str, Validation]:
    """The newest validation of each of these snapshots of a table (`silver.events`), by snapshot id."""
    rows = Validation.objects.defer("expectations").filter(table=f"lake.{table}", snapshot_id__in=snapshot_ids)
    return {row.snapshot_id: row for row in rows.order_by("finished_at")}


def of_run(run_id: str) -> QuerySet[Validation]:
    """The validations of a run, oldest first, without their expectations."""
    return Validation.objects.defer("expectations").filter(run_id=run_id).order_by("finished_at")
