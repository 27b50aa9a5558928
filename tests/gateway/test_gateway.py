"""The gateway between real browsers' requests and a real upstream: who gets through, and what gets through."""

import asyncio
import contextlib
import os
import re
import socket
import subprocess
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import streamlit
from asgiref.sync import sync_to_async
from django.db import connections
from pytest_django.fixtures import Settings
from websockets.asyncio.client import ClientConnection

from bi import serving as bi_serving
from compose.local.certificates import Certificates
from compose.local.sockets import private_folder
from controlplane.accounts.models import User, UserSession
from controlplane.accounts.roles import Role
from controlplane.gateway import application as gateway_application
from controlplane.gateway import http as gateway_http
from controlplane.gateway import upstreams, websocket
from controlplane.gateway.application import Gateway
from controlplane.gateway.seats import NoSeatError, Seats
from controlplane.gateway.upstreams import BI_PREFIX, STREAMLIT_INLINE_SCRIPT, Upstream
from controlplane.monitoring.requests import ANSWERED
from tests.gateway.serving import Echo, served
from tests.gateway.visiting import PASSED, PATIENT, Visit, cookie_of, refused, run
from tests.pages import Page

pytestmark = pytest.mark.django_db(transaction=True)


def test_without_a_session_nobody_gets_anything(known: list[Upstream], place: Path, settings: Settings) -> None:
    cookie = cookie_of(Role.VIEWER, settings)
    UserSession.objects.all().delete()

    async def visit(there: Visit) -> None:
        for given in ("", f"{settings.SESSION_COOKIE_NAME}=guessed", cookie):
            assert (await there.get(f"{BI_PREFIX}hourly_sales", given)).status_code == 401
            page = await there.get(f"{BI_PREFIX}hourly_sales?a=1&b=2", given, Accept="text/html")
            wanted = "/sign-in/?next=/bi/app/hourly_sales%3Fa%3D1%26b%3D2"
            assert (page.status_code, page.headers["location"]) == (302, wanted)
            assert await refused(there.websocket(given)) == 403
        # An API token is no session, and nothing that the upstream is shown.
        assert (await there.get(BI_PREFIX, Authorization="Bearer lh_x")).status_code == 401
        assert there.echo.requests == []

    run(known, place, visit)


def test_a_session_counts_under_the_own_name_only(known: list[Upstream], place: Path, settings: Settings) -> None:
    cookie = cookie_of(Role.VIEWER, settings)
    settings.ALLOWED_HOSTS = ["127.0.0.1", "lakehouse-x.localhost"]

    async def visit(there: Visit) -> None:
        own = there.address.replace("http://127.0.0.1", "lakehouse-x.localhost")
        settings.PUBLIC_URL = f"http://{own}"
        assert (await there.get(BI_PREFIX, cookie)).status_code == 401
        assert await refused(there.websocket(cookie)) == 403
        page = await there.get(BI_PREFIX, cookie, Accept="text/html")
        assert page.headers["location"] == "/sign-in/?next=/bi/app/"
        assert (await there.get(BI_PREFIX, cookie, Host=own)).status_code == 200
        async with there.websocket(cookie, origin=f"http://{own}", host=own):
            pass

    run(known, place, visit)


def test_a_viewer_gets_the_dashboards_and_sparks_pages_are_for_operators(
    known: list[Upstream], place: Path, settings: Settings
) -> None:
    cookies = {role: cookie_of(role, settings) for role in Role}

    async def visit(there: Visit) -> None:
        for cookie in cookies.values():
            answer = await there.get(f"{BI_PREFIX}hourly_sales?embed=true", cookie)
            assert answer.json()["path"] == f"{BI_PREFIX}hourly_sales"
            assert answer.json()["query"] == "embed=true"
        for role in Role:
            expected = 403 if role == Role.VIEWER else 200
            assert (await there.get("/spark/jobs/", cookies[role])).status_code == expected
        refusal = await there.get("/spark/jobs/", cookies[Role.VIEWER], Accept="text/html")
        assert "operator" in Page(refusal.text)
        assert (await there.get("/people/")).text == PASSED

    spark = replace(known[1], address=f"unix://{place / 'bi.sock'}")
    run([known[0], spark], place, visit)


