"""The steps of the tour. Each asks through the same services as the pages do, and waits for what the rows say."""

import uuid
from datetime import datetime

from django.conf import settings

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.errors import ActionError
from controlplane.health.models import PartState
from controlplane.health.selectors import parts
from controlplane.ledger.models import Statement
from controlplane.ledger.services import ledger_take
from controlplane.orchestration.models import DagRun, RunState
from controlplane.orchestration.services import MEDALLION, dag_run_trigger
from controlplane.scenarios.models import RunState as ScenarioState
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.runs.services import scenario_run_start
from controlplane.scenarios.selectors import runs_under_way
from controlplane.streaming.models import Stream, StreamState
from controlplane.streaming.ports import EventTopicError
from controlplane.streaming.providers import event_topic
from controlplane.streaming.selectors import stream_get
from controlplane.streaming.services import stream_start
from controlplane.tour.errors import TourError
from controlplane.tour.reporters import Narrator, seconds_between
from controlplane.web.operator_commands import logs_command, status_command

NEEDED = ("redis", "worker", "generator", "beat", "kafka", "spark", "airflow")
SCENARIO = "first-light"
# Bounds, and no more than that: what each step takes on two cores is a fraction of them.
PARTS_SECONDS = 90
# Containers start all at once, with empty databases.
PARTS_SECONDS_IN_CONTAINERS = 600
STREAM_SECONDS = 120
SCENARIO_SECONDS = 240
BRONZE_SECONDS = 180
MEDALLION_SECONDS = 600
LEDGER_SECONDS = 120
# A line may wait for a progress report of a moment ago; what waits longer needs another build.
COUNTS = 3


def tour(narrator: Narrator, *, parts_seconds: float | None = None) -> float | None:
    """Take the whole tour; gives the seconds from the first event to published gold.

    Args:
        parts_seconds: how long it waits for every part to be up; by default as long as they take to start where they
            run.

    Raises:
        TourError: a step does not hold.
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
            # Somebody else's records came in meanwhile, or before: they are refined too, and then it can be judged.
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
    """Who asks for what the tour asks for, in the audit and on the pages."""
    guide, made = User.objects.get_or_create(username="tour", defaults={"role": Role.OPERATOR})
    if made:
        guide.set_unusable_password()
        guide.save()
    return guide


def _parts_answer(narrator: Narrator, seconds: float) -> None:
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
        return TourError(f"Not every part is up. {said}", f"{status_command()}, then {logs_command(log)}")

    with narrator.step("Every part is up"):
        narrator.wait(look, seconds=seconds, late=late)


def _stream_runs(narrator: Narrator, guide: User) -> None:
    def look() -> bool | None:
        stream = stream_get()
        narrator.at(f"The stream is {stream.state}. {stream.message[:80]}")
        if stream.needs_new_checkpoint:
            raise TourError(stream.message, "Choose on the page Stream, then take the tour again.")
        return True if stream.state == StreamState.RUNNING else None

    def late() -> TourError:
        stream = stream_get()
        return TourError(f"The stream is {stream.state}: {stream.message[:300]}", logs_command("spark"))

    with narrator.step("The stream runs"):
        stream = stream_get()
        if stream.desired != Stream.Desired.RUNNING or stream.state == StreamState.FAILED:
            stream_start(actor=guide, request_id=uuid.uuid4())
        narrator.wait(look, seconds=STREAM_SECONDS, late=late)


def _first_light(narrator: Narrator, guide: User) -> ScenarioRun:
    with narrator.step("First light: shoppers come, 60,000 events in 30 s, some of them bad on purpose"):
        run = scenario_run_start(actor=guide, slug=SCENARIO, request_id=uuid.uuid4())

        def look() -> bool | None:
            run.refresh_from_db()
            narrator.at(f"{run.acknowledged:,} of {run.total:,} events acknowledged by Kafka")
            return None if run.under_way else True

        narrator.wait(
            look,
            seconds=SCENARIO_SECONDS,
            late=lambda: TourError(f"The scenario run is still {run.state}. {run.message}", logs_command("generator")),
        )
        if run.state != ScenarioState.SUCCEEDED:
            raise TourError(f"The scenario run {run.state}: {run.message}", logs_command("generator"))
    return run


def _bronze_has_it(narrator: Narrator) -> None:
    def behind() -> int | None:
        read = stream_get().offsets
        try:
            offsets = event_topic().offsets()
        except EventTopicError:
            return None
        return offsets.behind(read)

    def look() -> bool | None:
        records = behind()
        narrator.at("Kafka does not answer" if records is None else f"{records:,} records are on their way to bronze")
        return True if records == 0 else None

    def late() -> TourError:
        stream = stream_get()
        return TourError(
            f"The stream did not catch up: it is {stream.state}, {behind()} records behind. {stream.message[:300]}",
            logs_command("spark"),
        )

    with narrator.step("Bronze has every record of the topic"):
        narrator.wait(look, seconds=BRONZE_SECONDS, late=late)


def _medallion(narrator: Narrator, guide: User) -> DagRun:
    with narrator.step("Airflow refined it: silver, its gate, gold, its gates"):
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
                f"The run {run.run_id} is still {run.state}. {run.message}", logs_command("airflow-scheduler")
            ),
        )
        if run.state != RunState.SUCCEEDED:
            failed = [task["task_id"] for task in run.tasks if task["state"] == "failed"]
            raise TourError(
                f"The run {run.run_id} {run.state}{f' at {failed[0]}' if failed else ''}. {run.message}",
                f"Its log is on the page {run.get_absolute_url()}; Spark's own: {logs_command('spark')}",
            )
    return run


def _ledger(narrator: Narrator) -> Statement:
    """A statement that could be counted: balanced, off, or waiting for what is still under way."""
    with narrator.step("The ledger is counted"):
        counted: list[Statement] = []

        def look() -> Statement | None:
            counted.append(ledger_take(actor=None))
            if counted[-1].state != Statement.State.SUCCEEDED:
                narrator.at(f"Counting again. {counted[-1].error[:120]}")
                return None
            if counted[-1].verdict == "waiting" and len(counted) < COUNTS:
                narrator.at("Counting again: something is still under way")
                return None
            return counted[-1]

        def late() -> TourError:
            return TourError(f"The ledger could not be counted. {counted[-1].error}", logs_command("spark"))

        return narrator.wait(look, seconds=LEDGER_SECONDS, late=late)


def _unbalanced(statement: Statement) -> TourError:
    if statement.verdict == "waiting":
        names = ", ".join(run.version.scenario.name for run in runs_under_way())
        who = f"The runs of {names} are still under way." if names else "Records came in all the time."
        return TourError(f"The ledger can't be judged yet. {who}", "Stop the other traffic and take the tour again.")
    lines = [line["title"] for line in statement.lines if line["holds"] is False]
    return TourError(
        f"The ledger does not balance: {'; '.join(lines)}.",
        "See the page Ledger; `manage.py ledger` counts again.",
    )


def _published_at(run: DagRun) -> datetime | None:
    """When the last gate of the run had published."""
    ended = [datetime.fromisoformat(task["ended_at"]) for task in run.tasks if task["ended_at"]]
    return max(ended, default=run.ended_at)
