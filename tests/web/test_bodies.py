"""Requests that are too large, as the web server hands them on: refused early, in a sentence, and nothing is kept."""

import asyncio
import subprocess
import sys
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.handlers.asgi import ASGIHandler
from pytest_django.fixtures import Settings

from controlplane.accounts import large_requests
from controlplane.accounts.large_requests import EACH, TOGETHER, LargeRequests, ServerBusyError
from controlplane.accounts.models import User
from controlplane.accounts.request_limits import FORM_ESCAPES, STRANGERS_BYTES, BodyLimit
from controlplane.accounts.services import token_create
from tests.pages import Page, Visitor

LARGE, API = "/scenarios/recordings/new/", "/api/v1/recordings"


@pytest.fixture(autouse=True)
def _limits(settings: Settings) -> None:
    settings.LARGE_BODIES = dict.fromkeys((LARGE, API), (200_000, "RECORDING_MAX_MB"))
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 50_000


@pytest.fixture
def token(operator_user: User) -> str:
    """An operator's."""
    return token_create(actor=operator_user, name="for tests")[1]


def _post(
    path: str,
    chunks: list[bytes],
    token: str = "",
    *,
    length: int | None = None,
    kind: str = "application/octet-stream",
) -> tuple[int, str, int]:
    """Send a body to the application; gives (status, answer, how many chunks were asked for before the answer)."""
    return asyncio.run(_exchange(_scope(path, token, length, kind), chunks))


def _scope(
    path: str, token: str = "", length: int | None = None, kind: str = "application/octet-stream"
) -> dict[str, Any]:
    headers = [(b"host", b"127.0.0.1"), (b"content-type", kind.encode()), (b"accept", b"text/html")]
    if token:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    return {
        "type": "http", "http_version": "1.1", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "scheme": "http", "headers": headers, "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }  # fmt: skip


async def _exchange(
    scope: dict[str, Any], chunks: list[bytes], application: BodyLimit | None = None
) -> tuple[int, str, int]:
    left, asked, answers = list(chunks), 0, list[dict[str, Any]]()
    answered = asyncio.Event()

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if left:
            asked += not answers
            return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}
        await answered.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            answered.set()

    await (application or BodyLimit(ASGIHandler()))(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in answers[1:])
    return answers[0]["status"], body.decode(), asked


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_refused(declared: bool, token: str) -> None:
    chunks = [b"x" * 30_000] * 10
    length = 300_000 if declared else None
    for path, says in (
        (LARGE, "The request exceeds the limit of 195 KiB. Nothing was saved."),
        (API, '"code": "too_large", "message": "The request exceeds the limit of 195 KiB. Nothing was saved."'),
        ("/scenarios/new/", "The request exceeds the limit of 49 KiB. Nothing was saved."),
        ("/api/v1/scenarios", "The request exceeds the limit of 49 KiB. Nothing was saved."),
    ):
        status, body, _ = _post(path, chunks, token, length=length)
        assert status == 413
        assert says in body
        assert ("RECORDING_MAX_MB" in body) == (path in (LARGE, API))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("declared", [True, False])
def test_no_more_than_the_limit_is_handed_on_and_nothing_of_a_strangers(
    declared: bool, token: str, viewer_user: User
) -> None:
    headers = [(b"content-length", b"300000")] if declared else []
    assert _handed_on([(b"authorization", f"Bearer {token}".encode()), *headers]) == (0 if declared else 180_000)
    for other in (b"Bearer none", b"Bearer", b"Basic x", b"\xff"):
        assert _handed_on([(b"authorization", other), *headers]) == 0
    theirs = token_create(actor=viewer_user, name="theirs")[1]
    assert _handed_on([(b"authorization", f"Bearer {theirs}".encode())]) == 0


