"""Ids of runs, DAGs and tasks can't change which path of Airflow is asked for."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import pytest

from controlplane.orchestration.adapters.airflow import AirflowWorkflowEngine
from controlplane.orchestration.models import DagRun
from controlplane.orchestration.ports import WorkflowAddressError, WorkflowError
from tests.pages import Visitor

OTHER_PATHS = (
    "", ".", "..", "/", "../..", "../pools", "medallion/details", "..\\pools", "a/../../connections", "./.", "\x00",
    "a\nb", "medallion\r\nX-Header: 1", "/etc/passwd", "//evil.example/x", "~/..",
)  # fmt: skip
# Odd, and one segment all the same.
ONE_SEGMENT = (
    "...", "%2e%2e", "%2e%2e%2fpools", "..%2fpools", "a?b=c", "a#b", "a;b", "a b", "a:b@c", "http:", "ä", "..a", "a..",
    "%00", "a%0ab",
)  # fmt: skip


@pytest.fixture
def asked() -> Iterator[tuple[AirflowWorkflowEngine, list[str]]]:
    """An engine that asks a real HTTP server, and the paths as that one got them."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/auth/token":
                body = json.dumps({"access_token": "a.e30.c"}).encode()
                self.send_response(201)
            else:
                paths.append(self.path.partition("?")[0])
                body = b'{"detail": "not here"}'
                self.send_response(404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - the names of http.server

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    engine = AirflowWorkflowEngine(f"http://127.0.0.1:{server.server_port}", "svc", "secret")
    try:
        yield engine, paths
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
        engine._client.rest_client.pool_manager.clear()


CALLS: dict[str, Callable[[AirflowWorkflowEngine, str], Any]] = {
    "trigger.dag_id": lambda engine, value: engine.trigger(value, "run", {}),
    "run.dag_id": lambda engine, value: engine.run(value, "run"),
    "run.run_id": lambda engine, value: engine.run("medallion", value),
    "tasks.dag_id": lambda engine, value: engine.tasks(value, "run"),
    "log.dag_id": lambda engine, value: engine.log(value, "run", "task", 1),
    "log.run_id": lambda engine, value: engine.log("medallion", value, "task", 1),
    "log.task_id": lambda engine, value: engine.log("medallion", "run", value, 1),
}


@pytest.mark.parametrize("call", CALLS)
def test_what_names_another_path_is_not_asked_for(call: str, asked: tuple[AirflowWorkflowEngine, list[str]]) -> None:
    engine, paths = asked
    for value in OTHER_PATHS:
        if value == "." and not call.endswith("dag_id"):
            continue
        with pytest.raises(WorkflowAddressError, match="Airflow's API can't address "):
            CALLS[call](engine, value)
    assert paths == []


@pytest.mark.parametrize("call", [call for call in CALLS if call.endswith("dag_id")])
def test_the_name_for_every_dag_is_no_dag(call: str, asked: tuple[AirflowWorkflowEngine, list[str]]) -> None:
    engine, paths = asked
    with pytest.raises(WorkflowAddressError, match="can't address dag_id '~'"):
        CALLS[call](engine, "~")
    assert paths == []


@pytest.mark.parametrize("call", ["run.run_id", "log.run_id", "log.task_id"])
def test_a_dot_is_a_segment_of_its_own(call: str, asked: tuple[AirflowWorkflowEngine, list[str]]) -> None:
    engine, paths = asked
    for value in ("plain", "."):
        with pytest.raises(WorkflowError):
            CALLS[call](engine, value)
    assert paths[1] == paths[0].replace("plain", "%2E")


def test_the_tasks_of_a_run_are_asked_for_by_ids_that_are_in_no_path(
    asked: tuple[AirflowWorkflowEngine, list[str]],
) -> None:
    engine, paths = asked
    for value in ("~", ".", "..", "a/b", *ONE_SEGMENT):
        with pytest.raises(WorkflowError):
            engine.tasks("medallion", value)
    assert set(paths) == {"/api/v2/dags/~/dagRuns/~/taskInstances/list"}


@pytest.mark.parametrize("call", CALLS)
def test_an_odd_id_stays_in_its_segment(call: str, asked: tuple[AirflowWorkflowEngine, list[str]]) -> None:
    engine, paths = asked
    for value in ("plain", *ONE_SEGMENT):
        with pytest.raises(WorkflowError):
            CALLS[call](engine, value)
    depth = {path.count("/") for path in paths}
    if call == "tasks.dag_id":  # in the body, with the run's
        assert set(paths) == {"/api/v2/dags/~/dagRuns/~/taskInstances/list"}
        return
    assert len(paths) == 1 + len(ONE_SEGMENT)
    assert len(depth) == 1
    for value, path in zip(("plain", *ONE_SEGMENT), paths, strict=True):
        # Decoded once, as servers do, it is the very value, and adds no segment.
        assert value in [unquote(segment) for segment in path.split("/")], (value, path)


@pytest.mark.parametrize("dag_id", ["..", ".", "...", "a/b", "a b", "", "~", "a\n", "x" * 251, "%2e%2e"])
def test_the_api_refuses_such_a_dag_and_makes_no_row(dag_id: str, operator: Visitor) -> None:
    answer = operator.post("/api/v1/dag-runs", json.dumps({"dag_id": dag_id}), content_type="application/json")
    assert answer.status_code == 422
    assert "dag_id" in answer.json()["error"]["message"]
    assert not DagRun.objects.exists()
