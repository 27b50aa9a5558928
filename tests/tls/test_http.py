"""https to Airflow, to Spark's user interface behind the gateway, to dashboards elsewhere and to object storage."""

import asyncio
import json

import httpx
import pytest
from pyiceberg.io import load_file_io
from pytest_django.fixtures import Settings

from controlplane.accounts.roles import Role
from controlplane.bi import probe
from controlplane.gateway.application import _answer
from controlplane.gateway.http import client_for
from controlplane.gateway.upstreams import Upstream
from controlplane.health.models import PartState
from controlplane.orchestration.adapters import airflow as adapter
from controlplane.orchestration.adapters.airflow import AirflowWorkflowEngine
from controlplane.orchestration.ports import WorkflowUnreachableError
from spark_jobs import object_store, object_store_check
from spark_jobs.object_store import ObjectStore
from spark_jobs.object_store_check import StoreError, check
from tests.tls.authority import GOOD, REFUSED, Authority, no_tls, problem
from tests.tls.conftest import http_server
from tests.tls.front import tls_front

HEALTH = {
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": "2026-01-02T03:04:05+00:00"},
    "triggerer": {"status": None, "latest_triggerer_heartbeat": None},
    "dag_processor": {"status": "healthy", "latest_dag_processor_heartbeat": "2026-01-02T03:04:06+00:00"},
}
# A JWT that ends in 2100: header, claims and signature.
TOKEN = "e30.eyJleHAiOiA0MTAyNDQ0ODAwfQ.x"
ANSWERS = {
    "/auth/token": json.dumps({"access_token": TOKEN}).encode(),
    "/api/v2/monitor/health": json.dumps(HEALTH).encode(),
    "/jobs/": b"Spark's jobs",
    "/": b"dashboards",
    "/lakehouse/.lakehouse/look": b"",
    "/lakehouse/warehouse/metadata.json": b"{}",
}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine needs longer for a handshake than a page waits."""
    monkeypatch.setattr(adapter, "TIMEOUT", (30.0, 30.0))
    monkeypatch.setattr(probe, "SECONDS", 30.0)
    for module in (object_store, object_store_check):
        monkeypatch.setattr(module, "CONNECT_SECONDS", 30)
        monkeypatch.setattr(module, "REQUEST_SECONDS", 30)


def _store(port: int) -> ObjectStore:
    return ObjectStore(f"https://localhost:{port}", "key", "secret", "us-east-1", "lakehouse")


def _spark(port: int) -> Upstream:
    return Upstream("spark", "Spark's user interface", "/spark/", f"https://localhost:{port}", Role.OPERATOR, "")


async def _ask(upstream: Upstream) -> httpx.Response:
    async with client_for(upstream) as client:
        return await client.get(f"{upstream.origin}/jobs/")


def test_airflow_is_signed_in_to_and_asked(trusted: Authority) -> None:
    with http_server(ANSWERS) as (behind, seen), tls_front(behind, trusted.context(GOOD)) as port:
        health = AirflowWorkflowEngine(f"https://localhost:{port}", "svc", "secret").health()
    assert health.database_healthy
    assert [(method, path) for method, path, _ in seen] == [("POST", "/auth/token"), ("GET", "/api/v2/monitor/health")]


@pytest.mark.parametrize("case", REFUSED)
def test_airflow_with_a_wrong_certificate_gets_no_password(case: str, trusted: Authority) -> None:
    with http_server(ANSWERS) as (behind, seen), tls_front(behind, trusted.context(case)) as port:
        url = f"https://localhost:{port}"
        engine = AirflowWorkflowEngine(url, "svc", "secret")
        with pytest.raises(WorkflowUnreachableError) as refused:
            engine.health()
        assert str(refused.value) == problem(case, "Airflow", url)
        # The client of the API itself, once there is a token.
        engine._token._text, engine._token._until = TOKEN, float("inf")
        with pytest.raises(WorkflowUnreachableError) as refused:
            engine.health()
        assert str(refused.value) == problem(case, "Airflow", url)
    assert seen == []


@pytest.mark.usefixtures("trusted")
def test_airflow_without_tls_gets_no_password() -> None:
    with http_server(ANSWERS) as (port, seen), pytest.raises(WorkflowUnreachableError) as refused:
        AirflowWorkflowEngine(f"https://localhost:{port}", "svc", "secret").health()
    assert str(refused.value) == no_tls("Airflow", f"https://localhost:{port}")
    assert seen == []


def test_the_gateway_reaches_sparks_pages(trusted: Authority) -> None:
    with http_server(ANSWERS) as (behind, _), tls_front(behind, trusted.context(GOOD)) as port:
        assert asyncio.run(_ask(_spark(port))).content == b"Spark's jobs"


@pytest.mark.parametrize("case", REFUSED)
def test_the_gateway_says_what_is_wrong_with_the_certificate(case: str, trusted: Authority) -> None:
    with (
        http_server(ANSWERS) as (behind, seen),
        tls_front(behind, trusted.context(case)) as port,
        pytest.raises(httpx.ConnectError) as refused,
    ):
        asyncio.run(_ask(_spark(port)))
    answer = _answer(_spark(port), refused.value)
    told = problem(case, "Spark's user interface", f"https://localhost:{port}")
    assert (answer.status, f"{answer.message} {answer.remedy}") == (502, told)
    assert seen == []


@pytest.mark.parametrize("case", [GOOD, *REFUSED])
def test_dashboards_elsewhere(case: str, trusted: Authority, settings: Settings) -> None:
    with http_server(ANSWERS) as (behind, _), tls_front(behind, trusted.context(case)) as port:
        settings.BI_URL = f"https://localhost:{port}"
        reading = probe.look()
    if case == GOOD:
        assert (reading.state, reading.summary) == (PartState.UP, "Healthy.")
    else:
        told = problem(case, "the dashboards", settings.BI_URL)
        assert (reading.state, reading.summary) == (PartState.DOWN, f"Streamlit at {settings.BI_URL}: {told}")


def test_object_storage_is_read_and_written(trusted: Authority) -> None:
    with http_server(ANSWERS) as (behind, seen), tls_front(behind, trusted.context(GOOD)) as port:
        store = _store(port)
        check(store)
        address = "s3://lakehouse/warehouse/metadata.json"
        properties = {**store.page_properties(), "s3.connect-timeout": "30", "s3.request-timeout": "30"}
        with load_file_io(properties, address).new_input(address).open() as stream:
            assert stream.read() == b"{}"
        files, path = object_store.file_system(address, store)
        with files.open_input_stream(path) as stream:
            assert stream.read() == b"{}"
    assert {method for method, _, _ in seen} == {"PUT", "HEAD", "GET"}


@pytest.mark.parametrize("case", REFUSED)
def test_object_storage_with_a_wrong_certificate_gets_nothing(case: str, trusted: Authority) -> None:
    with http_server(ANSWERS) as (behind, seen), tls_front(behind, trusted.context(case)) as port:
        store = _store(port)
        with pytest.raises(StoreError) as refused:
            check(store)
        assert (refused.value.kind, str(refused.value)) == (
            "certificate",
            problem(case, "the object storage", store.endpoint),
        )
        address = "s3://lakehouse/warehouse/metadata.json"
        properties = {**store.page_properties(), "s3.connect-timeout": "30", "s3.request-timeout": "30"}
        with pytest.raises(OSError, match="curlCode: 60"), load_file_io(properties, address).new_input(address).open():
            pass
        files, path = object_store.file_system(address, store)
        with pytest.raises(OSError, match="curlCode: 60"):
            files.open_input_stream(path)
    assert seen == []
