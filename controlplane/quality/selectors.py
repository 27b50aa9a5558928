"""Shared reads of validations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from controlplane.quality.models import Validation
from controlplane.web.filters import ALL, ListFilter
from spark_jobs.pipeline import flow_position

LISTED = ("-finished_at", "-id")
# The number of runs in the history of a suite.
TREND = 20
STATES = {"succeeded": True, "failed": False, "unknown": None}
PERIODS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}


@dataclass(frozen=True)
class Verdict:
    """The newest validation of a suite. `history` has the suite's last runs including this one, newest first; only
    `with_history` reads more than this one."""

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
    """The newest validation of every suite in pipeline order, without its history and expectations."""
    rows = Validation.objects.defer("expectations").order_by("suite", "-finished_at", "-id").distinct("suite")
    now = [Verdict(row.suite, row, [row]) for row in rows]
    return sorted(now, key=lambda verdict: (flow_position(verdict.table_name), verdict.suite))


def with_history(shown: Sequence[Verdict]) -> list[Verdict]:
    """These verdicts with the last runs of their suites."""
    place = Window(RowNumber(), partition_by=F("suite"), order_by=[F("finished_at").desc(), F("id").desc()])
    rows = Validation.objects.defer("expectations").filter(suite__in=[verdict.suite for verdict in shown])
    found: dict[str, list[Validation]] = {}
    for row in rows.annotate(place=place).filter(place__lte=TREND).order_by("suite", "-finished_at", "-id"):
        found.setdefault(row.suite, []).append(row)
    return [replace(verdict, history=found.get(verdict.suite, verdict.history)) for verdict in shown]


def verdict_of(table: str) -> Verdict | None:
    """The newest validation of a table (`gold.hourly_sales`): that of the first of its suites by name."""
    rows = Validation.objects.defer("expectations").filter(table__in=[table, f"lake.{table}"])
    row = rows.order_by("suite", "-finished_at", "-id").first()
    return None if row is None else Verdict(row.suite, row, [row])


def suites_like(text: str, count: int) -> list[Verdict]:
    """The newest validation of the first `count` suites, by name, that have `text` in their name."""
    rows = Validation.objects.defer("expectations").filter(suite__icontains=text)
    newest = rows.order_by("suite", "-finished_at", "-id").distinct("suite")[:count]
    return [Verdict(row.suite, row, [row]) for row in newest]


@dataclass(frozen=True)
class ValidationFilter:
    """Which validations to list; empty fields do not filter. The text is searched in run, job and snapshot."""

    suite: str = ""
    table: str = ""
    state: str = ""
    period: str = ""
    list_filter: ListFilter = ALL


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
    return wanted.list_filter.apply(rows, at="finished_at", text=("run_id", "job", "snapshot_id"))


def suites(count: int) -> list[str]:
    """The names of the first suites with validations."""
    return list(Validation.objects.order_by("suite").values_list("suite", flat=True).distinct()[:count])


def tables(count: int) -> list[str]:
    """The names of the first validated tables, without the catalog."""
    found = Validation.objects.order_by("table").values_list("table", flat=True).distinct()[:count]
    return [table.removeprefix("lake.") for table in found]


def known_suite(name: str) -> str | None:
    """The name, if the suite has validations."""
    return name if Validation.objects.filter(suite=name).exists() else None


def known_table(name: str) -> str | None:
    """The name (`gold.hourly_sales`), if the table has validations."""
    return name if Validation.objects.filter(table__in=[name, f"lake.{name}"]).exists() else None


def of_snapshots(table: str, snapshot_ids: list[str]) -> dict[str, Validation]:
    """The newest validation of each of these snapshots of a table (`silver.events`), by snapshot id."""
    rows = Validation.objects.defer("expectations").filter(table=f"lake.{table}", snapshot_id__in=snapshot_ids)
    return {row.snapshot_id: row for row in rows.order_by("finished_at")}


def of_run(run_id: str) -> QuerySet[Validation]:
    """The validations of a run, oldest first, without their expectations."""
    return Validation.objects.defer("expectations").filter(run_id=run_id).order_by("finished_at")
