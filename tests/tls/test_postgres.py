"""PostgreSQL over TLS: Django's connections, the lake's catalogue, and what `make up` and the pages say about it."""

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dj_database_url
import pytest
from django.db import OperationalError
from django.db.utils import ConnectionHandler
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from compose.local.credentials import draw_secrets, environment
from compose.local.errors import InstallationError
from compose.local.parts import airflow
from compose.local.parts.postgres import make_databases
from compose.local.settings import load
from controlplane.lakehouse.adapters.iceberg import IcebergCatalog
from controlplane.lakehouse.ports import CatalogUnreachableError
from controlplane.web import database
from controlplane.web.errors import database_away
from spark_jobs.certificates import certificate_problem
from spark_jobs.tls import postgres_url
from tests.adapters import Adapters
from tests.tls.authority import GOOD, REFUSED, Authority, no_tls, vague_problem
from tests.tls.front import tls_front


def _url(port: int, scheme: str = "postgresql") -> str:
    return postgres_url("DATABASE_URL", f"{scheme}://postgres@localhost:{port}/postgres?sslmode=verify-full")


def _database(port: int) -> dict[str, Any]:
    found: dict[str, Any] = {**dj_database_url.parse(_url(port))}
    found["OPTIONS"]["connect_timeout"] = 60
    return found


def _select(port: int) -> Any:
    """What Django's own connection reads: whether the server's side of it is encrypted by the front."""
    handler = ConnectionHandler({"default": _database(port)})
    connection = handler["default"]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 40 + 2")
            assert connection.connection.pgconn.ssl_in_use
            return cursor.fetchone()
    finally:
        connection.close()


@pytest.fixture
def _unblocked(django_db_blocker: Any) -> Iterator[None]:
    """The connections here are the tests' own, beside the test database."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.lakehouse.adapters.iceberg.CONNECT_SECONDS", 60)


def test_another_name_of_the_host_is_verified_without_being_asked_for(trusted: Authority) -> None:
    found = dj_database_url.parse(postgres_url("DATABASE_URL", "postgresql://u:p@db.example/controlplane"))
    assert found["OPTIONS"] == {"sslmode": "verify-full", "sslrootcert": str(trusted.file)}


@pytest.mark.usefixtures("_patient", "_unblocked")
def test_django_and_the_catalogue_reach_a_trusted_server(postgres_socket: Path, trusted: Authority) -> None:
    with tls_front(postgres_socket, trusted.context(GOOD), postgres=True) as port:
        assert _select(port) == (42,)
        catalog = IcebergCatalog(uri=_url(port, "postgresql+psycopg"), warehouse="file:///nowhere")
        assert catalog.heads() == {}
        catalog.close()


@pytest.mark.usefixtures("_patient", "_unblocked")
@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_certificate_is_refused_with_its_remedy(case: str, postgres_socket: Path, trusted: Authority) -> None:
    with tls_front(postgres_socket, trusted.context(case), postgres=True) as port:
        with pytest.raises(OperationalError, match="certificate"):
            _select(port)
        catalog = IcebergCatalog(uri=_url(port, "postgresql+psycopg"), warehouse="file:///nowhere")
        with pytest.raises(CatalogUnreachableError) as refused:
            catalog.heads()
        catalog.close()
        assert str(refused.value) == vague_problem(case, "the catalog's database", f"localhost:{port}")
        with pytest.raises(InstallationError) as stopped:
            make_databases(_url(port), {}, with_roles=False)
        assert str(stopped.value) == vague_problem(case, "PostgreSQL", f"localhost:{port}")


CONNECT = """\
import sys
from sqlalchemy import create_engine, text
with create_engine(sys.argv[1]).connect() as connection:
    print(connection.execute(text("SELECT 40 + 2")).scalar(), end="")
"""


@pytest.mark.parametrize("case", [GOOD, *REFUSED])
def test_airflow_reaches_its_database(case: str, postgres_socket: Path, trusted: Authority, tmp_path: Path) -> None:
    """With the address that Airflow is given, in Airflow's own environment."""
    with tls_front(postgres_socket, trusted.context(case), postgres=True) as port:
        given = {
            "LAKEHOUSE_DATA": str(tmp_path),
            "TLS_CA_FILE": str(trusted.file),
            "DATABASE_URL": f"postgresql://postgres@localhost:{port}/postgres?sslmode=verify-full",
        }
        settings, drawn = load(given), draw_secrets()
        own = airflow.environment(settings, environment(settings, drawn), drawn)
        address = own["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("/airflow?", "/postgres?")
        command = [str(settings.airflow), "-W", "ignore", "-c", CONNECT, address]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if case == GOOD:
        assert (done.returncode, done.stdout) == (0, "42")
    else:
        assert done.returncode == 1
        told = vague_problem(case, "PostgreSQL", f"localhost:{port}")
        assert certificate_problem(done.stderr, "PostgreSQL", f"localhost:{port}") == told


@pytest.mark.usefixtures("trusted")
def test_a_server_without_tls_is_refused() -> None:
    """It answers the question for TLS with no, as the wheel's server does on TCP."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def say_no() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(8)
                connection.sendall(b"N")
                connection.recv(1)

        thread = threading.Thread(target=say_no)
        thread.start()
        with pytest.raises(InstallationError) as stopped:
            make_databases(_url(port), {}, with_roles=False)
        thread.join(30)
    assert str(stopped.value) == no_tls("PostgreSQL", f"localhost:{port}")


@pytest.mark.parametrize("case", REFUSED)
def test_the_page_names_the_certificate(
    case: str,
    postgres_socket: Path,
    trusted: Authority,
    settings: Settings,
    adapters: Adapters,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    adapters.use(database_watch=database.DatabaseWatch())
    with tls_front(postgres_socket, trusted.context(case), postgres=True) as port:
        monkeypatch.setitem(settings.DATABASES, "default", _database(port))
        database.suspect()
        assert not database.database_answers()
        answer = database_away(RequestFactory().get("/api/v1/runs"))
    what, remedy = vague_problem(case, "PostgreSQL", f"localhost:{port}").split(". ", 1)
    assert json.loads(answer.content)["error"] == {"code": "database_down", "message": f"{what}.", "remedy": remedy}
