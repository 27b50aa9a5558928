"""MONITORING=1: which parts are added, what Prometheus is told, and what is said where it can't be had."""

import os
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

from compose.local import checks
from compose.local.certificates import Certificates
from compose.local.credentials import environment, load_secrets, monitoring_certificates, write_files
from compose.local.errors import InstallationError
from compose.local.parts import Part, kafka, monitoring
from compose.local.parts.all import NAMES, parts_of
from compose.local.settings import Settings, load
from tests.compose.commands import WATCHING_PORTS, Installation
from tests.strangers.asking import ask
from tests.strangers.listeners import listeners
from tests.strangers.table import TABLE, entry, targets
from tests.waiting import wait_for


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with Prometheus and both exporters on it, and nothing else."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("prometheus", "prometheus-postgres-exporter", "prometheus-redis-exporter"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def watched(tmp_path: Path, **more: str) -> Settings:
    return load({"LAKEHOUSE_DATA": str(tmp_path), "MONITORING": "1", "PORT_OFFSET": "50", **more}, root=tmp_path)


def names(settings: Settings) -> list[str]:
    drawn = load_secrets(settings.data)
    return [part.name for part in parts_of(settings, environment(settings, drawn), drawn)]


def broker(settings: Settings) -> Part:
    drawn = load_secrets(settings.data)
    return kafka.part(settings, environment(settings, drawn), drawn)


@pytest.mark.parametrize("asked", ["", "0"])
def test_nothing_is_added_unless_asked_for(tmp_path: Path, programs: Path, asked: str) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path), "MONITORING": asked})
    assert names(settings) == [name for name in NAMES if name != "minio"]
    assert monitoring.check(settings) == []
    assert [word for word in broker(settings).command if "javaagent" in word] == []


def test_prometheus_and_exporters_are_parts_on_loopback(tmp_path: Path, programs: Path) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path), "MONITORING": "1"})
    drawn = load_secrets(tmp_path)
    found = {part.name: part for part in monitoring.parts(settings, environment(settings, drawn), drawn)}
    assert tuple(found) == monitoring.NAMES
    commands = [" ".join(part.command) for part in found.values()]
    assert [command for command in commands if "127.0.0.1:" not in command] == []
    assert [secret for secret in drawn.values() for command in commands if secret in command] == []
    assert "127.0.0.1:9404" in " ".join(broker(settings).command)


def test_it_stays_on_until_it_is_turned_off(tmp_path: Path, programs: Path) -> None:
    settings = watched(tmp_path)
    write_files(settings, load_secrets(tmp_path))
    assert load({"LAKEHOUSE_DATA": str(tmp_path)}, root=tmp_path).monitoring
    assert not load({"LAKEHOUSE_DATA": str(tmp_path), "MONITORING": "0"}, root=tmp_path).monitoring


def test_prometheus_is_told_every_part_with_its_own_port(tmp_path: Path, programs: Path) -> None:
    settings = watched(tmp_path, ALERT_FOR="3s", PUBLIC_URL="https://lake.example")
    variables = write_files(settings, load_secrets(tmp_path))
    monitoring.prepare(settings, variables)
    said = yaml.safe_load((tmp_path / "prometheus" / "prometheus.yml").read_text())
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in said["scrape_configs"]}
    assert targets == {
        "controlplane": ["127.0.0.1:8050"],
        "kafka": ["127.0.0.1:9454"],
        "spark": ["127.0.0.1:4090"],
        "spark-executors": ["127.0.0.1:4090"],
        "postgres": ["127.0.0.1:9237"],
        "redis": ["127.0.0.1:9171"],
        "prometheus": ["127.0.0.1:9140"],
    }
    token = Path(said["scrape_configs"][0]["authorization"]["credentials_file"])
    assert token.read_text().strip() == variables["METRICS_TOKEN"]
    assert token.stat().st_mode & 0o777 == 0o600
    rules = (tmp_path / "prometheus" / "rules" / "lakehouse.yml").read_text()
    assert "https://lake.example/runbooks/ledger-off/" in rules


def test_an_exporter_that_can_not_be_had_is_left_out_and_said(tmp_path: Path, programs: Path) -> None:
    (programs / "prometheus-redis-exporter").unlink()
    settings = watched(tmp_path)
    (said,) = monitoring.check(settings)
    assert said.startswith("Redis is not monitored: prometheus-redis-exporter is not on the PATH.")
    assert "redis-exporter" not in names(settings)
    jobs = monitoring.scrape_jobs(settings, environment(settings, load_secrets(tmp_path)))
    assert "redis" not in [job["job_name"] for job in jobs]


def test_without_prometheus_the_remedy_is_named(tmp_path: Path, programs: Path) -> None:
    (programs / "prometheus").unlink()
    with pytest.raises(
        InstallationError, match=r"Prometheus, which is not on the PATH\. Install it .*PROMETHEUS_BINARY"
    ):
        monitoring.check(watched(tmp_path))
    with pytest.raises(InstallationError, match="PROMETHEUS_BINARY is /nowhere/prometheus, which cannot be executed"):
        monitoring.check(watched(tmp_path, PROMETHEUS_BINARY="/nowhere/prometheus"))


