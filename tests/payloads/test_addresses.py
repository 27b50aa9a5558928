"""No text of anybody's decides which server is asked: every place that takes one is tried with every address."""

import asyncio
import json
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.types import NestedField, StringType
from pytest_django.fixtures import Settings

from compose.local import health
from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.bi import probe as bi_probe
from controlplane.gateway import websocket
from controlplane.gateway.application import Refused, _rest
from controlplane.gateway.http import client_for
from controlplane.gateway.upstreams import Upstream
from controlplane.lakehouse.adapters.iceberg import IcebergCatalog
from controlplane.lakehouse.ports import CatalogError, TableMissingError
from controlplane.links import producer
from controlplane.monitoring.runbooks import runbook
from controlplane.orchestration.adapters.airflow import AirflowWorkflowEngine
from controlplane.orchestration.models import DagRun
from controlplane.orchestration.ports import WorkflowError
from controlplane.orchestration.selectors import airflow_address
from controlplane.scenarios.generator.document import check
from controlplane.scenarios.generator.errors import DocumentError
from controlplane.scenarios.generator.reading import plain
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.resolution import completed
from controlplane.scenarios.generator.recording.store import recording_store
from controlplane.web.proxies import ForwardedHeaders
from spark_jobs.object_store import ObjectStore
from spark_jobs.object_store_check import StoreError
from spark_jobs.object_store_check import check as check_store
from tests.adapters import Adapters
from tests.pages import Visitor
from tests.payloads import addresses
from tests.payloads.guard import Guard, guarding, serving
from tests.payloads.markup import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guard]:
    with guarding(monkeypatch) as found:
        yield found
        assert found.quiet, f"The canary was asked for {found.asked}; elsewhere: {found.left}"


