"""The steps of the tour. Each calls the same services as the pages, and waits for the state of the rows."""

import uuid
from datetime import datetime

from django.conf import settings

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.errors import ActionError
from controlplane.health.models import PartState
from controlplane.health.selectors import parts
from controlplane.leases import WorkState
from controlplane.ledger.models import Statement
from controlplane.ledger.services import ledger_take
from controlplane.orchestration.models import DagRun
from controlplane.orchestration.services import MEDALLION, dag_run_trigger
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.runs.services import scenario_run_start
from controlplane.scenarios.selectors import runs_under_way
from controlplane.streaming.models import Stream, StreamState
from controlplane.streaming.ports import EventTopicError
from controlplane.streaming.providers import event_topic
from controlplane.streaming.selectors import stream_get
from controlplane.streaming.services import stream_start
from controlplane.tour.errors import TourError
from controlplane.tour.reporters import ProgressReporter, seconds_between
from controlplane.web.operator_commands import logs_command, status_command

NEEDED = ("redis", "worker", "generator", "beat", "kafka", "spark", "airflow")
SCENARIO = "first-light"
# Timeouts. On two cores each step takes a fraction of them.
PARTS_SECONDS = 90
# Containers all start at the same time, with empty databases.
PARTS_SECONDS_IN_CONTAINERS = 600
STREAM_SECONDS = 120
SCENARIO_SECONDS = 240
BRONZE_SECONDS = 180
MEDALLION_SECONDS = 600
LEDGER_SECONDS = 120
# A check may wait for a recent progress report; a check that waits longer needs another build.
COUNTS = 3


def tour(narrator: ProgressReporter, *, parts_seconds: float | None = None) -> float | None:
    """Run the tour and return the seconds from the first event to published gold.

    Args:
        parts_seconds: how long it waits for every part to be up; by default as long as they take to start where they
            run.

    Raises:
        TourError: a step failed.
    """
    guide = _guide()
    try:
        in_containers = settings.OPERATED_WITH == "compose"
        patience = PARTS_SECONDS_IN_CONTAINERS if in_containers else PARTS_SECONDS
        _parts_answer(narrator, patience if parts_seconds is None else parts_seconds)
        _stream_runs(narrator, guide)
        traffic = _first_light(narrator, guide)
        _bronze_has_it(narrator)
        refined = _medallion(narrator, guide)
        statement = _ledger(narrator)
        if statement.verdict == "waiting":
            # Other records arrived before or meanwhile: process them too, so that the checks have a result.
            _bronze_has_it(narrator)
            _medallion(narrator, guide)
            statement = _ledger(narrator)
    except ActionError as error:
        raise TourError(error.message, error.remedy or status_command()) from error
    narrator.ledger(statement)
    if not statement.balanced:
        raise _unbalanced(statement)
    return seconds_between(traffic.started_at, _published_at(refined))


def _guide() -> User:
    """The user of the tour's requests, in the audit log and on the pages."""
    guide, made = User.objects.get_or_create(username="tour", defaults={"role": Role.OPERATOR})
    if made:
        guide.set_unusable_password()
        guide.save()
    return guide


def _parts_answer(narrator: ProgressReporter, seconds: float) -> None:
    def away() -> dict[str, str]:
        return {one.name: one.summary for one in parts() if one.name in NEEDED and one.state != PartState.UP}

    def look() -> bool | None:
        missing = away()
        if missing:
            narrator.at(f"Waiting for {', '.join(missing)}")
        return True if not missing else None

    def late() -> TourError:
        missing = away()
        said = "; ".join(f"{name}: {summary}" for name, summary in missing.items())
        first = next(iter(missing), "worker")
        log = "airflow-api-server" if first == "airflow" else first
        return TourError(f"Not all services are up. {said}", f"{status_command()}, then {logs_command(log)}")

    with narrator.step("All services are up"):
        narrator.wait(look, seconds=seconds, late=late)


def _stream_runs(narrator: ProgressReporter, guide: User) -> None:
    def look() -> bool | None:
        stream = stream_get()
        narrator.at(f"The stream is {stream.state}. {stream.message[:80]}")
        if stream.needs_new_checkpoint:
            raise TourError(stream.message, "Restart the stream on the page Stream, then run the tour again.")
        return True if stream.state == StreamState.RUNNING else None

    def late() -> TourError:
        stream = stream_get()
        return TourError(f"The stream is {stream.state}: {stream.message[:300]}", logs_command("spark"))

    with narrator.step("Stream is running"):
        stream = stream_get()
        if stream.desired != Stream.Desired.RUNNING or stream.state == StreamState.FAILED:
            stream_start(actor=guide, request_id=uuid.uuid4())
        narrator.wait(look, seconds=STREAM_SECONDS, late=late)


