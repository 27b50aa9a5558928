"""Small requests that are made to take much memory or time: they are refused in a sentence, and cost next to nothing.

What uploaded recordings can do stands in tests/scenarios/test_recording_bombs.py, and documents in test_bounds.py.
"""

import asyncio
import bz2
import gzip
import io
import json
import lzma
import time
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import uvicorn

from compose.local.credentials import environment, load_secrets
from compose.local.parts.controlplane import parts
from compose.local.settings import load
from controlplane.accounts.names import normalised
from controlplane.errors import InvalidInputError
from controlplane.lakehouse.adapters import metadata
from controlplane.orchestration.models import DagRun
from controlplane.quality import documents
from controlplane.scenarios.generator.document import DocumentError, check
from controlplane.scenarios.generator.preview import preview
from controlplane.scenarios.generator.recording import confined
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.store import recording_store
from controlplane.scenarios.schedules.times import Cron
from tests.pages import Visitor
from tests.payloads.cost import piece
from tests.payloads.memory import growth

MB = 2**20
MOST_GROWTH = 48 * MB
# Pieces of work: some two seconds of a processor.
MOST_WORK = 100
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BOUNDARY = "multipart/form-data; boundary=b"


def _part(name: str, body: str = "x", more: str = "") -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{body}\r\n'


def _nested(depth: int) -> str:
    return '{"conf": ' + '{"a": ' * depth + "1" + "}" * depth + "}"