def test_other_hosts_and_origins_get_nothing(known: list[Upstream], place: Path, settings: Settings) -> None:
    cookie = cookie_of(Role.ADMIN, settings)

    async def visit(there: Visit) -> None:
        port = there.address.rpartition(":")[2]
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "", "localhost@evil.example"):
            assert (await there.get(BI_PREFIX, cookie, Host=host)).status_code == 400
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example"):
            for origin in (f"http://{host}", ""):
                assert await refused(there.websocket(cookie, host=host, origin=origin)) == 403
        for origin in ("http://evil.example", "http://127.0.0.1:1", f"https://127.0.0.1:{port}", "null"):
            assert (await there.get(BI_PREFIX, cookie, Origin=origin)).status_code == 403
            assert await refused(there.websocket(cookie, origin=origin)) == 403
        assert await refused(there.websocket(cookie, origin=None)) == 403
        for site in ("cross-site", "same-site"):
            for dest, mode in (("image", "no-cors"), ("script", "cors"), ("iframe", "navigate"), ("empty", "cors")):
                answer = await there.get(
                    BI_PREFIX, cookie, Sec_Fetch_Site=site, Sec_Fetch_Mode=mode, Sec_Fetch_Dest=dest
                )
                assert answer.status_code == 403, (site, dest)
        assert there.echo.requests == []
        followed = await there.get(
            BI_PREFIX, cookie, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document"
        )
        assert followed.status_code == 200
        assert (await there.get(BI_PREFIX, cookie, Origin=there.address)).status_code == 200

    run(known, place, visit)


def test_nobody_else_frames_the_dashboards_and_the_upstream_sets_no_header_of_ours(
    known: list[Upstream], place: Path, settings: Settings
) -> None:
    cookie = cookie_of(Role.VIEWER, settings)

    async def visit(there: Visit) -> None:
        answer = await there.get(f"{BI_PREFIX}hostile", cookie)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'self'" in policy
        assert "default-src 'none'" in policy
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        for name in ("set-cookie", "access-control-allow-origin", "refresh", "service-worker-allowed", "server"):
            assert name not in answer.headers, name
        assert "private" in (await there.get(f"{BI_PREFIX}static/js/index.js", cookie)).headers["cache-control"]

    run(known, place, visit)


def test_the_upstream_learns_nothing_of_the_persons_credentials(
    known: list[Upstream], place: Path, settings: Settings
) -> None:
    cookie = cookie_of(Role.OPERATOR, settings)

    async def visit(there: Visit) -> None:
        sent = {"Authorization": "Bearer lh_x", "X_Forwarded_Context": "/evil", "X_User": "admin"}
        for path in (f"{BI_PREFIX}a", "/spark/jobs/"):
            await there.get(path, cookie, Connection="X-User", **sent)
        async with there.websocket(cookie, Authorization="Bearer lh_x"):
            pass
        bi, spark, stream = (seen["headers"] for seen in there.echo.requests)
        assert {"cookie", "x-user"} & ({*bi} | {*spark} | {*stream}) == set()
        assert "authorization" not in bi | stream
        assert (spark["authorization"], spark["x-forwarded-context"]) == ("Bearer spark-token", "/spark")
        assert there.echo.requests[1]["path"] == "/jobs/"
        assert bi["host"] == stream["host"] == "bi"
        assert stream["sec-websocket-protocol"] == "streamlit, x, s-1"

    run([known[0], replace(known[1], address=known[0].address)], place, visit)


