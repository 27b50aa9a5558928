"""A line of a task's log is shown, whatever the task has logged with it, and no log is without a bound."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from controlplane.orchestration.adapters import airflow as adapter
from controlplane.orchestration.adapters.airflow import AirflowWorkflowEngine, _line
from controlplane.orchestration.logs import LINE_CHARACTERS, LOG_CHARACTERS, LOG_LINES, last_lines
from controlplane.orchestration.ports import LogLine, WorkflowError

ODD: tuple[Any, ...] = (
    "text", "", 7, 0, -1.5, float("nan"), 2**80, True, False, {}, {"exc_type": "E"}, {"exc_value": "v"}, {"items": 1},
    [], [1], ["a", None], [[]], [{}], [{"exc_type": None, "exc_value": None}], [{"exc_type": "E", "exc_value": [1]}, 3],
)  # fmt: skip


def entry(event: Any = "said", **more: Any) -> dict[str, Any]:
    return {"event": event, "timestamp": None, "level": "error", **more}


@contextmanager
def airflow(content: Any) -> Iterator[AirflowWorkflowEngine]:
    """An engine that asks a real HTTP server, which returns this log."""
    body = json.dumps({"content": content, "continuation_token": None}).encode()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found = b'{"access_token": "a.e30.c"}' if self.path == "/auth/token" else body
            self.send_response(201 if self.path == "/auth/token" else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)

        do_GET = do_POST = _answer  # noqa: N815 - the names of http.server

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = Thread(target=server.serve_forever)
    serving.start()
    engine = AirflowWorkflowEngine(f"http://127.0.0.1:{server.server_port}", "svc", "secret")
    try:
        yield engine
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
        engine._client.rest_client.pool_manager.clear()


def test_the_exceptions_of_a_line_are_named() -> None:
    causes = [{"exc_type": "ValueError", "exc_value": "wrong"}, {"exc_type": "KeyError", "exc_value": "'a'"}]
    line = _line(entry(error_detail=causes))
    assert (line.text, line.level) == ("said\nValueError: wrong\nKeyError: 'a'", "error")
    assert _line(entry()).text == _line(entry(error_detail=None)).text == _line(entry(error_detail=[])).text == "said"
    assert _line("a line of text").text == "a line of text"


@pytest.mark.parametrize("details", ODD, ids=range(len(ODD)))
def test_whatever_stands_there_is_shown(details: Any) -> None:
    line = _line(entry(error_detail=details))
    assert line.text.startswith("said")
    for one in details if isinstance(details, list) else [details]:
        if not (isinstance(one, dict) and "exc_type" in one):
            assert str(one) in line.text


def test_any_value_at_any_place_makes_a_line() -> None:
    drawn = random.Random("log lines")
    print("seed: log lines")
    for _ in range(500):
        more = {name: drawn.choice(ODD) for name in ("error_detail", "level", "logger", "more") if drawn.random() < 0.6}
        line = _line(entry(drawn.choice(("said", *ODD)), **more))
        assert isinstance(line.text, str)


TIMES: tuple[Any, ...] = (
    "not a time", "", "2026-13-45T99:00:00Z", "0000-00-00", 0, -1, 1e300, True, [], {}, None, "9" * 5000,
    "2026-11-30T12:00:00+99:00",
)  # fmt: skip


@pytest.mark.parametrize("at", TIMES, ids=lambda at: repr(at)[:30])
def test_one_odd_time_does_not_hide_the_log(at: Any) -> None:
    with airflow([entry("before", timestamp="2026-11-30T12:00:00Z"), entry("odd", timestamp=at), entry("after")]) as it:
        lines = it.log("medallion", "run", "task", 1)
    assert [(line.text, line.at is not None) for line in lines] == [("before", True), ("odd", False), ("after", False)]


@pytest.mark.parametrize("content", [None, "text", 7, {}, [None, 7, [], "text", {}, {"event": None}]], ids=repr)
def test_any_content_is_a_log(content: Any) -> None:
    with airflow(content) as it:
        lines = it.log("medallion", "run", "task", 1)
    assert len(lines) == (len(content) if isinstance(content, list) else 0)


def test_a_log_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "LARGEST_RESPONSE", 2**20)
    with airflow(["x" * 2**20]) as it, pytest.raises(WorkflowError, match="more than 1 MiB"):
        it.log("medallion", "run", "task", 1)
    with airflow(["x" * 2**19]) as it:
        assert len(it.log("medallion", "run", "task", 1)) == 1


@pytest.mark.parametrize(
    ("count", "length", "shown"),
    [
        (0, 0, 0),
        (1, 1, 1),
        (LOG_LINES, 10, LOG_LINES),
        (LOG_LINES + 1, 10, LOG_LINES),
        (100 * LOG_LINES, 0, LOG_LINES),
        (LOG_LINES, 1000, LOG_CHARACTERS // 1000),
        (1, 10 * LOG_CHARACTERS, 1),
    ],
)
def test_the_last_lines_are_shown(count: int, length: int, shown: int) -> None:
    lines = [LogLine(f"{number:06}"[-length:].ljust(length, "x") if length else "") for number in range(count)]
    found = last_lines(lines)
    assert (len(found.lines), found.omitted) == (shown, count - shown)
    assert all(len(line.text) < LINE_CHARACTERS + 100 for line in found.lines)
    assert [line.text[:LINE_CHARACTERS] for line in found.lines[-3:]] == [
        line.text[:LINE_CHARACTERS] for line in lines[-3:]
    ][-len(found.lines) :]