# Address, content type, body, further headers. A stranger may send 64 KiB (tests/web/test_bodies.py).
Bomb = tuple[str, str, Callable[[], bytes | str], dict[str, str]]
RUNS, SIGN_IN, UPLOAD = "/api/v1/dag-runs", "/sign-in/", "/scenarios/recordings/new/"
BOMBS: dict[str, Bomb] = {
    "JSON 100,000 deep": (RUNS, JSON, lambda: _nested(100_000), {}),
    "JSON 300 deep": (RUNS, JSON, lambda: _nested(300), {}),
    "JSON lists in lists": (RUNS, JSON, lambda: '{"conf": {"a": ' + "[" * 500_000, {}),
    "a number of a million digits": (RUNS, JSON, lambda: '{"conf": {"a": ' + "9" * 1_000_000 + "}}", {}),
    "a number with a huge exponent": (RUNS, JSON, lambda: '{"conf": {"a": 1e999999999}}', {}),
    "no number": (RUNS, JSON, lambda: '{"conf": {"a": NaN}}', {}),
    "100,000 keys": (RUNS, JSON, lambda: json.dumps({"conf": {f"k{n}": n for n in range(100_000)}}), {}),
    "a million entries": (RUNS, JSON, lambda: json.dumps({"conf": {"a": [0] * 800_000}}), {}),
    "100,000 times the same key": (RUNS, JSON, lambda: '{"conf": {' + ", ".join(['"a": 1'] * 100_000) + "}}", {}),
    "a text of 2 MB": (RUNS, JSON, lambda: json.dumps({"conf": {"a": "x" * 2_000_000}}), {}),
    "escapes": (RUNS, JSON, lambda: '{"conf": {"a": "' + "\\u0000" * 300_000 + '"}}', {}),
    "UTF-16": (RUNS, JSON, lambda: ('{"conf": {"a": "' + "x" * 500_000 + '"}}').encode("utf-16"), {}),
    "a gzip bomb": (RUNS, JSON, lambda: gzip.compress(b" " * 100 * MB, 9), {"HTTP_CONTENT_ENCODING": "gzip"}),
    "a deflate bomb": (RUNS, JSON, lambda: zlib.compress(b" " * 100 * MB, 9), {"HTTP_CONTENT_ENCODING": "deflate"}),
    "a body called brotli": (RUNS, JSON, lambda: b"\x5b\xff\xff\x9f" * 100, {"HTTP_CONTENT_ENCODING": "br"}),
    "a body called zstd": (RUNS, JSON, lambda: b"\x28\xb5\x2f\xfd" * 100, {"HTTP_CONTENT_ENCODING": "zstd, gzip"}),
    "20,000 parts": (UPLOAD, BOUNDARY, lambda: "".join(_part(f"f{n}") for n in range(20_000)) + "--b--\r\n", {}),
    "20,000 files": (
        UPLOAD, BOUNDARY, lambda: "".join(_part(f"f{n}", more='; filename="x"') for n in range(20_000)) + "--b--", {},
    ),
    "a part with long headers": (UPLOAD, BOUNDARY, lambda: _part("x", more="; x=" + "y" * MB) + "--b--\r\n", {}),
    "parts without an end": (UPLOAD, BOUNDARY, lambda: "--b\r\n" * 300_000, {}),
    "multipart in multipart": (UPLOAD, BOUNDARY, lambda: "--b\r\nContent-Type: multipart/mixed\r\n\r\n" * 30_000, {}),
    "base64 of nothing": (
        UPLOAD, BOUNDARY, lambda: _part("x", "=" * MB, "\r\nContent-Transfer-Encoding: base64") + "--b--\r\n", {},
    ),
    "a long boundary": (UPLOAD, "multipart/form-data; boundary=" + "b" * 60_000, lambda: "--" + "b" * 60_000, {}),
    "100,000 fields": (SIGN_IN, FORM, lambda: "&".join(f"a{n}=1" for n in range(8_000)), {}),
    "ampersands": (SIGN_IN, FORM, lambda: "&" * 65_000, {}),
    "a name that normalising lengthens": (SIGN_IN, FORM, lambda: "username=" + "%EF%B7%BA" * 7_000, {}),
    "a name of marks": (SIGN_IN, FORM, lambda: "username=a" + "%CC%81%CC%A7" * 5_400, {}),
    "a long password": (SIGN_IN, FORM, lambda: "username=a&password=" + "x" * 65_000, {}),
    "100,000 cookies": (SIGN_IN, FORM, lambda: "", {"HTTP_COOKIE": "; ".join(f"c{n}=1" for n in range(100_000))}),
    "a long language": (SIGN_IN, FORM, lambda: "", {"HTTP_ACCEPT_LANGUAGE": "a-" * 500_000}),
    "a long list of types": (SIGN_IN, FORM, lambda: "", {"HTTP_ACCEPT": "text/html;q=0.1," * 100_000}),
    "a long user agent": (SIGN_IN, FORM, lambda: "", {"HTTP_USER_AGENT": "x" * MB}),
    "a long bearer token": (RUNS, JSON, lambda: "{}", {"HTTP_AUTHORIZATION": "Bearer " + "x" * MB}),
    "a long key": (RUNS, JSON, lambda: "{}", {"HTTP_IDEMPOTENCY_KEY": "0" * MB}),
}  # fmt: skip


HARMLESS = ("100,000 times the same key", "a long bearer token")


@pytest.mark.django_db
@pytest.mark.parametrize("name", BOMBS)
def test_a_request_costs_little(name: str, operator: Visitor) -> None:
    operator.raise_request_exception = False
    path, kind, build, headers = BOMBS[name]
    if path == SIGN_IN:
        operator.logout()
    body = build()
    sent = body if isinstance(body, bytes) else body.encode()
    began = time.process_time()
    with growth() as grown:
        answer = operator.generic("POST", path, sent, content_type=kind, **headers)
    took = time.process_time() - began
    # Forms without what they need come back with what is missing. The last of equal keys counts, and a session does
    # where a token is none.
    assert answer.status_code in ((202,) if name in HARMLESS else (200, 400, 401, 403, 413, 422)), answer.content[:300]
    assert DagRun.objects.exists() == (name in HARMLESS)
    assert grown.bytes < MOST_GROWTH
    assert took < MOST_WORK * piece()
    if path == RUNS and answer.status_code >= 400:
        assert answer.json()["error"]["message"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        "&".join(f"a{n}=1" for n in range(20_000)),
        "text=" + "%" * 60_000,
        "text=" + "x" * MB,
        "&" * MB,
        "text=" * 200_000,
    ],
    ids=["fields", "percent signs", "text", "ampersands", "equals signs"],
)
def test_a_query_costs_little(query: str, viewer: Visitor) -> None:
    viewer.raise_request_exception = False
    began = time.process_time()
    with growth() as grown:
        for path in ("/runs/", "/api/v1/dag-runs", "/nowhere/"):
            assert viewer.get(f"{path}?{query}").status_code in (200, 400, 404, 422)
    assert grown.bytes < MOST_GROWTH
    assert time.process_time() - began < 2 * MOST_WORK * piece()


