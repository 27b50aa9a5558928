"""The stages of the flow, read from rows only: row count, rate, age and state of each."""

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.dateparse import parse_datetime

from controlplane.health.models import PartState
from controlplane.health.selectors import PartNow, measured
from controlplane.lakehouse.selectors import LakeNow, TableNow, total
from controlplane.ledger.selectors import LedgerNow
from controlplane.orchestration.models import DagRun
from controlplane.orchestration.selectors import last_dag_run
from controlplane.overview import stage_links as pipes
from controlplane.overview.flow import Stage, StageLink
from controlplane.overview.stage_links import GOLD_TASKS, SILVER_TASKS, Numbers, Parts
from controlplane.quality.selectors import Verdict
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.selectors import last_sent_at, runs_under_way
from controlplane.streaming.models import StreamState
from spark_jobs.pipeline import GOLD, SILVER

MEASURED = (
    "generator.acknowledged", "kafka.records", "bronze.records", "bronze.lag", "silver.records", "gold.records",
)  # fmt: skip


def stations(parts: Parts, lake: LakeNow, verdicts: list[Verdict], ledger: LedgerNow) -> list[Stage]:
    """The stages and gates from the generator to BI."""
    numbers = measured(MEASURED)
    runs = runs_under_way()
    run = last_dag_run("medallion")
    judged = {verdict.suite: verdict for verdict in verdicts}
    return [
        _generator(parts, numbers, runs),
        _kafka(parts, numbers, runs),
        _bronze(parts, numbers, lake),
        _silver(parts, numbers, lake, ledger, run),
        _gate("silver-gate", SILVER, judged, pipes.behind_gate(lake.table("silver.events"))),
        _gold(parts, numbers, lake, run),
        _gate("gold-gate", GOLD, judged, pipes.behind_gate(lake.table(GOLD[0]))),
        _bi(parts, lake),
    ]


def _generator(parts: Parts, numbers: Numbers, runs: list[ScenarioRun]) -> Stage:
    part, sent = parts["generator"], numbers["generator.acknowledged"]
    sending = [run for run in runs if run.state == "running"]
    state, note = str(part.state), _trouble(part)
    if part.state == PartState.UP and runs:
        state = "running" if sending else "waiting"
        note = runs[0].version.scenario.name if len(runs) == 1 else f"{len(runs)} runs"
    return Stage(
        key="generator",
        title="Generator",
        icon="wand",
        url=reverse("scenarios:index"),
        state=state,
        count=sent.value,
        unit="sent",
        rate=sum(run.rate for run in sending) if sending else sent.rate,
        newest=last_sent_at(),
        since=_troubled_since(part),
        note=note,
    )


def _kafka(parts: Parts, numbers: Numbers, runs: list[ScenarioRun]) -> Stage:
    part, records = parts["kafka"], numbers["kafka.records"]
    return Stage(
        key="kafka",
        title="Kafka",
        icon="stack-2",
        url=f"{reverse('streaming:index')}#records",
        state=str(part.state),
        pipe=pipes.into_kafka(parts, numbers, bool(runs)),
        count=records.value,
        unit="records",
        rate=records.rate,
        newest=parse_datetime(part.detail.get("newest_at") or ""),
        since=_troubled_since(part),
        note=_trouble(part),
    )


def _bronze(parts: Parts, numbers: Numbers, lake: LakeNow) -> Stage:
    stream = parts["stream"]
    state = str(stream.detail.get("state", "unknown")) if stream.state != PartState.UNKNOWN else "unknown"
    return _table_station(
        lake,
        lake.table("bronze.events"),
        key="bronze",
        title="Bronze",
        icon="database-import",
        state=state,
        pipe=pipes.into_bronze(parts, numbers, state),
        rate=numbers["bronze.records"].rate,
        note="" if state in (StreamState.RUNNING, StreamState.STOPPED) else stream.summary,
    )


def _silver(parts: Parts, numbers: Numbers, lake: LakeNow, ledger: LedgerNow, run: DagRun | None) -> Stage:
    rejected = lake.table("silver.quarantine")
    note = ""
    if rejected and rejected.records:
        note = f"{rejected.records:,} in quarantine{' before deletes' if rejected.before_deletes else ''}"
    if rejected and rejected.problem:
        note = f"{rejected.name} is unreadable"
    return _table_station(
        lake,
        lake.table("silver.events"),
        key="silver",
        title="Silver",
        icon="filter",
        state=_step(run, SILVER_TASKS),
        pipe=pipes.into_silver(parts, run, lake, ledger),
        rate=numbers["silver.records"].rate,
        note=note,
    )


