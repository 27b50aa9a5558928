"""The three steps of getting started on a new installation. Each step is a button."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from controlplane.accounts.models import User
from controlplane.errors import NotFoundError
from controlplane.lakehouse.selectors import LakeNow
from controlplane.orchestration.models import DagRun
from controlplane.orchestration.selectors import last_dag_run
from controlplane.orchestration.services import dag_run_trigger
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.runs.services import scenario_run_start
from controlplane.scenarios.selectors import runs
from controlplane.streaming.models import Stream
from controlplane.streaming.selectors import stream_get
from controlplane.streaming.services import stream_start
from spark_jobs.pipeline import GOLD

FIRST_LIGHT = "first-light"
MEDALLION = "medallion"


@dataclass(frozen=True)
class Step:
    """One step. `state` is empty until the step was requested; `open` says whether it can be started now."""

    key: str
    title: str
    text: str
    button: str
    state: str
    done: bool
    open: bool
    message: str = ""


def first_steps(lake: LakeNow) -> list[Step]:
    """The three steps until gold is built for the first time; an empty list afterwards."""
    if any((table := lake.table(name)) and (table.snapshot_id or table.problem) for name in GOLD):
        return []
    stream, run, dag_run = stream_get(), _first_light(), last_dag_run(MEDALLION)
    streaming = stream.desired == Stream.Desired.RUNNING
    sent = run is not None and run.state == "succeeded"
    built = dag_run is not None and dag_run.state == "succeeded"
    return [
        Step(
            key="stream",
            title="Start the stream",
            text="Ingests every event from Kafka into the bronze table while it runs.",
            button="Start stream",
            state=(stream.state if stream.state != "stopped" else "starting") if streaming else "",
            done=streaming and stream.state == "running",
            open=not streaming,
            message=stream.message if streaming else "",
        ),
        Step(
            key="scenario",
            title="Run First light",
            text="Generates about 60,000 shop events in 30 seconds: views, searches, carts and orders, some invalid.",
            button="Run First light",
            state=run.state if run else "",
            done=sent,
            open=run is None or run.state in ("failed", "stopped"),
            message=run.message if run else "",
        ),
        Step(
            key="medallion",
            title="Trigger medallion",
            text="Builds silver and gold from bronze. A quality gate validates each table before it is published.",
            button="Trigger medallion",
            state=dag_run.state if dag_run else "",
            done=built,
            open=sent and (dag_run is None or dag_run.state == "failed"),
            message=dag_run.message if dag_run else "",
        ),
    ]


def step_take(*, actor: User, key: str) -> None:
    """Start one step. The request id is derived from the previous run, so pressing a button twice starts one run.

    Raises:
        NotFoundError: the step does not exist.
        PermissionDenied: the actor is not an operator.
    """
    steps: dict[str, Callable[[], object]] = {
        "stream": lambda: stream_start(actor=actor),
        "scenario": lambda: scenario_run_start(
            actor=actor, slug=FIRST_LIGHT, request_id=_request("scenario", _first_light())
        ),
        "medallion": lambda: dag_run_trigger(actor=actor, request_id=_request("medallion", last_dag_run(MEDALLION))),
    }
    if key not in steps:
        raise NotFoundError(f"Step {key} does not exist.", "Use stream, scenario or medallion.")
    steps[key]()


def _first_light() -> ScenarioRun | None:
    return next(iter(runs(slug=FIRST_LIGHT, size=1).items), None)


def _request(key: str, before: ScenarioRun | DagRun | None) -> uuid.UUID:
    # While the last run is active, a second press repeats the request that started it.
    if isinstance(before, ScenarioRun) and before.under_way:
        return before.pk
    if isinstance(before, DagRun) and not before.finished and before.run_id.startswith("manual__"):
        return uuid.UUID(before.run_id.removeprefix("manual__"))
    return uuid.uuid5(uuid.NAMESPACE_URL, f"first-steps/{key}/{before.pk if before else ''}")