def _error(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["error"]
    return found


# --- Requests ---------------------------------------------------------------------------------------------------------


def _dag(client: Client, text: str) -> None:
    answer = client.post("/api/v1/dag-runs", json.dumps({"dag_id": text}), content_type="application/json")
    if text == "connections":  # a name that a DAG may have
        assert answer.status_code == 202
        return
    assert answer.status_code == 422
    assert _error(answer)["message"].startswith("dag_id: ")


def _job(client: Client, text: str) -> None:
    answer = client.post("/api/v1/spark-jobs", json.dumps({"job": text}), content_type="application/json")
    assert (answer.status_code, _error(answer)["message"]) == (422, f"job: {text} does not exist.")


def _table(client: Client, text: str) -> None:
    for path in (f"/api/v1/tables/{quote(text, safe='')}/x", f"/lakehouse/silver/{quote(text, safe='')}/"):
        # A slash in it makes another address, of which there is none.
        assert client.get(path).status_code in (404, 422)


def _recording(client: Client, text: str) -> None:
    for path in (f"/api/v1/recordings/{quote(text, safe='')}", f"/scenarios/recordings/{quote(text, safe='')}/"):
        assert client.get(path).status_code in (404, 422)
    with pytest.raises(RecordingError, match=r"Invalid SHA-256 .* of a recording"):
        recording_store().file(text)


def _source(client: Client, text: str) -> None:
    document = {"name": "x", "source": {"recording": text, "mapping": "rees46"}}
    answer = client.post("/api/v1/scenarios", json.dumps({"document": document}), content_type="application/json")
    assert answer.status_code == 422
    assert "source.recording" in json.dumps(answer.json())


def _next(client: Client, text: str) -> None:
    stranger = Client()
    User.objects.create_user("sven", password="correct horse battery staple")
    said = {"username": "sven", "password": "correct horse battery staple", "next": text}
    answer = stranger.post("/sign-in/", said)
    assert answer.status_code == 302
    assert _leads(answer["Location"]) == "testserver"
    answer = client.post("/session/", {"next": text}, headers={"origin": settings.PUBLIC_URL})
    assert _leads(answer["Location"]) == "testserver"


def _leads(location: str) -> str:
    """The host that a browser goes to, which takes backslashes for slashes and leaves out tabs and line breaks."""
    plain_text = "".join(letter for letter in location if letter not in "\t\r\n").replace("\\", "/").strip()
    return str(httpx.URL("http://testserver/sign-in/").join(plain_text).host)


def _referer(client: Client, text: str) -> None:
    for referer in (text, f"http://testserver{text}", f"http://testserver/{text}"):
        plain_text = referer.encode("ascii", "replace").decode().replace("\r", "").replace("\n", "")
        answer = client.post("/runs/jobs/", {"job": "x", "request_id": uuid.uuid4()}, HTTP_REFERER=plain_text)
        assert answer.status_code == 302
        assert _leads(answer["Location"]) == "testserver"


def _host(client: Client, text: str) -> None:
    plain_text = text.encode("ascii", "replace").decode().replace("\r", "").replace("\n", "")
    host = (urlsplit(plain_text.strip().replace("\\", "/")).netloc if "://" in plain_text else plain_text) or plain_text
    if host.partition(":")[0].rstrip(".") in ("127.0.0.1", "localhost"):
        return
    answer = client.get("/sign-in/", HTTP_HOST=host)
    assert answer.status_code == 400
    forged = {
        "HTTP_X_FORWARDED_HOST": plain_text,
        "HTTP_X_FORWARDED_SERVER": plain_text,
        "HTTP_X_ORIGINAL_URL": plain_text,
    }
    answer = client.get("/api/v1/openapi.json", **forged)
    assert answer.json().get("servers", []) == []


def _view(client: Client, text: str) -> None:
    client.get("/bi/")  # shows what the requests before it have to say
    plain_page, page = (Page.of(client.get("/bi/", given).content.decode()) for given in ({}, {"view": text}))
    assert (page.structure, page.addresses) == (plain_page.structure, plain_page.addresses)


def _time_zone(client: Client, text: str) -> None:
    answer = client.patch("/api/v1/me", json.dumps({"time_zone": text}), content_type="application/json")
    assert answer.status_code == 422
    assert _error(answer)["message"].startswith("time zone: ")


def _runbook(client: Client, text: str) -> None:
    assert runbook(text) is None
    assert client.get(f"/runbooks/{quote(text, safe='')}/").status_code == 404


REQUESTS: dict[str, Callable[[Client, str], None]] = {
    "dag_id": _dag, "job": _job, "table": _table, "recording": _recording, "source.recording": _source, "next": _next,
    "Referer": _referer, "Host": _host, "view": _view, "time_zone": _time_zone, "runbook": _runbook,
}  # fmt: skip


# Every address is tried in a third of the places, and every place with a third of each kind of address.
PLACES = [list(REQUESTS)[number::3] for number in range(3)]


@pytest.mark.parametrize(("text", "places"), [(text, PLACES[n % 3]) for n, text in enumerate(addresses.EVERY)])
def test_a_request_leads_nowhere_else(
    text: str,
    places: list[str],
    operator: Visitor,
    guard: Guard,
    monkeypatch: pytest.MonkeyPatch,
    adapters: Adapters,
    settings: Settings,
    tmp_path: Path,
) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
    operator.raise_request_exception = False
    monkeypatch.setenv("RECORDINGS", str(tmp_path))
    adapters.use(catalog=_Empty())
    for place in places:
        REQUESTS[place](operator, guard.text(text))


class _Empty:
    def heads(self) -> dict[str, str]:
        return {}

    def table(self, name: str) -> Any:
        raise TableMissingError(f"The catalogue has no table {name}.")


# --- What the adapters are given --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", addresses.EVERY)
def test_an_id_asks_airflow_and_nobody_else(text: str, guard: Guard) -> None:
    paths: list[str] = []

    def airflow(path: str) -> tuple[int, dict[str, str], bytes]:
        if path == "/auth/token":
            return 201, {"Content-Type": "application/json"}, b'{"access_token": "a.e30.c"}'
        paths.append(path.partition("?")[0])
        return 404, {"Content-Type": "application/json"}, b'{"detail": "not here"}'

    value = guard.text(text)
    with serving(airflow) as port:
        guard.allowed = {("127.0.0.1", port)}
        engine = AirflowWorkflowEngine(f"http://127.0.0.1:{port}", "svc", "secret")
        for ask in (
            lambda: engine.run(value, "run"),
            lambda: engine.run("medallion", value),
            lambda: engine.log("medallion", "run", value, 1),
        ):
            with pytest.raises(WorkflowError):
                ask()
        engine._client.rest_client.pool_manager.clear()
    for path in paths:
        assert path.startswith("/api/v2/dags/")
        # A run, or the log of a task of one.
        assert path.count("/") in (6, 10)
        assert value in [unquote(segment) for segment in path.split("/")]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[IcebergCatalog, SqlCatalog]]:
    folder = tmp_path_factory.mktemp("lake")
    uri = f"sqlite:///{folder}/catalog.db"
    writer = SqlCatalog("lake", uri=uri, warehouse=folder.as_uri())
    writer.create_namespace("silver")
    writer.create_table("silver.events", Schema(NestedField(1, "event_id", StringType(), required=False)))
    reader = IcebergCatalog(uri=uri, warehouse=folder.as_uri())
    yield reader, writer
    reader.close()
    writer.engine.dispose()