def _gold(parts: Parts, numbers: Numbers, lake: LakeNow, run: DagRun | None) -> Stage:
    """The three gold tables as one stage: the sum of their rows and the age of the oldest."""
    built = [found for name in GOLD if (found := lake.table(name)) and found.snapshot_id]
    oldest = min(built, key=lambda one: one.snapshot_at.timestamp() if one.snapshot_at else 0.0, default=None)
    unread = [name for name in GOLD if (found := lake.table(name)) and found.problem]
    note = f"{len(GOLD)} tables" if len(built) == len(GOLD) else f"{len(built)} of {len(GOLD)} tables built"
    if unread:
        note = f"Unreadable: {', '.join(unread)}"
    return _table_station(
        lake,
        oldest,
        key="gold",
        title="Gold",
        icon="trophy",
        url=reverse("lakehouse:index"),
        state=_step(run, GOLD_TASKS),
        pipe=pipes.into_gold(parts, run, lake),
        count=total(one.records for one in built) if built else None,
        unit=_unit(*built),
        rate=numbers["gold.records"].rate,
        note=note,
    )


def _gate(key: str, suites: tuple[str, ...], judged: dict[str, Verdict], pipe: StageLink) -> Stage:
    """The results of the last validations. A snapshot that a gate rejected was never published."""
    found = [judged[suite] for suite in suites if suite in judged]
    failed = [verdict for verdict in found if verdict.state == "failed"]
    state, note = "succeeded", f"{len(found)} of {len(suites)} suites" if len(suites) > 1 else ""
    if failed:
        number = sum(one.validation.expectations_failed for one in failed)
        state, note = "failed", f"{number} failed expectation{'' if number == 1 else 's'}"
    elif not found:
        state, note = "unknown", "not validated"
    elif len(found) < len(suites):
        # A suite that has not run has not passed.
        state = "unknown"
    one = (failed or found)[:1]
    return Stage(
        key=key,
        title="Quality gate",
        icon="shield-check",
        url=one[0].validation.get_absolute_url() if one and (failed or len(suites) == 1) else reverse("quality:index"),
        state=state,
        gate=True,
        pipe=pipe,
        newest=min((verdict.at for verdict in found), default=None),
        note=note,
    )


def _bi(parts: Parts, lake: LakeNow) -> Stage:
    """The dashboards: the number of views, and the age of the oldest table behind them."""
    part = parts["bi"]
    built = [found for name in GOLD if (found := lake.table(name)) and found.snapshot_at]
    return Stage(
        key="bi",
        title="BI",
        icon="chart-bar",
        url=reverse("bi:index"),
        state=str(part.state),
        pipe=pipes.into_bi(parts, lake),
        count=len(built) if lake.seen_at else None,
        unit="views",
        newest=min((one.snapshot_at for one in built if one.snapshot_at), default=None),
        since=_troubled_since(part),
        note=_trouble(part),
    )


def _table_station(lake: LakeNow, table: TableNow | None, *, key: str, **more: Any) -> Stage:
    held = {
        "key": key,
        "url": table.url if table else reverse("lakehouse:index"),
        "count": table.records if table else None,
        "unit": _unit(*([table] if table else [])),
        "newest": (table.newest_at or table.snapshot_at) if table else None,
        # The numbers are those of the last successful read.
        "since": _unread_since(lake, table),
    }
    if table is not None and table.problem and key != "gold":
        more["note"] = f"{table.name} is unreadable"
    return Stage(**{**held, **more})


def _unit(*tables: TableNow) -> str:
    return "rows before deletes" if any(table.before_deletes for table in tables) else "rows"


def _unread_since(lake: LakeNow, table: TableNow | None) -> datetime | None:
    if table is None or lake.state_of(table.name) == PartState.UP:
        return None
    return table.seen_at if table.problem and table.seen_at else lake.changed_at


def _step(run: DagRun | None, tasks: tuple[str, ...]) -> str:
    """The state of a stage's last build, from its tasks in the last DAG run."""
    states = pipes.task_states(run, tasks)
    for state, word in (("failed", "failed"), ("upstream_failed", "failed"), ("up_for_retry", "running")):
        if state in states:
            return word
    if states & {"running", "restarting"}:
        return "running"
    if states == {"success"}:
        return "succeeded"
    return "waiting" if run is not None and not run.finished else "unknown"


def _trouble(part: PartNow) -> str:
    return "" if part.state == PartState.UP else part.summary


def _troubled_since(part: PartNow) -> datetime | None:
    return None if part.state == PartState.UP else part.since