@pytest.mark.parametrize(
    "path",
    [
        "/spark/jobs/job/kill/?id=1", "/spark/stages/stage/KILL/?id=1", "/spark/jobs/job/%6bill/", "/spark/%256bill/",
        "/spark/jobs;x/job", "/spark/..%2fbi", "/spark/%2e%2e/", "/spark/a%2f%2e%2e", "/spark//evil.example/",
        "/spark/a%5cb", "/spark/a%00", "/spark/a%0d%0aX:1", f"{BI_PREFIX}_stcore/agent/mcp",
        f"{BI_PREFIX}_stcore/metrics", f"{BI_PREFIX}_stcore/upload_file/a/b",
    ],
)  # fmt: skip
def test_a_path_that_kills_or_reads_in_two_ways_is_not_passed_on(
    known: list[Upstream], place: Path, settings: Settings, path: str
) -> None:
    cookie = cookie_of(Role.ADMIN, settings)

    async def visit(there: Visit) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(there.address.rpartition(":")[2]))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
        assert b" 404 " in await reader.readline()
        writer.close()
        assert there.echo.requests == []

    run([known[0], replace(known[1], address=known[0].address)], place, visit)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_but_reading_is_passed_on(known: list[Upstream], place: Path, settings: Settings, method: str) -> None:
    cookie = cookie_of(Role.ADMIN, settings)

    async def visit(there: Visit) -> None:
        answer = await there.get(f"{BI_PREFIX}a", cookie, method)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
        assert there.echo.requests == []

    run(known, place, visit)


def test_redirects_stay_below_the_path() -> None:
    spark = Upstream("spark", "", "/spark/", "http://127.0.0.1:4040", Role.OPERATOR, "")
    streamlit_ = Upstream("bi", "", BI_PREFIX, "unix:///x", Role.VIEWER, "", base=BI_PREFIX)
    for said, followed in {
        "http://127.0.0.1:4040/jobs/?a=1#b": "/spark/jobs/?a=1#b",
        "/jobs/": "/spark/jobs/",
        "/spark/jobs/": "/spark/jobs/",
        "http://127.0.0.1:4040": "/spark/",
        "http://elsewhere.example/x": "",
        # The address that browsers know: the rest of the application is not the upstream's to redirect to.
        "http://127.0.0.1:8000/api/v1/me": "",
        "//127.0.0.1:8000/api/v1/me": "",
        "/spark/../api/v1/me": "",
        "/spark/%2e%2E/api/v1/me": "",
        "/spark/\\..\\api": "",
    }.items():
        assert spark.location(said) == followed
    assert streamlit_.location("http://bi/bi/app/hourly_sales") == "/bi/app/hourly_sales"
    assert streamlit_.location("/bi/app") == "/bi/app"


def test_the_path_without_its_slash_leads_to_it(known: list[Upstream], place: Path, settings: Settings) -> None:
    cookie = cookie_of(Role.VIEWER, settings)

    async def visit(there: Visit) -> None:
        assert (await there.get("/bi/app", cookie)).headers["location"] == BI_PREFIX
        assert (await there.get("/bi/apps", cookie)).text == PASSED
        assert (await there.get("/bi/", cookie)).text == PASSED

    run(known, place, visit)


def test_messages_go_both_ways_until_somebody_closes(known: list[Upstream], place: Path, settings: Settings) -> None:
    cookie = cookie_of(Role.VIEWER, settings)

    async def visit(there: Visit) -> None:
        async with there.websocket(cookie) as stream:
            assert stream.subprotocol == "streamlit"
            for sent in (b"bytes", "text", b"x" * 500_000):
                await stream.send(sent)
                assert await stream.recv() == sent
        await asyncio.wait_for(there.echo.left.wait(), PATIENT)
        assert await refused(there.websocket(cookie, "/people/")) == 403
        assert await refused(there.websocket(cookie, "/spark/jobs/")) == 403

    run(known, place, visit)


def test_a_message_that_is_too_large_ends_the_connection(
    known: list[Upstream], place: Path, settings: Settings
) -> None:
    cookie = cookie_of(Role.VIEWER, settings)

    async def visit(there: Visit) -> None:
        async with there.websocket(cookie) as stream:
            await stream.send(b"x" * (websocket.LARGEST_REQUEST + 1))
            assert await _closed(stream) == websocket.TOO_BIG

    run(known, place, visit)