def test_a_given_prometheus_is_used(tmp_path: Path, programs: Path) -> None:
    own = tmp_path / "own-prometheus"
    (programs / "prometheus").rename(own)
    settings = watched(tmp_path, PROMETHEUS_BINARY=str(own))
    assert monitoring.check(settings) == []
    drawn = load_secrets(tmp_path)
    assert monitoring.parts(settings, environment(settings, drawn), drawn)[0].command[0] == str(own)


def test_an_existing_prometheus_is_told_what_to_include(tmp_path: Path, programs: Path) -> None:
    os.unlink(programs / "prometheus")
    settings = watched(tmp_path, PROMETHEUS_URL="http://watcher:9090")
    (said,) = monitoring.check(settings)
    assert f"{tmp_path}/prometheus/scrape.yml" in said
    assert "prometheus" not in names(settings)
    variables = write_files(settings, load_secrets(tmp_path))
    monitoring.prepare(settings, variables)
    assert variables["PROMETHEUS_URL"] == "http://watcher:9090"
    jobs = yaml.safe_load((tmp_path / "prometheus" / "scrape.yml").read_text())["scrape_configs"]
    assert [job["job_name"] for job in jobs][-1] == "redis"


def test_anything_else_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match="MONITORING is 'yes'"):
        load({"MONITORING": "yes"}, root=tmp_path)


@pytest.fixture
def stores() -> Iterator[Installation]:
    """Where Prometheus and both exporters are: PostgreSQL, Redis and Kafka, watched."""
    missing = [name for name in ("prometheus", *EXPORTERS) if shutil.which(name) is None]
    if missing:
        pytest.skip(f"No real Prometheus watches anything here: {', '.join(missing)} missing on PATH.")
    with tempfile.TemporaryDirectory(prefix="lakehouse-watched-") as folder:
        made = Installation(Path(folder) / "data")
        made.environ["MONITORING"] = "1"
        try:
            done = made.up(",".join(("postgres", "redis", "kafka", *monitoring.NAMES)))
            assert done.returncode == 0, done.stdout + done.stderr
            yield made
        finally:
            checks.stop_everything(made.settings, patience_seconds=20)


EXPORTERS = ("prometheus-postgres-exporter", "prometheus-redis-exporter")
# One figure of each part that the dashboards draw.
TOLD = ("pg_database_size_bytes", "pg_stat_database_xact_commit", "pg_stat_activity_count", "redis_memory_used_bytes",
        "redis_commands_processed_total", "kafka_controller_active_brokers", "kafka_replicas_partitions",
        "kafka_broker_bytes_in_total")  # fmt: skip


def test_a_real_prometheus_reads_the_stores_on_loopback_and_strangers_read_nothing(
    stores: Installation, tmp_path: Path
) -> None:
    url = f"https://127.0.0.1:{stores.settings.port('PROMETHEUS_PORT')}/prometheus/api/v1"
    certificates = monitoring_certificates(stores.settings.data)
    known = httpx.Client(verify=certificates.client_context(), trust_env=False)

    def asked(path: str, **query: str) -> Any:
        return known.get(url + path, params=query).json()["data"]

    def look() -> bool:
        up = {sample["metric"]["job"]: sample["value"][1] for sample in asked("/query", query="up")["result"]}
        wanted = {"kafka", "postgres", "redis", "prometheus"}
        failing = {target["labels"]["job"]: target["lastError"] for target in asked("/targets")["activeTargets"]}
        assert {job for job, value in up.items() if value == "1"} == wanted, failing
        empty = [name for name in TOLD if not asked("/query", query=name)["result"]]
        assert not empty, f"without data: {empty}"
        return True

    wait_for(look, "Prometheus has figures of all stores", within=60, every=1)
    groups = asked("/rules")["groups"]
    assert [rule["health"] for group in groups for rule in group["rules"] if rule["health"] == "err"] == []
    assert len([rule for group in groups for rule in group["rules"]]) >= 8
    secrets = load_secrets(stores.settings.data).values()
    words = [word for process in stores.processes() for word in process.cmdline()]
    assert [secret for secret in secrets for word in words if secret in word] == []
    listening = {
        connection.laddr.ip
        for process in stores.processes()
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    told = stores.run("status", "--json")
    assert '"prometheus"' in told.stdout

    # Strangers of the same machine: every port of these stores.
    found = listeners(stores.processes(), stores.pids())
    assert [str(one) for one in found if entry(one, stores.settings) is None] == []
    assert {entry(one, stores.settings) for one in found} >= {key for key in TABLE if key[1] in WATCHING_PORTS}
    given = {"viewer": load_secrets(stores.settings.data)["kafka_viewer"], "topic": "strangers"}
    assert [one for one in ask(targets(found, stores.settings, given)) if one.got] == []
    other = Certificates(tmp_path / "other")
    other.ensure("other")
    stranger = ssl.create_default_context(cafile=str(certificates.authority))
    kafka_figures = f"https://127.0.0.1:{stores.settings.port('KAFKA_METRICS_PORT')}/metrics"
    password = (stores.settings.data / "prometheus" / "jmx.password").read_text()
    with httpx.Client(verify=stranger, trust_env=False) as visitor:
        assert "kafka_controller_active_brokers" in visitor.get(kafka_figures, auth=("prometheus", password)).text
    # Who takes the port of an exporter that is down is sent nothing: the certificate is asked for first.
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        httpx.get(kafka_figures, verify=other.client_context(), trust_env=False)
    known.close()