def _first_light(narrator: ProgressReporter, guide: User) -> ScenarioRun:
    with narrator.step("Scenario First light: 60,000 events in 30 s, some with injected faults"):
        run = scenario_run_start(actor=guide, slug=SCENARIO, request_id=uuid.uuid4())

        def look() -> bool | None:
            run.refresh_from_db()
            narrator.at(f"{run.acknowledged:,} of {run.total:,} events acknowledged by Kafka")
            return None if run.under_way else True

        narrator.wait(
            look,
            seconds=SCENARIO_SECONDS,
            late=lambda: TourError(
                f"The scenario run did not finish: {run.state}. {run.message}", logs_command("generator")
            ),
        )
        if run.state != WorkState.SUCCEEDED:
            raise TourError(f"The scenario run ended as {run.state}: {run.message}", logs_command("generator"))
    return run


def _bronze_has_it(narrator: ProgressReporter) -> None:
    def behind() -> int | None:
        read = stream_get().offsets
        try:
            offsets = event_topic().offsets()
        except EventTopicError:
            return None
        return offsets.behind(read)

    def look() -> bool | None:
        records = behind()
        narrator.at("Kafka does not respond" if records is None else f"{records:,} records not in bronze yet")
        return True if records == 0 else None

    def late() -> TourError:
        stream = stream_get()
        return TourError(
            f"The stream did not catch up: it is {stream.state}, lag {behind()} records. {stream.message[:300]}",
            logs_command("spark"),
        )

    with narrator.step("All records of the topic are in bronze"):
        narrator.wait(look, seconds=BRONZE_SECONDS, late=late)


def _medallion(narrator: ProgressReporter, guide: User) -> DagRun:
    with narrator.step("Airflow DAG medallion: silver, quality gate, gold, quality gates"):
        run = dag_run_trigger(actor=guide, dag_id=MEDALLION, request_id=uuid.uuid4())

        def look() -> bool | None:
            run.refresh_from_db()
            done = sum(task["state"] == "success" for task in run.tasks)
            now = ", ".join(task["task_id"] for task in run.tasks if task["state"] == "running")
            narrator.at(f"{run.state}, {done} of {len(run.tasks)} tasks done. {now or run.message}")
            return True if run.finished else None

        narrator.wait(
            look,
            seconds=MEDALLION_SECONDS,
            late=lambda: TourError(
                f"DAG run {run.run_id} did not finish: {run.state}. {run.message}", logs_command("airflow-scheduler")
            ),
        )
        if run.state != WorkState.SUCCEEDED:
            failed = [task["task_id"] for task in run.tasks if task["state"] == "failed"]
            raise TourError(
                f"DAG run {run.run_id} ended as {run.state}{f' at {failed[0]}' if failed else ''}. {run.message}",
                f"See the task log at {run.get_absolute_url()} and Spark's log: {logs_command('spark')}",
            )
    return run


def _ledger(narrator: ProgressReporter) -> Statement:
    """A computed statement: balanced, off, or waiting for unfinished work."""
    with narrator.step("Ledger computed"):
        counted: list[Statement] = []

        def look() -> Statement | None:
            counted.append(ledger_take(actor=None))
            if counted[-1].state != WorkState.SUCCEEDED:
                narrator.at(f"Recomputing. {counted[-1].error[:120]}")
                return None
            if counted[-1].verdict == "waiting" and len(counted) < COUNTS:
                narrator.at("Recomputing: some records are still in progress")
                return None
            return counted[-1]

        def late() -> TourError:
            return TourError(f"The ledger could not be computed. {counted[-1].error}", logs_command("spark"))

        return narrator.wait(look, seconds=LEDGER_SECONDS, late=late)


def _unbalanced(statement: Statement) -> TourError:
    if statement.verdict == "waiting":
        names = ", ".join(run.version.scenario.name for run in runs_under_way())
        who = f"The runs of {names} are in progress." if names else "New records kept arriving."
        return TourError(f"The ledger has no final result yet. {who}", "Stop other traffic and run the tour again.")
    lines = [line["title"] for line in statement.lines if line["holds"] is False]
    return TourError(
        f"The ledger is unbalanced: {'; '.join(lines)}.",
        "See the page Ledger. `manage.py ledger` recomputes it.",
    )


def _published_at(run: DagRun) -> datetime | None:
    """When the last quality gate of the run published its table."""
    ended = [datetime.fromisoformat(task["ended_at"]) for task in run.tasks if task["ended_at"]]
    return max(ended, default=run.finished_at)
