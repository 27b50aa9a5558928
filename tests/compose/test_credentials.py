"""The files that hold passwords and addresses."""

import json
import re
import stat
from pathlib import Path

from dotenv import dotenv_values
from sqlalchemy.engine import make_url

from compose.local.credentials import (
    DATABASES,
    HOST_NAMES,
    draw_secrets,
    environment,
    load_secrets,
    write_files,
    write_private,
)
from compose.local.settings import VARIABLES, load
from spark_jobs.tls import ca_file

FILES = ("secrets.json", "credentials.json", "connections.json", "environment")


def test_every_file_is_its_owners_alone(tmp_path: Path) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path)}, root=tmp_path)
    write_files(settings, load_secrets(tmp_path))
    assert {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in FILES} == dict.fromkeys(FILES, 0o600)


def test_a_private_file_replaces_one_that_others_could_read(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_secrets_are_drawn_once_and_differ_between_installations(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = load_secrets(tmp_path / "one"), load_secrets(tmp_path / "two")
    assert load_secrets(tmp_path / "one") == one
    assert len(set(one.values()) | set(two.values())) == 2 * len(one)
    assert min(len(secret) for secret in one.values()) >= 16


def test_every_secret_that_is_drawn_has_128_bits() -> None:
    # Each letter of base64url has six. Host names are told to everybody who signs in.
    drawn = draw_secrets()
    assert {name for name, secret in drawn.items() if len(secret.rstrip("=")) * 6 < 128} == set(HOST_NAMES)


def test_a_secret_that_a_newer_release_asks_for_is_added(tmp_path: Path) -> None:
    before = load_secrets(tmp_path)
    kept = {name: secret for name, secret in before.items() if name != "redis"}
    (tmp_path / "secrets.json").write_text(json.dumps(kept))
    after = load_secrets(tmp_path)
    assert set(after) == set(before)
    assert {name: after[name] for name in kept} == kept


def test_the_environment_reads_back_as_it_was_written(tmp_path: Path) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path), "PORT_OFFSET": "7"}, root=tmp_path)
    written = write_files(settings, load_secrets(tmp_path))
    assert dict(dotenv_values(tmp_path / "environment")) == written
    assert set(written) - {"LAKEHOUSE_GIVEN"} == set(VARIABLES) - {"PORT_OFFSET", "STATIC_ROOT", "MINIO_BINARY"}
    assert written["WEB_PORT"] == "8007"


def test_each_database_has_a_role_of_its_own(tmp_path: Path) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path)}, root=tmp_path)
    drawn = load_secrets(tmp_path)
    variables = environment(settings, drawn)
    lake, control_plane = make_url(variables["ICEBERG_CATALOG_URI"]), make_url(variables["DATABASE_URL"])
    assert (lake.drivername, lake.username, lake.database) == ("postgresql+psycopg", "lake", "lake")
    assert (control_plane.username, control_plane.database) == ("controlplane", "controlplane")
    assert len({drawn[f"postgres_{name}"] for name in DATABASES}) == 3


def test_beside_a_given_database_the_catalogue_is_on_the_same_server(tmp_path: Path) -> None:
    given = "postgresql://me:p%40ss@db.example:5432/controlplane?application_name=own"
    settings = load({"LAKEHOUSE_DATA": str(tmp_path), "DATABASE_URL": given}, root=tmp_path)
    variables = environment(settings, load_secrets(tmp_path))
    verified = f"sslmode=verify-full&sslrootcert={ca_file({})}"
    assert variables["DATABASE_URL"] == f"{given}&{verified}"
    assert variables["ICEBERG_CATALOG_URI"] == (
        f"postgresql+psycopg://me:p%40ss@db.example:5432/lake?application_name=own&{verified}"
    )


def test_the_connections_hold_what_scripts_lean_on(tmp_path: Path) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path)}, root=tmp_path)
    drawn = load_secrets(tmp_path)
    write_files(settings, drawn)
    connections = json.loads((tmp_path / "connections.json").read_text())
    assert {
        key: connections[key] for key in ("kafka", "topic", "spark_remote", "airflow", "airflow_username", "bi")
    } == {
        "kafka": "127.0.0.1:9092",
        "topic": "ecommerce.events",
        "spark_remote": f"sc://localhost:15002/;token={drawn['spark_connect']}",
        "airflow": "http://127.0.0.1:8082",
        "airflow_username": "svc",
        "bi": f"http://{drawn['own_name']}.localhost:8000/bi/",
    }
    assert connections["kafka_clients"] == {
        role: {
            "bootstrap.servers": "127.0.0.1:9092",
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": role,
            "sasl.password": drawn[f"kafka_{role}"],
        }
        for role in ("viewer", "operator", "admin")
    }
    assert connections["catalog"]["type"] == "sql"
    assert connections["catalog"]["warehouse"] == (tmp_path / "warehouse").as_uri()
    assert connections["redis"] == f"redis://:{drawn['redis']}@127.0.0.1:6380/0"
    credentials = json.loads((tmp_path / "credentials.json").read_text())
    assert credentials == {
        "url": "http://127.0.0.1:8000",
        "browser_url": f"http://{drawn['own_name']}.localhost:8000",
        "username": "admin",
        "password": drawn["admin"],
        "api_token": drawn["api_token"],
    }


def test_people_open_the_application_under_a_name_that_nobody_can_guess(tmp_path: Path) -> None:
    names = []
    for data in (tmp_path / "one", tmp_path / "two"):
        data.mkdir()
        settings = load({"LAKEHOUSE_DATA": str(data), "WEB_PORT": "8123"}, root=tmp_path)
        address = environment(settings, load_secrets(data))["PUBLIC_URL"]
        assert environment(settings, load_secrets(data))["PUBLIC_URL"] == address
        found = re.fullmatch(r"http://(lakehouse-[a-z0-9]{10})\.localhost:8123", address)
        assert found
        names.append(found[1])
    assert names[0] != names[1]


def test_each_program_with_a_session_has_a_host_name_of_its_own(tmp_path: Path) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path), "STORAGE": "minio", "PORT_OFFSET": "5"}, root=tmp_path)
    drawn = load_secrets(tmp_path)
    known = write_files(settings, drawn)
    addresses = [known[name] for name in ("AIRFLOW_PUBLIC_URL", "MINIO_CONSOLE_URL")]
    assert addresses == [
        f"http://{drawn['airflow_name']}.localhost:8087",
        f"http://{drawn['minio_name']}.localhost:9006",
    ]
    assert len({drawn[name] for name in HOST_NAMES}) == len(HOST_NAMES)
    # Programs have no name server that knows them.
    connections = json.loads((tmp_path / "connections.json").read_text())
    assert (known["AIRFLOW_URL"], connections["airflow"]) == ("http://127.0.0.1:8087",) * 2
    assert (connections["airflow_browser_url"], connections["minio_console"]) == tuple(addresses)


def test_an_external_airflow_has_its_own_name(tmp_path: Path) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path), "AIRFLOW_URL": "https://airflow.example"}, root=tmp_path)
    assert environment(settings, load_secrets(tmp_path))["AIRFLOW_PUBLIC_URL"] == "https://airflow.example"


def test_a_name_that_a_person_has_set_is_everybodys(tmp_path: Path) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path), "PUBLIC_URL": "https://lake.example"}, root=tmp_path)
    write_files(settings, load_secrets(tmp_path))
    credentials = json.loads((tmp_path / "credentials.json").read_text())
    assert credentials["url"] == credentials["browser_url"] == "https://lake.example"
