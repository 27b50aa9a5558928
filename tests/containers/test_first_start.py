"""The first start draws secrets once, and each container gets its own and nobody else's."""

import json
import os
import stat
from pathlib import Path

import pytest

from compose.containers import first_start, installation, programs
from compose.local.credentials import HOST_NAMES, load_secrets
from compose.local.parts import airflow, controlplane
from compose.local.settings import EVERY_ADDRESS
from tests.containers.composition import services

SERVICES = services()


def _environment_of(service: str) -> dict[str, str]:
    return {name: str(value) for name, value in SERVICES[service]["environment"].items()}


@pytest.fixture
def volumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The volumes after a first start, all of them this user's: handing files to another takes root."""
    for name, value in _environment_of("first-start").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(first_start, "VOLUMES", tmp_path)
    monkeypatch.setattr(first_start, "OWNERS", dict.fromkeys(first_start.OWNERS, os.geteuid()))
    for name in ("LAKEHOUSE_DATA", "DATABASE_URL", "REDIS_URL", "ICEBERG_CATALOG_URI"):
        if name not in _environment_of("first-start"):
            monkeypatch.delenv(name, raising=False)
    first_start.main()
    return tmp_path


def _inside(volumes: Path, monkeypatch: pytest.MonkeyPatch, service: str, volume: str) -> installation.Settings:
    """The settings as the container of `service` reads them."""
    for name in _environment_of("first-start"):
        monkeypatch.delenv(name, raising=False)
    for name, value in _environment_of(service).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LAKEHOUSE_DATA", str(volumes / volume))
    return installation.settings()


def test_nothing_is_open_to_others(volumes: Path) -> None:
    paths = [path for path in volumes.rglob("*") if path.is_file()]
    assert paths
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in volumes.iterdir()} == {0o700}


def test_run_again_it_draws_nothing_anew(volumes: Path) -> None:
    before = {path: path.read_bytes() for path in volumes.rglob("*") if path.is_file()}
    first_start.main()
    assert {path: path.read_bytes() for path in volumes.rglob("*") if path.is_file()} == before


def test_each_container_knows_its_own_secrets_only(volumes: Path) -> None:
    drawn = load_secrets(volumes / "drawn")
    bucket = {"minio_pipeline"}
    lake = {"postgres_lake", *bucket}
    people = {"kafka_viewer", "kafka_operator", "kafka_admin"}
    people_read = {*people, "admin", "api_token", "grafana"}
    everywhere = {"postgres_controlplane", "redis", "own_name"}
    links = set(HOST_NAMES) - {"own_name"}
    of_the_lake = {*lake, "airflow", "spark_connect", "kafka_controlplane"}
    superusers = {"postgres", "postgres_airflow", "postgres_monitor", "minio_root", "kafka_broker", "kafka_stream"}
    known = {
        "web": {*everywhere, *links, *of_the_lake, *people_read, "django", "second_factor", "metrics"},
        "worker": {*everywhere, *of_the_lake},
        "generator": {*everywhere, "kafka_generator", "kafka_controlplane"},
        "beat": everywhere,
        "setup": {
            *("postgres_controlplane", "postgres_lake", "own_name", "django", "second_factor"),
            *(*people_read, *superusers, *bucket, "kafka_generator", "kafka_controlplane"),
        },
        "airflow": {
            *("postgres_airflow", "airflow", "airflow_fernet", "airflow_jwt", "airflow_api", "airflow_name"),
            *(*bucket, "spark_connect"),
        },
        "spark": {*lake, "spark_connect", "spark_ui", "spark_cluster", "kafka_stream"},
        "spark-master": {"spark_ui", "spark_cluster"},
        "bi": {*lake, "own_name"},
        "postgres-secrets": {"postgres"},
        "redis-secrets": {"redis"},
        "kafka-secrets": {"kafka_broker"},
        "kafka-agent": {"monitoring"},
        "minio-secrets": {"minio_root"},
        "grafana-secrets": {"grafana", "grafana_name"},
        "prometheus-secrets": {"metrics", "monitoring"},
        "postgres-exporter-secrets": {"postgres_monitor"},
        "redis-exporter-secrets": {"redis"},
    }
    for name in set(first_start.OWNERS) - {"drawn"}:
        said = "".join(path.read_text(errors="replace") for path in (volumes / name).iterdir())
        assert {secret for secret, value in drawn.items() if value in said} == known.get(name, set()), name