@pytest.mark.parametrize("end", ["signed out", "deactivated", "role taken"])
def test_an_open_websocket_ends_with_the_session(
    known: list[Upstream], place: Path, settings: Settings, end: str
) -> None:
    cookie = cookie_of(Role.OPERATOR, settings)

    def over() -> None:
        if end == "signed out":
            UserSession.objects.all().delete()
        elif end == "deactivated":
            User.objects.update(is_active=False)
        else:
            User.objects.update(role=Role.VIEWER)
        connections.close_all()

    async def visit(there: Visit) -> None:
        async with there.websocket(cookie) as stream:
            await stream.send(b"before")
            assert await stream.recv() == b"before"
            await sync_to_async(over)()
            code = await asyncio.wait_for(_closed(stream), PATIENT)
            assert code == (websocket.POLICY_VIOLATION if end == "role taken" else websocket.SIGNED_OUT)
        await asyncio.wait_for(there.echo.left.wait(), PATIENT)

    run([replace(known[0], role=Role.OPERATOR)], place, visit, check_seconds=0.02)


async def _closed(stream: ClientConnection) -> int | None:
    await stream.wait_closed()
    return stream.close_code


def test_a_person_takes_no_more_than_their_share(known: list[Upstream], place: Path, settings: Settings) -> None:
    cookie, other = cookie_of(Role.VIEWER, settings), cookie_of(Role.ADMIN, settings)

    async def visit(there: Visit) -> None:
        open_ones = [await there.websocket(cookie) for _ in range(gateway_application.WEBSOCKETS_EACH)]
        assert await refused(there.websocket(cookie)) == 403
        async with there.websocket(other):
            pass
        await open_ones[0].close()
        await asyncio.wait_for(there.echo.left.wait(), PATIENT)
        for one in open_ones:
            await one.close()

    run(known, place, visit)


def test_seats_are_given_back() -> None:
    seats = Seats(1)
    for _ in range(2):
        with seats.taken_by(1), seats.taken_by(2), pytest.raises(NoSeatError), seats.taken_by(1):
            pass


def test_an_answer_without_an_end_is_read_no_faster_than_the_browser_reads(
    known: list[Upstream], place: Path, settings: Settings
) -> None:
    """64 MiB would fill no buffer of a socket: what is not read stays at the upstream, and ends with the browser."""
    cookie = cookie_of(Role.VIEWER, settings)

    async def visit(there: Visit) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(there.address.rpartition(":")[2]), limit=1)
        writer.write(f"GET {BI_PREFIX}large HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
        await reader.read(1)
        before = -1
        while before != there.echo.sent:
            before = there.echo.sent
            for _ in range(1000):
                await asyncio.sleep(0)
        assert 0 < there.echo.sent < 64 * 2**20
        writer.transport.abort()
        await asyncio.wait_for(there.echo.left.wait(), PATIENT)

    run(known, place, visit)


def test_a_connection_that_the_upstream_has_closed_is_no_failure(
    known: list[Upstream], place: Path, settings: Settings
) -> None:
    """It closes each one when the second request comes, as a server does whose time for idle connections is over."""
    cookie = cookie_of(Role.VIEWER, settings)
    begun = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal begun
        begun += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async def visit(there: Visit) -> None:
        async with await asyncio.start_unix_server(once, place / "closing.sock"):
            assert [(await there.get(f"{BI_PREFIX}{n}", cookie)).text for n in range(3)] == ["ok"] * 3
            await there.gateway.aclose()

    run([replace(known[0], address=f"unix://{place / 'closing.sock'}")], place, visit)
    assert begun == 3


def test_an_upstream_that_is_away_is_said(known: list[Upstream], place: Path, settings: Settings) -> None:
    cookie = cookie_of(Role.VIEWER, settings)
    away = replace(known[0], address=f"unix://{place / 'nowhere.sock'}")

    async def visit(there: Visit) -> None:
        answer = await there.get(BI_PREFIX, cookie, Accept="text/html")
        assert answer.status_code == 502
        assert "Streamlit" in Page(answer.text)
        assert answer.headers["content-type"].startswith("text/html")
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
        assert await refused(there.websocket(cookie)) == 403

    run([away], place, visit)


def test_a_request_has_an_id_and_is_counted_by_its_pattern(
    known: list[Upstream], place: Path, settings: Settings
) -> None:
    cookie = cookie_of(Role.VIEWER, settings)
    counted = ANSWERED.labels("GET", "/bi/app/<path>", "2xx")
    before = counted._value.get()

    async def visit(there: Visit) -> None:
        answer = await there.get(f"{BI_PREFIX}a", cookie, X_Request_Id="from-a-proxy-1")
        assert answer.headers["x-request-id"] == "from-a-proxy-1"
        assert answer.json()["headers"]["x-request-id"] == "from-a-proxy-1"
        assert len((await there.get(f"{BI_PREFIX}a")).headers["x-request-id"]) == 32

    run(known, place, visit)
    assert counted._value.get() == before + 1


def test_another_account_of_the_machine_cannot_connect(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("Only root may start a program as another account.")
    private_folder(place / "bi")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "bi" / "bi.sock"))
        # As uvicorn leaves it: the folder is what keeps others out.
        (place / "bi" / "bi.sock").chmod(0o666)
        listener.listen()
        program = f"import socket; socket.socket(socket.AF_UNIX).connect({str(place / 'bi' / 'bi.sock')!r})"
        tries = {
            user: subprocess.run(["/usr/bin/python3", "-c", program], user=user, capture_output=True, text=True)
            for user in (65534, None)
        }
    assert "PermissionError" in tries[65534].stderr
    assert tries[None].returncode == 0, tries[None].stderr