# --- Headers ----------------------------------------------------------------------------------------------------------


def _options(tmp_path: Path) -> dict[str, str]:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path)}, root=Path(__file__).resolve().parents[2])
    drawn = load_secrets(tmp_path)
    command = next(part.command for part in parts(settings, environment(settings, drawn)) if part.name == "web")
    return {name: value for name, value in pairwise(command) if name.startswith("--")}


async def _hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.parametrize(
    "line", ["X-{}: ", "Cookie: c{}=", "Host: h{}", "X-{}"], ids=["many", "cookies", "hosts", "broken"]
)
def test_headers_without_an_end_are_cut_off(line: str, tmp_path: Path) -> None:
    """By the web server that `make up` starts: its options, on a server in this process."""
    options = _options(tmp_path)
    most = int(options["--h11-max-incomplete-event-size"])

    async def send() -> tuple[int, bytes]:
        config = uvicorn.Config(
            _hello,
            port=0,
            http=options["--http"],
            h11_max_incomplete_event_size=most,
            log_level="critical",
            lifespan="off",
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent, answer = 0, b""
        try:
            writer.write(b"GET / HTTP/1.1\r\n")
            while sent < 32 * MB and not reader.at_eof():
                content = (line.format(sent) + "x" * 16_000).encode() + b"\r\n"
                writer.write(content)
                await writer.drain()
                sent += len(content)
            answer = await reader.read(100)
        except ConnectionError:
            pass
        finally:
            writer.close()
            server.should_exit = True
            await server.shutdown()
        return sent, answer

    with growth() as grown:
        sent, answer = asyncio.run(send())
    assert sent < 32 * MB
    assert answer in (b"",) or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
    assert grown.bytes < MOST_GROWTH


# --- Files of the lake, and what a person uploads ---------------------------------------------------------------------

UUID = '"table-uuid": "6b2f0c0a-6b56-4f5a-9a5e-0f4d8f1b2c3d"'
METADATA: dict[str, Callable[[], bytes]] = {
    "gzip of zeros": lambda: gzip.compress(b"\0" * (metadata.LARGEST + MB), 9),
    "gzip of spaces": lambda: gzip.compress(b"{" + b" " * (metadata.LARGEST + MB), 9),
    "gzip in gzip": lambda: gzip.compress(gzip.compress(b"{}")),
    "gzip cut off": lambda: gzip.compress(b"{" + b" " * MB)[:-20],
    "deep": lambda: f'{{{UUID}, "a": '.encode() + b"[" * MB,
    "a number": lambda: f'{{{UUID}, "last-updated-ms": '.encode() + b"9" * MB + b"}",
    "no object": lambda: b"[" + b"1," * MB + b"1]",
}


@pytest.mark.parametrize("name", METADATA)
def test_metadata_of_a_table_costs_little(name: str) -> None:
    content = METADATA[name]()
    with growth() as grown, pytest.raises((ValueError, KeyError)):
        metadata.to_table("x", "file:///x", metadata.parse(content))
    assert grown.bytes < 2 * metadata.LARGEST


PACKED: dict[str, Callable[[], bytes]] = {
    "zip": lambda: _zipped(b"\0" * 100 * MB),
    "xz": lambda: lzma.compress(b"\0" * 20 * MB, preset=0),
    "bzip2": lambda: bz2.compress(b"\0" * 20 * MB),
    "zstd": lambda: b"\x28\xb5\x2f\xfd" + b"\0" * 1000,
}


def _zipped(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("events.csv", content)
    return out.getvalue()


@pytest.mark.parametrize("name", PACKED)
def test_an_upload_that_is_packed_otherwise_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECORDINGS", str(tmp_path))
    sha256, _ = recording_store().keep([PACKED[name]()])
    with growth() as grown, pytest.raises(RecordingError) as refused:
        confined.look(recording_store().file(sha256))
    assert refused.value.remedy
    assert "the reader failed" not in refused.value.message
    assert grown.bytes < MOST_GROWTH


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"expectations": ' + b"[" * 100_000,
        b'{"rows": ' + b"9" * 100_000 + b"}",
        b"{" * 1000,
        b"\xff" * 1000,
    ],
    ids=["lists", "expectations", "digits", "objects", "no text"],
)
def test_a_validation_that_is_none_is_said_to_be(content: bytes) -> None:
    with growth() as grown, pytest.raises(documents.UnreadableError):
        documents.read(content)
    assert grown.bytes < MOST_GROWTH


