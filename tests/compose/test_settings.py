"""Ports, folders and addresses from the environment."""

from pathlib import Path

import pytest

from compose.local.errors import InstallationError
from compose.local.settings import DEFAULT_PORTS, load


def test_defaults(tmp_path: Path) -> None:
    settings = load({}, root=tmp_path)
    assert settings.data == tmp_path / "var"
    assert dict(settings.ports) == dict(DEFAULT_PORTS)
    assert settings.external_parts == frozenset()


def test_the_offset_moves_every_port_but_one_that_is_set(tmp_path: Path) -> None:
    settings = load({"PORT_OFFSET": "100", "WEB_PORT": "9999"}, root=tmp_path)
    assert settings.port("WEB_PORT") == 9999
    assert {name: port - DEFAULT_PORTS[name] for name, port in settings.ports.items() if name != "WEB_PORT"} == {
        name: 100 for name in DEFAULT_PORTS if name != "WEB_PORT"
    }


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WEB_PORT=7000\nAIRFLOW_PORT=7001\nLAKEHOUSE_DATA=elsewhere\n")
    settings = load({"WEB_PORT": "7500"}, root=tmp_path)
    assert (settings.port("WEB_PORT"), settings.port("AIRFLOW_PORT")) == (7500, 7001)
    assert settings.data == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"PORT_OFFSET": "ten"}, "PORT_OFFSET is 'ten'"),
        ({"KAFKA_PORT": "9092x"}, "KAFKA_PORT is '9092x'"),
        ({"PORT_OFFSET": "60000"}, "which is not a valid port"),
        ({"WEB_PORT": "0"}, "WEB_PORT is 0"),
        ({"WEB_PORT": "8082"}, "WEB_PORT and AIRFLOW_PORT are both 8082"),
    ],
)
def test_ports_that_cannot_be(tmp_path: Path, environ: dict[str, str], said: str) -> None:
    with pytest.raises(InstallationError, match=said):
        load(environ, root=tmp_path)


def test_an_address_that_a_person_gives_replaces_the_part(tmp_path: Path) -> None:
    settings = load({"KAFKA_BOOTSTRAP_SERVERS": "broker:9092", "AIRFLOW_URL": "https://airflow.example"}, root=tmp_path)
    assert settings.external_parts == {"kafka", "airflow-api-server", "airflow-scheduler", "airflow-dag-processor"}


def test_the_installations_own_addresses_are_not_taken_for_given_ones(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "environment").write_text(
        "REDIS_URL='redis://:own@127.0.0.1:6380/0'\nSPARK_REMOTE='sc://given:15002'\nLAKEHOUSE_GIVEN='SPARK_REMOTE'\n"
    )
    sourced = {"REDIS_URL": "redis://:own@127.0.0.1:6380/0", "SPARK_REMOTE": "sc://given:15002"}
    assert load(sourced, root=tmp_path).external_parts == {"spark"}
    assert load(sourced | {"REDIS_URL": "redis://other:6379/0"}, root=tmp_path).external_parts == {"spark", "redis"}