def test_the_control_plane_finds_every_part(volumes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = load_secrets(volumes / "drawn")
    settings = _inside(volumes, monkeypatch, "web", "web")
    variables = installation.variables(settings)
    assert variables["DATABASE_URL"] == (
        f"postgresql://controlplane:{drawn['postgres_controlplane']}@postgres:5432/controlplane"
    )
    assert variables["ICEBERG_CATALOG_URI"] == f"postgresql+psycopg://lake:{drawn['postgres_lake']}@postgres:5432/lake"
    assert variables["REDIS_URL"] == f"redis://:{drawn['redis']}@redis:6379/0"
    assert variables["S3_SECRET_KEY"] == drawn["minio_pipeline"]
    assert variables["KAFKA_BOOTSTRAP_SERVERS"] == "ecommerce-kafka:9092"
    local = {name for name, value in variables.items() if "127.0.0.1" in value}
    assert local == {"DJANGO_ALLOWED_HOSTS"}
    browsers = {name: variables[name] for name in ("AIRFLOW_PUBLIC_URL", "MINIO_CONSOLE_URL", "GRAFANA_URL")}
    assert browsers == {
        "AIRFLOW_PUBLIC_URL": f"http://{drawn['airflow_name']}.localhost:8082",
        "MINIO_CONSOLE_URL": f"http://{drawn['minio_name']}.localhost:9001",
        "GRAFANA_URL": f"http://{drawn['grafana_name']}.localhost:3000",
    }


@pytest.mark.parametrize("name", [*controlplane.PROGRAMS, "bi"])
def test_a_program_listens_for_the_network_and_shows_no_secret_in_its_arguments(
    name: str, volumes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _inside(volumes, monkeypatch, name, name)
    part = programs.part_of(name, settings, installation.variables(settings))
    assert "127.0.0.1" not in " ".join(part.command[:12])
    assert part.ports == {} or EVERY_ADDRESS in part.command
    drawn = load_secrets(volumes / "drawn")
    assert not [secret for secret, value in drawn.items() if value in " ".join(part.command)]


def test_airflow_has_a_database_of_its_own(volumes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = load_secrets(volumes / "drawn")
    settings = _inside(volumes, monkeypatch, "airflow-scheduler", "airflow")
    own = airflow.environment(settings, installation.variables(settings), installation.secrets(settings.data))
    assert own["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == (
        f"postgresql+psycopg2://airflow:{drawn['postgres_airflow']}@postgres:5432/airflow"
    )
    assert own["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://ecommerce-airflow:8082/execution/"
    assert own["AIRFLOW__API__BASE_URL"] == f"http://{drawn['airflow_name']}.localhost:8082"
    assert own["AIRFLOW__API__HOST"] == EVERY_ADDRESS
    assert own["AIRFLOW__CORE__FERNET_KEY"] == drawn["airflow_fernet"]


def test_the_names_of_minios_console_and_of_grafana_are_in_no_answer_to_strangers(volumes: Path) -> None:
    """MinIO sends its policy, and Grafana redirects to the root URL, under any host name."""
    drawn = load_secrets(volumes / "drawn")
    server = (volumes / "minio-secrets" / "server.env").read_text()
    assert "script-src http://*.localhost:9001;" in server
    assert drawn["minio_name"] not in server
    grafana = _environment_of("grafana")
    domain = volumes / "grafana-secrets" / Path(grafana["GF_SERVER_DOMAIN__FILE"]).name
    assert domain.read_text() == f"{drawn['grafana_name']}.localhost"
    assert (grafana["GF_SERVER_ENFORCE_DOMAIN"], grafana["GF_SERVER_ROOT_URL"]) == ("true", "http://127.0.0.1:8000")


def test_the_sign_in_is_there_for_a_person(volumes: Path) -> None:
    said = json.loads((volumes / "web" / "credentials.json").read_text())
    own_name = load_secrets(volumes / "drawn")["own_name"]
    assert said["url"] == "http://127.0.0.1:8000"
    assert said["browser_url"] == f"http://{own_name}.localhost:8000"
    assert said["username"] == "admin"
    assert json.loads((volumes / "setup" / "credentials.json").read_text()) == said
