"""Airflow's pages and cookies have one host name, and no answer under another one contains it."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from compose.local.page_host import PageHost

OWN = "http://airflow-abcd1234.localhost:8082"
PUBLIC = "https://lake.example/airflow"


class Airflow:
    """What reaches Airflow. It answers with a session cookie."""

    def __init__(self) -> None:
        self.cookies: list[str] = []

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        given = {name.lower(): value.decode() for name, value in scope["headers"]}
        self.cookies.append(given.get(b"cookie", ""))
        headers = [(b"set-cookie", b"_token=new"), (b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"a page"})


def ask(
    base_url: str, path: str, *hosts: str, method: str = "GET", cookie: str = "", kind: str = "http"
) -> tuple[Airflow, Any, str]:
    """Request `path`: what reached Airflow, the status with the headers, and the text."""
    airflow, sent = Airflow(), []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "websocket.connect"}

    headers = [(b"Host", host.encode()) for host in hosts]
    headers += [(b"Cookie", cookie.encode())] if cookie else []
    scope = {"type": kind, "method": method, "path": path, "query_string": b"a=1&b=%2F", "headers": headers}
    asyncio.run(PageHost(airflow, base_url=base_url)(scope, receive, send))
    if kind == "websocket":
        return airflow, sent[0], ""
    answer = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return airflow, (sent[0]["status"], answer), sent[1]["body"].decode()


SESSION = "_token=of-a-session"
FOR_PROGRAMS = (("/api/v2/dags", "GET"), ("/execution/health", "GET"), ("/auth/token", "POST"))


@pytest.mark.parametrize("host", ["airflow-abcd1234.localhost:8082", "AIRFLOW-abcd1234.localhost"])
def test_under_its_own_name_there_are_pages_and_a_session(host: str) -> None:
    airflow, (status, headers), text = ask(OWN, "/dags", host, cookie=SESSION)
    assert (status, headers["set-cookie"], text) == (200, "_token=new", "a page")
    assert airflow.cookies == [SESSION]


@pytest.mark.parametrize(
    "hosts",
    [
        ("127.0.0.1:8082",),
        ("localhost:8082",),
        ("other.localhost",),
        (),
        ("[",),
        ("airflow-abcd1234.localhost", "127.0.0.1"),
    ],
)
def test_under_another_name_there_is_neither_and_the_name_is_not_told(hosts: tuple[str, ...]) -> None:
    for path in ("/", "/dags", "/auth/login/", "/auth/token", "/ui/config", "/static/x.js", "/apix/", "/api"):
        airflow, (status, headers), text = ask(OWN, path, *hosts)
        assert (status, airflow.cookies) == (421, []), path
        assert "Overview" in text
        assert "abcd1234" not in f"{headers}{text}"
    for path, method in FOR_PROGRAMS:
        airflow, (status, headers), _ = ask(OWN, path, *hosts, method=method)
        assert (status, airflow.cookies) == (200, [""]), path
        assert "set-cookie" not in headers
        airflow, (status, headers), text = ask(OWN, path, *hosts, method=method, cookie=SESSION)
        assert (status, airflow.cookies) == (421, []), path
        assert "abcd1234" not in f"{headers}{text}"
    airflow, answer, _ = ask(OWN, "/live", *hosts, kind="websocket")
    assert (airflow.cookies, answer["type"]) == ([], "websocket.close")


def test_a_name_that_is_no_secret_is_redirected_to() -> None:
    for path in ("/dags/a b", "/airflow/dags/a b"):
        airflow, (status, headers), _ = ask(PUBLIC, path, "127.0.0.1:8082", cookie=SESSION)
        assert (status, headers["location"]) == (307, f"{PUBLIC}/dags/a%20b?a=1&b=%2F")
        assert airflow.cookies == []
    for path in ("/api/v2/dags", "/airflow/api/v2/dags"):
        assert ask(PUBLIC, path, "127.0.0.1:8082")[0].cookies == [""], path
        assert ask(PUBLIC, path, "127.0.0.1:8082", cookie=SESSION)[1][0] == 421, path
    assert ask(PUBLIC, "/airflow/dags", "lake.example", cookie=SESSION)[0].cookies == [SESSION]


def test_an_address_of_loopback_that_a_person_has_set_stays_open() -> None:
    assert ask("http://127.0.0.1:8082", "/dags", "localhost:8082", cookie=SESSION)[0].cookies == [SESSION]