COUNTS = {
    "a billion events": {"traffic": {"stages": [{"events_per_second": 1_000_000}]}, "duration_seconds": 1000},
    "a month": {"traffic": {"stages": [{"events_per_second": 0.01}]}, "duration_seconds": 30 * 86_400},
    "a billion products": {"population": {"products": 1_000_000_000}},
    "a billion users": {"population": {"users": 1_000_000_000}},
    "a billion stages": {"traffic": {"loop": True, "stages": [{"events_per_second": 1, "duration_seconds": 1e-9}]}},
    "a billion steps": {"traffic": {"stages": [{"shape": "steps", "events_per_second": 1, "peak_events_per_second": 2,
                                                "steps": 1_000_000_000}]}},
    "more than any": {"duration_seconds": 1e300},
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTS)
def test_a_large_count_is_refused_or_counted_without_making_it(name: str) -> None:
    document = {"name": "x", "duration_seconds": 60, "traffic": {"stages": [{"events_per_second": 1}]}, **COUNTS[name]}
    began = time.process_time()
    with growth() as grown, suppress(DocumentError):
        preview(check(document))
    assert grown.bytes < 4 * MOST_GROWTH
    assert time.process_time() - began < 5 * MOST_WORK * piece()


@pytest.mark.parametrize(
    "text", ["0-999999999 * * * *", "*/1,*/1,*/1 * * * *" * 100, "0 0 1 1 " + "1," * 10_000,
             " " * 1_000_000, "0-59/" + "9" * 5000 + " * * * *"]
)  # fmt: skip
def test_a_schedule_is_read_within_bounds(text: str) -> None:
    with growth() as grown, pytest.raises(InvalidInputError, match=r"^cron: "):
        Cron.parse(text)
    assert grown.bytes < MOST_GROWTH


NAMES = {
    "marks": lambda n: "a" + "\u0301\u0327" * n, "ligatures": lambda n: "\ufdfa" * n,
    "Hangul": lambda n: "\u1100\u1161\u11a8" * n,
    "spaces": lambda n: " " * n, "wide": lambda n: "\uff21" * n, "plain": lambda n: "a" * n,
}  # fmt: skip


@pytest.mark.parametrize("shape", NAMES)
def test_a_name_is_normalised_in_time_that_its_length_does_not_square(shape: str) -> None:
    def seconds(text: str) -> float:
        took = []
        for _ in range(3):
            began = time.process_time()
            normalised(text)
            took.append(time.process_time() - began)
        return median(took)

    small, large = NAMES[shape](20_000), NAMES[shape](40_000)
    assert seconds(large) < 3 * max(seconds(small), 0.005)
