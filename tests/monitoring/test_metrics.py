"""What `/metrics` tells of rows, to whom, and what it does while something is away."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from controlplane.health import direct
from controlplane.health.adapters.null import NullBroker, NullSupervisor
from controlplane.health.models import PartState
from controlplane.health.reading import Reading
from controlplane.health.services import observation_record
from controlplane.lakehouse.probe import describe
from controlplane.ledger.models import Statement
from controlplane.monitoring import collector, counting
from controlplane.monitoring.adapters.null import NullTaskCounter
from controlplane.monitoring.sources import disks
from controlplane.orchestration.models import DagRun
from controlplane.quality.models import Validation
from controlplane.streaming.models import Stream, StreamBatch
from controlplane.streaming.selectors import stream_get
from controlplane.web.database import DatabaseWatch
from tests.adapters import Adapters
from tests.labels import Overview, Runbooks
from tests.lakehouse.tables import snapshot, table
from tests.monitoring.linting import linted
from tests.monitoring.linting import promtool as promtool
from tests.pages import Visitor

pytestmark = pytest.mark.django_db
TOKEN = "told-to-prometheus-only"


@pytest.fixture(autouse=True)
def counter(adapters: Adapters, settings: Settings) -> NullTaskCounter:
    settings.METRICS_TOKEN = TOKEN
    null, broker, supervisor = NullTaskCounter(), NullBroker(), NullSupervisor()
    adapters.use(task_counter=null, broker=broker, process_supervisor=supervisor)
    direct.forget()
    return null


def scraped(client: Client) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by name and label values."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_names_are_as_prometheus_has_them(client: Client, promtool: str) -> None:
    text = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()
    assert text.count("# TYPE lakehouse_") > 50
    assert linted(promtool, text) == []


def test_a_name_that_is_not_as_prometheus_has_it_would_be_found(promtool: str) -> None:
    assert linted(promtool, "# HELP told_total Records.\n# TYPE told_total gauge\n") == [
        'told_total non-counter metrics should not have "_total" suffix'
    ]


@pytest.mark.parametrize("said", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", "Bearer \u00e4"])
def test_only_who_has_the_token_is_told(client: Client, said: str) -> None:
    answer = client.get("/metrics", headers={"Authorization": said} if said else {})
    assert answer.status_code == 401
    assert b"lakehouse_" not in answer.content


def test_without_a_token_of_its_own_nobody_is_told(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_a_new_installation_has_figures_and_no_made_up_ones(client: Client) -> None:
    found = scraped(client)
    assert {found["lakehouse_source_success", (name,)] for name in collector.WITH_DATABASE} == {1.0}
    assert found["lakehouse_stream_wanted", ()] == 0
    assert found["lakehouse_ledger_verdict", ("unknown",)] == 1
    assert found["lakehouse_generator_records_acknowledged_total", ()] == 0
    # What isn't known has no sample: an alert on it can't fire on a zero that nobody measured.
    unknown = ("lakehouse_stream_batch_duration_seconds", "lakehouse_dag_run_last_success",
               "lakehouse_ledger_residual_records", "lakehouse_ledger_residual_revenue",
               "lakehouse_stream_newest_event_timestamp_seconds")  # fmt: skip
    assert [name for name, _ in found if name in unknown] == []


def test_the_stream_by_its_rows(client: Client) -> None:
    stream_get()
    Stream.objects.update(state="running", desired="running", end_offsets={"0": 90, "1": 40})
    partitions = [{"partition": 0, "begin": 0, "end": 100}, {"partition": 1, "begin": 0, "end": 40}]
    observation_record(part="kafka", reading=Reading(PartState.UP, "Answers.", {"partitions": partitions}))
    began = datetime(2026, 1, 1, tzinfo=UTC)
    durations = {"triggerExecution": 3000, "addBatch": 2000, "latestOffset": 300, "walCommit": 200}
    StreamBatch.objects.create(
        query_id="q", batch_id=1, run_id="r", started_at=began, input_rows=130, rows_per_second=43, lag_max=10,
        lag_total=10, durations=durations,
    )  # fmt: skip
    found = scraped(client)
    assert found["lakehouse_stream_state", ("running",)] == 1
    assert found["lakehouse_stream_state", ("failed",)] == 0
    assert (found["lakehouse_stream_lag_records", ("0",)], found["lakehouse_stream_lag_records", ("1",)]) == (10, 0)
    assert found["lakehouse_stream_last_batch_timestamp_seconds", ()] == began.timestamp()
    # Taken a moment ago, and yet hours old: that is what a stream that catches up looks like.
    newest = began - timedelta(hours=3)
    tables = {"bronze.events": {**describe(table("bronze.events", snapshot(1))), "newest_at": newest.isoformat()}}
    observation_record(part="lake", reading=Reading(PartState.UP, "1 table", {"tables": tables}))
    assert scraped(client)["lakehouse_stream_newest_event_timestamp_seconds", ()] == newest.timestamp()
    phases = {name[1][0]: value for name, value in found.items() if name[0] == "lakehouse_stream_batch_phase_seconds"}
    assert phases == {"plan": 0.3, "write": 2.0, "commit": 0.2}


def test_runs_by_state_with_names_that_are_bounded(client: Client) -> None:
    now = timezone.now()
    for dag, state, seconds in (("medallion", "succeeded", 60), ("medallion", "failed", 5), ("mine", "succeeded", 1)):
        DagRun.objects.create(
            dag_id=dag, run_id=str(uuid4()), state=state, started_at=now, finished_at=now + timedelta(seconds=seconds),
            requested_at=now - timedelta(seconds=seconds),
        )  # fmt: skip
    found = scraped(client)
    ended = {labels: value for (name, labels), value in found.items() if name == "lakehouse_dag_runs_ended_total"}
    assert ended == {("medallion", "succeeded"): 1, ("medallion", "failed"): 1, ("other", "succeeded"): 1}
    assert found["lakehouse_dag_runs_duration_seconds_total", ("medallion", "succeeded")] == 60
    assert found["lakehouse_dag_run_last_success", ()] == 0


def test_validations_by_table_and_the_newest_verdict(client: Client) -> None:
    for number, success in enumerate((True, False)):
        at = timezone.now() + timedelta(seconds=number)
        Validation.objects.create(
            id=uuid4(), suite="silver.events", table="lake.silver.events", success=success, published=success,
            started_at=at - timedelta(seconds=2), finished_at=at, expectations_failed=0 if success else 3,
            path=str(number), modified_at=at,
        )  # fmt: skip
    found = scraped(client)
    assert found["lakehouse_validations_total", ("silver.events", "passed")] == 1
    assert found["lakehouse_validation_last_success", ("silver.events",)] == 0
    assert found["lakehouse_validation_last_expectations_failed", ("silver.events",)] == 3


def test_of_two_suites_the_worse_verdict_counts(client: Client) -> None:
    at = timezone.now()
    for suite, success, seconds in (("a", False, 2), ("b", True, 1)):
        Validation.objects.create(
            id=uuid4(), suite=suite, table="lake.silver.events", success=success, published=success,
            started_at=at - timedelta(seconds=seconds), finished_at=at, expectations_failed=0 if success else 1,
            path=suite, modified_at=at,
        )  # fmt: skip
    found = scraped(client)
    assert found["lakehouse_validation_last_success", ("silver.events",)] == 0
    assert found["lakehouse_validation_last_expectations_failed", ("silver.events",)] == 1
    assert found["lakehouse_validation_last_duration_seconds", ("silver.events",)] == 3


def test_airflows_components_by_their_heartbeats(client: Client) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    parts = {
        "scheduler": {"state": "up", "heartbeat_at": at.isoformat()},
        "dag-processor": {"state": "down", "heartbeat_at": None},
    }
    observation_record(part="airflow", reading=Reading(PartState.DEGRADED, "It limps.", {"parts": parts}))
    found = scraped(client)
    assert found["lakehouse_component_up", ("scheduler", "airflow")] == 1
    assert found["lakehouse_component_up", ("dag-processor", "airflow")] == 0
    beats = {key: value for key, value in found.items() if key[0] == "lakehouse_component_heartbeat_timestamp_seconds"}
    assert list(beats.values()) == [at.timestamp()]
    observation_record(part="airflow", reading=Reading(PartState.DOWN, "No answer.", {"parts": parts}))
    found = scraped(client)
    assert found["lakehouse_part_up", ("airflow",)] == 0
    assert [name for name, _ in found if name.startswith("lakehouse_component_")] == []


def test_the_ledgers_residual_is_that_of_lines_that_do_not_hold(client: Client) -> None:
    def line(key: str, difference: Any, holds: bool | None) -> dict[str, Any]:
        return {"key": key, "title": key, "difference": difference, "holds": holds}

    lines = [line("bronze", -7, False), line("silver", 3, None), line("revenue.hourly_sales.EUR", "1.50", False)]
    lines += [line("revenue.user_sessions.EUR", "-0.50", False), line("topic", 0, True)]
    at = timezone.now()
    Statement.objects.create(state="succeeded", taken_at=at, document={"lines": lines})
    found = scraped(client)
    name = "lakehouse_ledger_residual_records"
    residual = {labels[0]: value for (told, labels), value in found.items() if told == name}
    assert {kind: value for kind, value in residual.items() if value} == {"bronze": 7}
    assert found["lakehouse_ledger_residual_revenue", ()] == 2
    assert found["lakehouse_ledger_verdict", ("off",)] == 1
    assert found["lakehouse_ledger_lines", ("waiting",)] == 1
    assert found["lakehouse_ledger_taken_timestamp_seconds", ()] == pytest.approx(at.timestamp())


def test_tasks_are_counted_by_name_and_outcome(client: Client, counter: NullTaskCounter) -> None:
    task = type("Task", (), {"name": "controlplane.streaming.tasks.reconcile"})()
    for task_id, state in (("1", "SUCCESS"), ("2", "SUCCESS"), ("3", "FAILURE")):
        counting._begins(task_id=task_id)
        counting._ends(task_id=task_id, task=task, state=state)
    counter.add("somebody.elses", "succeeded", 1.0)
    found = scraped(client)
    ended = {labels: value for (name, labels), value in found.items() if name == "lakehouse_celery_tasks_total"}
    assert ended == {("succeeded", task.name): 2, ("failed", task.name): 1}  # labels as they are told, by name
    assert found["lakehouse_celery_queue_length", ("control",)] == 0


def test_a_source_that_fails_takes_no_other_with_it(client: Client, counter: NullTaskCounter) -> None:
    counter.problem = "no broker"
    counting._dropped(request=type("Request", (), {"task": "controlplane.x"})(), expired=True)
    found = scraped(client)
    assert found["lakehouse_source_success", ("work",)] == 0
    assert found["lakehouse_source_success", ("stream",)] == 1


def test_without_the_database_the_rest_is_told_at_once(client: Client, adapters: Adapters) -> None:
    adapters.use(database_watch=DatabaseWatch(accepts=lambda: False, refusal=lambda: ""))
    found = scraped(client)
    assert {name: found["lakehouse_source_success", (name,)] for name in collector.WITH_DATABASE} == dict.fromkeys(
        collector.WITH_DATABASE, 0.0
    )
    assert found["lakehouse_source_success", ("disks",)] == 1


def test_requests_are_counted_by_pattern_and_never_by_address(viewer: Visitor) -> None:
    before = scraped(viewer)
    for _ in range(2):
        viewer.get(f"/scenarios/runs/{uuid4()}/")
    viewer.get("/no/such/place/")
    after = scraped(viewer)
    route = "/scenarios/runs/<uuid:run_id>/"
    # Other tests of this process have asked for the route too, and were answered otherwise.
    counted = {
        labels: number - before.get((name, labels), 0)
        for (name, labels), number in after.items()
        if name == "lakehouse_http_requests_total" and labels[1] == route
    }
    risen = {labels: more for labels, more in counted.items() if more}
    assert risen == {("GET", route, "4xx"): 2}
    assert not [labels for _, labels in after if any("no/such" in value for value in labels)]


def test_an_answer_names_its_request(client: Client) -> None:
    given = client.get("/sign-in/", headers={"X-Request-ID": "from-a-proxy-1"}).headers["X-Request-ID"]
    assert given == "from-a-proxy-1"
    assert len(client.get("/sign-in/", headers={"X-Request-ID": "bad id\u00e9"}).headers["X-Request-ID"]) == 32


def test_the_data_folders_disk_is_told_once(tmp_path: Any) -> None:
    (tmp_path / "kafka").mkdir()
    assert disks.disks(tmp_path) == {"data": tmp_path}
    assert disks.disks(tmp_path / "nowhere") == {}


def test_runbooks_are_pages(client: Client, viewer: Visitor) -> None:
    address = "/runbooks/ledger-off/"
    assert client.get(address).status_code == 302
    page = viewer.page(address)
    assert Runbooks.WHAT_TO_DO in page.headings
    assert viewer.page("/runbooks/").link(page.heading) == address
    assert viewer.get("/runbooks/nothing/").status_code == 404


CONSOLES = {
    "AIRFLOW_PUBLIC_URL": "http://airflow.example:8082/",
    "SPARK_UI_URL": "http://spark.example:4040/",
    "MINIO_CONSOLE_URL": "http://minio.example:9001/",
    "PROMETHEUS_URL": "http://prometheus.example:9090/",
    "GRAFANA_URL": "http://grafana.example:3000/",
}

# Spark's is behind the control plane, and so is our own Prometheus.
LINKS = {**CONSOLES, "SPARK_UI_URL": "http://127.0.0.1:8000/spark/"}


def linked(visitor: Visitor) -> list[str]:
    """The addresses of the consoles that the Overview links to, in its order."""
    consoles = visitor.page("/").card(Overview.CONSOLES)
    return [address for address in consoles.links.values() if address.startswith("http")]


def test_the_overview_links_to_every_console(operator: Visitor, settings: Settings) -> None:
    for name, address in CONSOLES.items():
        setattr(settings, name, address)
    assert linked(operator) == list(LINKS.values())


def test_a_viewer_gets_no_link_to_a_page_that_is_for_operators(viewer: Visitor, settings: Settings) -> None:
    for name, address in CONSOLES.items():
        setattr(settings, name, address)
    assert linked(viewer) == [address for name, address in LINKS.items() if name != "SPARK_UI_URL"]


def test_our_own_prometheus_is_linked_to_for_operators(operator: Visitor, viewer: Visitor, settings: Settings) -> None:
    for name in CONSOLES:
        setattr(settings, name, "")
    settings.PROMETHEUS_INTERNAL_URL = "https://127.0.0.1:9090/prometheus/"
    assert linked(operator) == ["http://127.0.0.1:8000/prometheus/"]
    assert linked(viewer) == []


@pytest.mark.parametrize("missing", CONSOLES)
def test_a_console_that_is_not_there_has_no_link(operator: Visitor, settings: Settings, missing: str) -> None:
    for name, address in CONSOLES.items():
        setattr(settings, name, "" if name == missing else address)
    assert linked(operator) == [address for name, address in LINKS.items() if name != missing]


def test_without_any_console_nothing_is_linked(viewer: Visitor, settings: Settings) -> None:
    for name in CONSOLES:
        setattr(settings, name, "")
    assert linked(viewer) == []
