"""The links of the flow: what moves data to the next stage, its lag, and where it is broken."""

from collections.abc import Mapping

from controlplane.health.models import PartState
from controlplane.health.selectors import Measured, PartNow
from controlplane.lakehouse.selectors import LakeNow, TableNow, gold_level
from controlplane.ledger.selectors import LedgerNow
from controlplane.orchestration.models import DagRun
from controlplane.orchestration.selectors import tasks_of
from controlplane.overview.flow import StageLink
from controlplane.streaming.models import StreamState
from spark_jobs.pipeline import GOLD

Parts = Mapping[str, PartNow]
Numbers = Mapping[str, Measured]

SILVER_TASKS = ("silver_events", "silver_events_gate")
GOLD_TASKS = tuple(name for table in GOLD for name in (table.partition(".")[2], f"{table.partition('.')[2]}_gate"))


def into_kafka(parts: Parts, numbers: Numbers, sending: bool) -> StageLink:
    """The link of the generator's producers."""
    kafka, generator = parts["kafka"], parts["generator"]
    rate = numbers["kafka.records"].rate
    if kafka.state == PartState.DOWN:
        return StageLink("broken", "Kafka down", kafka.summary)
    if sending and generator.state == PartState.DOWN:
        return StageLink("broken", "generator down", generator.summary)
    if kafka.state == PartState.UNKNOWN or rate is None:
        return StageLink("unknown", "")
    return StageLink("flowing" if rate else "idle", "")


def into_bronze(parts: Parts, numbers: Numbers, stream_state: str) -> StageLink:
    """The link of the stream."""
    lag = numbers["bronze.lag"]
    behind = "" if lag.stale or lag.value is None else f"lag {lag.value:,.0f}" if lag.value else "no lag"
    if broken := _down(parts, "kafka", "spark", "storage"):
        return broken
    if stream_state in (StreamState.FAILED, StreamState.WAITING):
        return StageLink("broken", f"stream {stream_state}", parts["stream"].summary)
    if stream_state == StreamState.STOPPED:
        return StageLink("stopped", behind if lag.value and behind else "stopped", parts["stream"].summary)
    if stream_state == StreamState.RUNNING:
        return StageLink("flowing" if numbers["bronze.records"].rate or lag.value else "idle", behind)
    return StageLink("unknown", "")


def into_silver(parts: Parts, run: DagRun | None, lake: LakeNow, ledger: LedgerNow) -> StageLink:
    """The link that builds silver from bronze."""
    silver, bronze = lake.table("silver.events"), lake.table("bronze.events")
    text = ""
    if silver and bronze and silver.snapshot_id:
        text = "up to date" if silver.input_snapshot == bronze.snapshot_id else _pending(bronze, ledger)
    return _built(parts, run, SILVER_TASKS, text)


def into_gold(parts: Parts, run: DagRun | None, lake: LakeNow) -> StageLink:
    """The link that builds gold from the published silver."""
    level, text = gold_level(lake), ""
    if level is not None:
        late = len(level.late) + len(level.missing)
        text = f"{late} of {len(GOLD)} out of date" if late else "up to date"
    return _built(parts, run, GOLD_TASKS, text)


def into_bi(parts: Parts, lake: LakeNow) -> StageLink:
    """The link of Streamlit's reads."""
    if broken := _down(parts, "bi", "storage"):
        return broken
    return behind_gate(lake.table(GOLD[0]))


def behind_gate(table: TableNow | None) -> StageLink:
    """The link behind a gate: idle once the table has been published."""
    return StageLink("idle" if table and table.snapshot_id else "unknown", "")


def task_states(run: DagRun | None, tasks: tuple[str, ...]) -> set[str]:
    """Airflow's states of these tasks of a run; an empty string for a task that has not been scheduled."""
    known = {task.task_id: task.state for task in tasks_of(run)} if run else {}
    return {known.get(task, "") for task in tasks}


def _down(parts: Parts, *names: str) -> StageLink | None:
    """A broken link for the first of these services that is down. A folder as warehouse is not a service."""
    for name in names:
        part = parts.get(name)
        if part is not None and part.state == PartState.DOWN:
            return StageLink("broken", f"{part.title} down", part.summary)
    return None


def _built(parts: Parts, run: DagRun | None, tasks: tuple[str, ...], text: str) -> StageLink:
    if broken := _down(parts, "spark", "airflow", "storage"):
        return broken
    states = task_states(run, tasks)
    if run is not None and states & {"failed", "upstream_failed"}:
        return StageLink("broken", "run failed", f"The last run of {run.dag_id} failed at this step.")
    if states & {"running", "queued", "up_for_retry"}:
        return StageLink("flowing", "building")
    if not text:
        return StageLink("unknown", "")
    return StageLink("idle" if text == "up to date" else "behind", text)


def _pending(bronze: TableNow, ledger: LedgerNow) -> str:
    # Exact if the ledger was computed from this snapshot.
    statement = ledger.statement
    if statement is not None and bronze.snapshot_id in statement.document.get("snapshots", {}).values():
        pending = statement.document.get("flow", {}).get("pending")
        if pending:
            return f"lag {pending:,}"
    return "new rows pending"