def test_streamlit_is_started_as_the_gateway_expects() -> None:
    (own,) = (one for one in upstreams.upstreams() if one.name == bi_serving.HOST)
    assert own.path_of("x") == f"/{bi_serving.OPTIONS['server.baseUrlPath']}/x"
    assert own.origin == f"http://{bi_serving.OPTIONS['server.allowedHosts'][0]}"
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text()
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}" == STREAMLIT_INLINE_SCRIPT


def test_no_upstream_is_made_of_an_address_elsewhere(settings: Settings) -> None:
    settings.BI_URL, settings.SPARK_UI_URL = "https://bi.example/", ""
    assert upstreams.upstreams() == []


def test_prometheus_is_reached_by_certificate_and_shown_to_operators(
    known: list[Upstream], place: Path, settings: Settings, tmp_path: Path
) -> None:
    own, other = Certificates(tmp_path / "own"), Certificates(tmp_path / "other")
    for one in (own, other):
        one.ensure("password")
    settings.MONITORING_CERTIFICATES = str(own.folder)
    viewer, operator = cookie_of(Role.VIEWER, settings), cookie_of(Role.OPERATOR, settings)

    async def all_of_it() -> None:
        echo = Echo()
        for certificates, status in ((own, 200), (other, 502)):
            async with served(echo, certificates=certificates) as address:
                settings.PROMETHEUS_INTERNAL_URL = f"{address}/prometheus/"
                async with served(Gateway(echo, upstreams.upstreams)) as gateway:
                    there = Visit(gateway, echo, Gateway(echo))
                    assert (await there.get("/prometheus/graph")).status_code == 401
                    assert (await there.get("/prometheus/graph", viewer)).status_code == 403
                    for path in ("-/reload", "-/quit", "debug/pprof/", "api/v1/admin/tsdb/snapshot", "config"):
                        assert (await there.get(f"/prometheus/{path}", operator)).status_code == 404, path
                    assert echo.requests == []
                    answer = await there.get("/prometheus/graph?g0.expr=up", operator)
                    assert answer.status_code == status
                    if certificates is own:
                        assert [(one["path"], one["query"]) for one in echo.requests] == [
                            ("/prometheus/graph", "g0.expr=up")
                        ]
                        assert f"connect-src {gateway}/prometheus/;" in answer.headers["content-security-policy"]
                        echo.requests.clear()
        # Who has taken the port without our certificate is sent nothing.
        assert echo.requests == []

    asyncio.run(all_of_it())


def test_methods_that_change_something_are_none_of_the_gateways() -> None:
    assert {"GET", "HEAD"} == gateway_http.METHODS