@pytest.mark.django_db(transaction=True)
def test_a_session_is_known_as_well(operator: Visitor, settings: Settings) -> None:
    (key,) = (cookie.value for cookie in operator.cookies.values() if cookie.key == settings.SESSION_COOKIE_NAME)
    assert _handed_on([(b"cookie", f"a=b; {settings.SESSION_COOKIE_NAME}={key}".encode())]) == 180_000
    assert _handed_on([(b"cookie", f"{settings.SESSION_COOKIE_NAME}=none".encode())]) == 0


def _handed_on(headers: list[tuple[bytes, bytes]]) -> int:
    """How many of 300,000 bytes sent to an upload's address reach the application."""
    handed = list[bytes]()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            handed.append(message["body"])
            more = message["more_body"]
        # What still comes in is swallowed; then there is only the end of it.
        assert (await receive())["type"] == "http.disconnect"

    coming = iter([{"type": "http.request", "body": b"x" * 30_000, "more_body": True}] * 10)

    async def receive() -> dict[str, Any]:
        return next(coming, {"type": "http.disconnect"})

    asyncio.run(BodyLimit(application)({"type": "http", "path": LARGE, "headers": headers}, receive, None))
    return len(b"".join(handed))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("declared", [True, False])
def test_a_body_within_its_limit_arrives_whole(declared: bool, token: str) -> None:
    chunks = [b"x" * 30_000] * 6
    status, body, asked = _post(API, chunks, token, length=180_000 if declared else None)
    assert (status, asked) == (422, 6)
    assert "file: Field required" in body


@pytest.mark.django_db(transaction=True)
def test_a_stranger_is_told_so() -> None:
    for length in (180_000, 300_000):
        assert _post(API, [b"x" * 30_000] * 6, length=length)[0] in (401, 413)
        assert _post(LARGE, [b"x" * 30_000] * 6, length=length)[0] in (403, 413)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("declared", [True, False])