@pytest.mark.parametrize("text", addresses.EVERY)
def test_a_tables_metadata_is_read_from_the_warehouses_server_only(
    text: str, guard: Guard, lake: tuple[IcebergCatalog, SqlCatalog]
) -> None:
    from pyiceberg.catalog.sql import IcebergTables
    from sqlalchemy import update

    reader, writer = lake
    with writer.engine.begin() as connected:
        connected.execute(update(IcebergTables).values(metadata_location=guard.text(text)))
    with pytest.raises(CatalogError, match=r"Unreadable metadata|can't be read|has no metadata file"):
        reader.table("silver.events")
    with pytest.raises(TableMissingError):
        reader.table(guard.text(text))


@pytest.mark.parametrize("text", addresses.EVERY)
def test_a_link_stays_in_its_place(text: str, guard: Guard, settings: Settings) -> None:
    settings.AIRFLOW_PUBLIC_URL = "http://airflow.example:8082"
    value = guard.text(text)
    link = airflow_address(DagRun(dag_id=value, run_id=value))
    assert link.startswith("http://airflow.example:8082/dags/")
    # Airflow's pages have no address for a run whose id holds a slash: the link leads to the list of the DAG's runs.
    assert link.count("/") == 6 or (link.count("/") == 5 and link.endswith("/runs"))
    made = producer("silver.events", f"x__{value}").url
    assert made.startswith(("/runs/dag/x__", "/runs/dag/="))
    assert (made.count("/"), "?" in made, "#" in made) == (4, False, False)


def _passed_on(upstream: Upstream, scope: dict[str, Any]) -> str | None:
    """What is asked for below the upstream's path; None where the gateway refuses."""
    try:
        return _rest(upstream, scope)
    except Refused as refused:
        return None if refused.answer.status in (302, 404) else f"refused with {refused.answer.status}"


@pytest.mark.parametrize("text", addresses.EVERY)
def test_the_gateway_passes_on_what_stays_below_its_path(text: str, guard: Guard) -> None:
    upstream = Upstream("spark", "Spark", "/spark/", f"http://127.0.0.1:{guard.port}", Role.OPERATOR, "")
    for path in (f"/spark/{guard.text(text)}", f"/spark{guard.text(text)}", f"/spark/{quote(guard.text(text))}"):
        scope = {"raw_path": path.encode("latin-1", "replace"), "path": unquote(path)}
        rest = _passed_on(upstream, scope)
        if rest is None:
            continue
        address = httpx.URL(upstream.origin + upstream.path_of(rest))
        assert (address.scheme, address.host, address.port) == ("http", "127.0.0.1", guard.port)
        assert ".." not in unquote(address.path).split("/")
        assert "\\" not in unquote(address.path)


@pytest.mark.parametrize("text", addresses.EVERY)
def test_no_forwarding_header_of_a_stranger_counts(text: str, guard: Guard) -> None:
    seen: list[dict[str, Any]] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope)

    value = guard.text(text).encode("latin-1", "replace")
    names = ("x-forwarded-host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-prefix", "forwarded", "x-real-ip")
    scope = {
        "type": "http",
        "scheme": "http",
        "client": ("192.0.2.7", 9),
        "headers": [(n.encode(), value) for n in names],
    }
    for proxies in ([], ["192.0.2.7"]):
        asyncio.run(ForwardedHeaders(application, proxies=proxies)(scope, None, None))
        assert seen[-1]["headers"] == []
        assert seen[-1]["client"] == ("192.0.2.7", 9)


