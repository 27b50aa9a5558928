"""A real Prometheus watches a real tour: every panel has data, every alert fires by its own fault and stops after it.

Run by `make test-monitoring`; not part of `make test`, for the time it takes. The tests build on each other, in this
order. The tables are in MinIO, so that its figures are seen too. Alerts fire after 3 seconds here (ALERT_FOR), their
conditions are those that people get.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
import yaml
from confluent_kafka import Producer
from pyiceberg.catalog import load_catalog

from compose.local.certificates import Certificates
from compose.local.credentials import monitoring_certificates
from compose.monitoring import scrape
from compose.monitoring.dashboards.all import FOLDER
from spark_jobs.session import connect
from tests.kafka import committed_records
from tests.monitoring import stories
from tests.stack import Stack, installation
from tests.system.api import ControlPlane
from tests.waiting import wait_for

pytestmark = pytest.mark.timeout(2000)
DISK_BYTES = 256 * 1024**2
RULES = [
    rule
    for path in scrape.RULES.glob("*.yml")
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]
SELECTOR = re.compile(r"\b(?:lakehouse_\w+|up)\b(?:\{[^}]*\})?")
# What pytest's `record_property` is; `tests/conftest.py` prints every "fault" at the end of a run.
Record = Callable[[str, object], None]
seen_firing: set[str] = set()


class Prometheus:
    """The one that watches, by its own API."""

    def __init__(self, url: str, certificates: Certificates) -> None:
        context = certificates.client_context()
        self.http = httpx.Client(base_url=f"{url}/api/v1", trust_env=False, timeout=10, verify=context)

    def query(self, expression: str) -> list[Any]:
        answer = self.http.get("/query", params={"query": expression}).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        return list(answer["data"]["result"])

    def firing(self) -> set[str]:
        alerts = self.http.get("/alerts").json()["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def fires(self, *names: str, within: float = 120) -> None:
        def look() -> bool:
            assert set(names) <= self.firing(), f"firing: {self.firing()}"
            return True

        wait_for(look, f"{', '.join(names)} fire", within=within, every=1)
        seen_firing.update(names)
        print(f"fired: {', '.join(names)}")

    def stops(self, *names: str, within: float = 120) -> None:
        def look() -> bool:
            assert not set(names) & self.firing(), f"firing: {self.firing()}"
            return True

        wait_for(look, f"{', '.join(names)} stop firing", within=within, every=1)


@pytest.fixture(scope="session")
def small_disk() -> Iterator[Path]:
    """A data folder whose `checkpoints` is a small disk of its own, where we may mount one."""
    data = Path(tempfile.mkdtemp(prefix="lakehouse-watched-"))
    folder = data / "checkpoints"
    folder.mkdir(mode=0o700)
    options = f"size={DISK_BYTES},mode=700"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield data
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="session")
def stack(small_disk: Path) -> Iterator[Stack]:
    with installation(small_disk, MONITORING="1", ALERT_FOR="3s") as running:
        yield running


@pytest.fixture(scope="session")
def prometheus(stack: Stack, toured: str) -> Iterator[Prometheus]:
    address = f"https://127.0.0.1:{stack.settings.port('PROMETHEUS_PORT')}{scrape.PROMETHEUS_BASE}"
    found = Prometheus(address, monitoring_certificates(stack.data))
    yield found
    found.http.close()


@contextmanager
def stopped(stack: Stack, part: str) -> Iterator[None]:
    stack.supervisor.stop_program(part)
    try:
        yield
    finally:
        stack.supervisor.start_program(part)


def medallion(control_plane: ControlPlane, state: str) -> None:
    run = control_plane.post("/dag-runs", {"dag_id": "medallion"})["run_id"]
    wait_for(
        lambda: control_plane.get(f"/dag-runs/{run}")["state"] == state, f"the run has {state}", within=300, every=1
    )


def first_light(control_plane: ControlPlane) -> str:
    run: str = control_plane.post("/scenarios/first-light/runs")["id"]
    return run


def sent(control_plane: ControlPlane, run: str) -> None:
    wait_for(lambda: control_plane.get(f"/scenario-runs/{run}")["state"] == "succeeded", "all is sent", within=120)


def all_in_bronze(stack: Stack) -> None:
    """Counted at both ends: what Prometheus has of the lag may be older than what was just sent."""
    sent = committed_records(stack.kafka, stack.connections["topic"])

    def look() -> bool:
        with load_catalog("lake", **stack.connections["catalog"]) as lake:
            snapshot = lake.load_table("bronze.events").current_snapshot()
        assert snapshot is not None
        assert snapshot.summary is not None
        assert int(snapshot.summary["total-records"]) >= sent
        return True

    wait_for(look, f"the {sent} records of the topic are in bronze", within=180, every=1)


# What holds of the shared stack holds of the watched one.


def test_metrics_are_told_fast_on_a_warm_lake(stack: Stack, toured: str) -> None:
    stories.metrics_are_told_fast(stack)


def test_one_dag_run_is_one_story_over_the_parts(stack: Stack, toured: str, control_plane: ControlPlane) -> None:
    stories.dag_run_is_one_story(stack, control_plane)


def test_one_scenario_run_is_one_story_from_the_request_to_the_generator(
    stack: Stack, control_plane: ControlPlane
) -> None:
    stories.scenario_run_is_one_story(stack, control_plane)


def test_every_target_answers(prometheus: Prometheus, stack: Stack) -> None:
    def look() -> bool:
        targets = prometheus.http.get("/targets").json()["data"]["activeTargets"]
        problems = {target["labels"]["job"]: target["lastError"] for target in targets if target["health"] != "up"}
        assert not problems
        jobs = {target["labels"]["job"] for target in targets}
        assert {"controlplane", "kafka", "spark", "spark-executors", "minio", "prometheus"} <= jobs
        return True

    wait_for(look, "every target is up", within=60, every=1)


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.json")))
def test_every_panel_has_data(prometheus: Prometheus, name: str) -> None:
    def look() -> bool:
        empty = {
            panel["title"]: target["expr"]
            for panel in json.loads((FOLDER / name).read_text())["panels"]
            for target in panel["targets"]
            if not prometheus.query(target["expr"])
        }
        assert not empty, f"without data: {empty}"
        return True

    wait_for(look, f"every panel of {name} has data", within=90, every=2)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_every_rule_reads_data(prometheus: Prometheus, rule: dict[str, Any]) -> None:
    for selector in SELECTOR.findall(rule["expr"]):
        # No request has failed yet.
        asked = selector.partition("{")[0] if "5xx" in selector else selector
        assert prometheus.query(asked), f"{asked} has no data"


def test_all_is_well_after_a_tour(prometheus: Prometheus) -> None:
    prometheus.stops(*(rule["alert"] for rule in RULES), within=60)


def test_the_database_is_away(
    prometheus: Prometheus, stack: Stack, control_plane: ControlPlane, record_property: Record
) -> None:
    record_property("fault", "postgres held down")
    with stopped(stack, "postgres"):

        def look() -> bool:
            assert control_plane.http.get("/health").status_code == 503
            assert {"PagesFailing", "FiguresMissing"} <= prometheus.firing()
            return True

        wait_for(look, "PagesFailing, FiguresMissing fire", within=90, every=0.5)
        prometheus.fires("PagesFailing", "FiguresMissing")
    control_plane.wait_all_up(within=120)
    prometheus.stops("FiguresMissing")


def test_spark_is_away(
    prometheus: Prometheus, stack: Stack, control_plane: ControlPlane, record_property: Record
) -> None:
    record_property("fault", "spark held down")
    with stopped(stack, "spark"):
        run = first_light(control_plane)
        medallion(control_plane, "failed")
        sent(control_plane, run)
        prometheus.fires("StreamNotRunning", "StreamLagging", "PartDown", "TargetDown", "DagRunFailed", within=180)
    control_plane.wait_all_up(within=120)
    prometheus.stops("StreamNotRunning", "StreamLagging", "PartDown", "TargetDown", within=180)


def test_a_producer_sends_nonsense(
    prometheus: Prometheus, stack: Stack, control_plane: ControlPlane, record_property: Record
) -> None:
    record_property("fault", "34,000 records of nonsense")
    producer = Producer({**stack.kafka.librdkafka()})
    for number in range(34_000):
        producer.produce(stack.connections["topic"], value=b"nonsense", key=str(number).encode())
        producer.poll(0)
    assert producer.flush(60) == 0
    all_in_bronze(stack)
    medallion(control_plane, "succeeded")
    prometheus.fires("QuarantineShareHigh")
    prometheus.stops("DagRunFailed")


def test_a_build_that_its_gate_refuses(
    prometheus: Prometheus, stack: Stack, control_plane: ControlPlane, record_property: Record
) -> None:
    record_property("fault", "a currency that there is not, after silver's rules")
    run = first_light(control_plane)

    def job(name: str, state: str) -> None:
        asked = control_plane.post("/spark-jobs", {"job": name}, key=str(uuid4()))
        path = f"/spark-jobs/{asked['id']}"
        wait_for(lambda: control_plane.get(path)["state"] == state, f"{name} has {state}", within=240, every=1)

    job("silver.events", "succeeded")
    spark = connect(stack.connections["spark_remote"])
    try:
        spark.sql("UPDATE lake.silver.events.branch_audit SET currency = 'ZZZ'").collect()
    finally:
        spark.stop()
    job("silver.events.gate", "failed")
    prometheus.fires("ValidationFailed")
    sent(control_plane, run)
    all_in_bronze(stack)
    medallion(control_plane, "succeeded")
    prometheus.stops("ValidationFailed", "QuarantineShareHigh")


def test_the_books_do_not_balance(
    prometheus: Prometheus, stack: Stack, control_plane: ControlPlane, record_property: Record
) -> None:
    record_property("fault", "a run's count changed")

    def shift(by: int) -> None:
        with psycopg.connect(stack.connections["database"]) as database:
            change = (
                "UPDATE scenarios_scenariorun SET acknowledged = acknowledged + %s "
                "WHERE id = (SELECT id FROM scenarios_scenariorun ORDER BY requested_at DESC LIMIT 1)"
            )
            assert database.execute(change, (by,)).rowcount == 1
        control_plane.post("/ledger/recount", key=str(uuid4()))

    shift(-1)
    prometheus.fires("LedgerOff", within=180)
    shift(1)
    prometheus.stops("LedgerOff", within=180)


def test_a_disk_fills_up(prometheus: Prometheus, stack: Stack, record_property: Record) -> None:
    if not os.path.ismount(stack.data / "checkpoints"):
        pytest.skip("A small disk can be mounted as root only: DiskAlmostFull is not made to fire here.")
    record_property("fault", "a full disk")
    filling = stack.data / "checkpoints" / "filling"
    filling.write_bytes(b"\0" * int(DISK_BYTES * 0.95))
    prometheus.fires("DiskAlmostFull")
    filling.unlink()
    prometheus.stops("DiskAlmostFull")


def test_the_worker_is_away(
    prometheus: Prometheus, stack: Stack, control_plane: ControlPlane, record_property: Record
) -> None:
    record_property("fault", "worker held down")
    with stopped(stack, "worker"):
        prometheus.fires("QueueLong", within=150)
    control_plane.wait_all_up(within=120)
    prometheus.stops("QueueLong")


def test_every_rule_has_fired_and_none_fires_now(prometheus: Prometheus, stack: Stack) -> None:
    not_made = set() if os.path.ismount(stack.data / "checkpoints") else {"DiskAlmostFull"}
    assert seen_firing == {rule["alert"] for rule in RULES} - not_made
    prometheus.stops(*seen_firing, within=180)