def test_a_stranger_may_send_a_name_and_a_password_and_no_more(declared: bool, token: str, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 200_000
    for path in ("/sign-in/", "/runs/jobs/", "/api/v1/dag-runs", "/nowhere/"):
        assert _read_of(path, [], 60_000, declared) == 60_000
        for headers in ([], [(b"authorization", b"Bearer none")]):
            assert _read_of(path, headers, 90_000, declared) <= STRANGERS_BYTES
        assert _read_of(path, [(b"authorization", f"Bearer {token}".encode())], 90_000, declared) == 90_000
    status, body, _ = _post("/sign-in/", [b"x" * 30_000] * 3, length=90_000)
    assert status == 413
    assert "The request exceeds the limit of 64 KiB. Nothing was saved." in body


def _read_of(path: str, headers: list[tuple[bytes, bytes]], size: int, declared: bool) -> int:
    """How many bytes of a body reach the application."""
    handed = list[bytes]()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "http.request" and (handed.append(message["body"]) or True):
            if not message["more_body"]:
                return

    chunks = [b"x" * 30_000] * (size // 30_000)
    coming = iter([{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks[1:]]
                  + [{"type": "http.request", "body": chunks[0], "more_body": False}])  # fmt: skip

    async def receive() -> dict[str, Any]:
        return next(coming, {"type": "http.disconnect"})

    said = [(b"content-length", str(size).encode())] if declared else [(b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "path": path, "headers": [*headers, *said]}
    asyncio.run(BodyLimit(application)(scope, receive, None))
    return len(b"".join(handed))


@pytest.mark.django_db(transaction=True)
def test_a_form_is_never_as_large_as_a_file(token: str) -> None:
    form = "application/x-www-form-urlencoded; charset=utf-8"
    status, body, _ = _post(LARGE, [b"x" * 30_000] * 3, token, length=90_000, kind=form)
    assert status == 413
    assert "The request exceeds the limit of 49 KiB. Nothing was saved." in body


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("escapes", "refused"), [(FORM_ESCAPES, False), (FORM_ESCAPES + 1, True)])
def test_a_form_has_no_more_escapes_than_a_form_can_need(
    escapes: int, refused: bool, token: str, settings: Settings
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
    kind = "application/x-www-form-urlencoded"
    chunks = [b"a=", b"%" * 1000, b"%" * (escapes - 1000)]
    status, body, _ = _post("/settings/time-zone/", chunks, token, length=escapes + 2, kind=kind)
    assert (status == 413) == refused
    assert ("The request exceeds the limit of 1.5 MiB. Nothing was saved." in body) == refused


class _Holding:
    """An application that reads requests and keeps them in work until it is released; others go on to Django."""

    def __init__(self) -> None:
        self.held, self.release = asyncio.Queue[str](), asyncio.Event()
        self.now = self.most = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["path"] != "/held/":
            await ASGIHandler()(scope, receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        self.now += 1
        self.most = max(self.most, self.now)
        self.held.put_nowait(scope["path"])
        await self.release.wait()
        self.now -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sender", ["user", "stranger"])
def test_only_a_few_large_requests_of_one_sender_are_in_work_at_once(
    sender: str, token: str, viewer_user: User, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 200_000
    theirs = token_create(actor=viewer_user, name="theirs")[1]
    mine, size = (token, 90_000) if sender == "user" else ("", 30_000)
    chunks = [b"x" * 30_000] * (size // 30_000)

    async def scene() -> None:
        holding = _Holding()
        application = BodyLimit(holding)

        async def sent(path: str, by: str) -> tuple[int, str, int]:
            return await _exchange(_scope(path, by, size if by == mine else 90_000), chunks, application)

        held = [asyncio.create_task(sent("/held/", mine)) for _ in range(EACH)]
        for _ in held:
            await holding.held.get()
        with monkeypatch.context() as impatient:
            impatient.setattr(large_requests, "WAIT_SECONDS", 0.1)
            status, body, _ = await sent("/api/v1/dag-runs", mine)
            assert status == 429
            assert f"The limit of concurrent large requests per user ({EACH}) is reached. Nothing was saved." in body
            assert (await sent("/api/v1/dag-runs", theirs))[0] in (400, 403, 422)
            status, _, _ = await _exchange(_scope("/sign-in/", mine, 100), [b"x" * 100], application)
            assert status != 429
        monkeypatch.setattr(large_requests, "WAIT_SECONDS", 600)
        more = [asyncio.create_task(sent("/held/", mine)) for _ in range(2 * EACH)]
        holding.release.set()
        assert [one[0] for one in await asyncio.gather(*held, *more)] == [200] * 3 * EACH
        assert holding.most == EACH

    asyncio.run(scene())


def test_the_process_handles_only_a_few_large_requests_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        large = LargeRequests()
        ones = [await large.begin(f"person {number}") for number in range(TOGETHER + 1)]
        for one in ones[:TOGETHER]:
            await one.handle()
        with monkeypatch.context() as impatient:
            impatient.setattr(large_requests, "WAIT_SECONDS", 0.1)
            with pytest.raises(ServerBusyError) as busy:
                await ones[TOGETHER].handle()
        assert (busy.value.status, busy.value.retry_after) == (503, 5)
        # A response has begun, which may take long.
        ones[0].answered()
        await ones[TOGETHER].handle()
        for one in ones:
            one.ended()
        assert not large.together.locked()

    asyncio.run(scene())


@pytest.mark.django_db
@pytest.mark.parametrize("multipart", [False, True])
def test_a_form_has_a_limited_number_of_fields(multipart: bool, viewer: Visitor, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
    fields = {"time_zone": ["Asia/Tokyo"] * 101}
    kind = {} if multipart else {"content_type": "application/x-www-form-urlencoded"}
    answer = viewer.post("/settings/time-zone/", fields if multipart else urlencode(fields, doseq=True), **kind)
    assert answer.status_code == 400
    assert "The form has more than 100 fields. Nothing was saved." in Page.of(answer)


def test_the_web_servers_program_can_be_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from controlplane.asgi import application; print(type(application).__name__)"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout.strip().endswith("ForwardedHeaders"), done.stderr