@pytest.mark.parametrize("text", addresses.EVERY)
def test_a_document_names_a_recording_by_its_digest_only(text: str, guard: Guard) -> None:
    with pytest.raises(DocumentError, match=r"source\.recording"):
        completed(check({"name": "x", "source": {"recording": guard.text(text), "mapping": "rees46"}}))


# --- Peers that lead elsewhere ----------------------------------------------------------------------------------------


def _peer(guard: Guard, status: int) -> Callable[[str], tuple[int, dict[str, str], bytes]]:
    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        if path == "/auth/token" and status != 307:
            return 201, {"Content-Type": "application/json"}, b'{"access_token": "a.e30.c"}'
        return status, {"Location": f"http://127.0.0.1:{guard.port}{path}"}, b""

    return answer


def _ask_airflow(port: int) -> None:
    engine = AirflowWorkflowEngine(f"http://127.0.0.1:{port}", "svc", "secret")
    for ask in (engine.health, engine.runs, lambda: engine.trigger("medallion", "run", {})):
        with pytest.raises(WorkflowError):
            ask()
    engine._client.rest_client.pool_manager.clear()


def _ask_health(port: int) -> None:
    assert health.answers(f"http://127.0.0.1:{port}/x", token="canary").startswith("returned status 30")


def _ask_store(port: int) -> None:
    with pytest.raises(StoreError):
        check_store(ObjectStore(f"http://127.0.0.1:{port}", "key", "canary", "us-east-1", "lake"))


def _ask_through_the_gateway(port: int) -> None:
    async def ask() -> None:
        upstream = Upstream("spark", "Spark", "/spark/", f"http://127.0.0.1:{port}", Role.OPERATOR, "")
        async with client_for(upstream) as client:
            answer = await client.get(f"{upstream.origin}/jobs/")
            assert answer.is_redirect
        with pytest.raises(websocket.UpstreamAwayError):
            await websocket.open_connection(upstream, "/stream", [])

    asyncio.run(ask())


PEERS: dict[str, Callable[[int], None]] = {
    "Airflow": _ask_airflow, "the health of a part": _ask_health, "the object storage": _ask_store,
    "the gateway": _ask_through_the_gateway,
}  # fmt: skip


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("peer", PEERS)
def test_a_redirect_of_a_peer_is_not_followed(peer: str, status: int, guard: Guard) -> None:
    with serving(_peer(guard, status)) as port:
        guard.allowed = {("127.0.0.1", port)}
        PEERS[peer](port)


def test_the_dashboards_elsewhere_are_asked_at_their_address_only(guard: Guard, settings: Settings) -> None:
    with serving(_peer(guard, 302)) as port:
        guard.allowed = {("127.0.0.1", port)}
        settings.BI_URL = f"http://127.0.0.1:{port}"
        assert bi_probe.look().detail == {"url": settings.BI_URL}


def test_no_proxy_of_the_environment_gets_a_password(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{guard.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serving(_peer(guard, 404)) as port:
        guard.allowed = {("127.0.0.1", port)}
        _ask_airflow(port)
        assert health.answers(f"http://127.0.0.1:{port}/x", token="canary") == "returned status 404"
        _ask_store(port)


def test_the_guard_sees_what_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    with guarding(monkeypatch) as guard:
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{guard.port}/", trust_env=False)
        with pytest.raises(httpx.ConnectError):
            httpx.get("http://rebound.example/", trust_env=False)
        with pytest.raises(ConnectionRefusedError), socket.socket() as raw:
            raw.connect(("127.0.0.1", guard.port))
        port = guard.port
        assert guard.left == [("127.0.0.1", port), "rebound.example", ("127.0.0.1", port)]
        guard.allowed = {("127.0.0.1", port)}
        assert httpx.get(f"http://127.0.0.1:{port}/x", trust_env=False).text == "{}"
        assert guard.asked == ["/x"]
    assert connection.vendor == "postgresql"
    assert plain("name: x") == {"name": "x"}
