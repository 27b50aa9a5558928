"""Lines of a text log, and what is told on a terminal, can't be forged by what strangers write."""

import json
import logging
import logging.config
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from compose.local import logbook
from controlplane.logging import configuration
from controlplane.monitoring.tracing import RequestIds
from controlplane.printable import printable, printable_lines

FORGED = "2026-01-01T10:00:00Z [info     ] signed in as admin"
PAYLOADS = {
    "newline": "a\n" + FORGED, "carriage return": "a\r" + FORGED, "both": "a\r\n" + FORGED,
    "next line": "a\x85" + FORGED, "line separator": "a\u2028" + FORGED, "paragraph separator": "a\u2029" + FORGED,
    "vertical tab": "a\x0b" + FORGED, "form feed": "a\x0c" + FORGED, "clear the screen": "\x1b[2J\x1b[H" + FORGED,
    "title": "\x1b]0;owned\x07", "C1 escape": "\x9b2J", "backspace": "no\x08\x08ok", "delete": "a\x7f",
    "hyperlink": "\x1b]8;;http://evil.example\x1b\\admin\x1b]8;;\x1b\\", "right to left": "\u202enimda",
    "isolate": "\u2066admin\u2069", "zero width": "ad\u200bmin", "byte order": "\ufeffadmin", "tag": "a\U000e0041",
    "NUL": "a\0b",
}  # fmt: skip
_ACTS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def _formatter() -> logging.Formatter:
    known = configuration("text")["formatters"]["line"]
    made: logging.Formatter = known["()"](**{key: value for key, value in known.items() if key != "()"})
    return made


@contextmanager
def _written_to(path: Path, name: str) -> Iterator[None]:
    """This logger writes text lines into the file alone, as LOG_FORMAT=text does on stderr."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(_formatter())
    log = logging.getLogger(name)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()
        log.propagate = True
        log.setLevel(level)


@pytest.fixture
def text_log(tmp_path: Path) -> Iterator[Path]:
    """What the logger of these tests writes."""
    with _written_to(tmp_path / "web.log", "tests.forging"):
        yield tmp_path / "web.log"


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_value_stays_in_its_line(payload: str, text_log: Path) -> None:
    log = logging.getLogger("tests.forging")
    log.info("POST %s: 302", payload)
    log.warning("said", extra={"who": payload, payload: 1, "all": [payload], "of": {"it": payload}})
    said = _lines(text_log)
    assert len(said) == 2
    assert not _ACTS.search("".join(said))
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[(info|warning) *\]", line) for line in said)


def test_a_lone_surrogate_is_escaped() -> None:
    """Formatted by itself: a worker of the tests can't report what pytest captures of a record with a surrogate."""
    record = logging.LogRecord("tests.forging", logging.INFO, __file__, 1, "POST %s: 302", ("a\ud800",), None)
    line = _formatter().format(record)
    assert not _ACTS.search(line)
    assert "POST a" in line.encode().decode()


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_traceback_is_set_in(payload: str, text_log: Path) -> None:
    try:
        raise ValueError(payload)
    except ValueError:
        logging.getLogger("tests.forging").exception("failed")
    said = _lines(text_log)
    assert len(said) > 3
    assert not _ACTS.search("".join(said))
    assert [line for line in said[1:] if not line.startswith("    ")] == []


def test_a_path_with_a_line_break_is_one_line(rf: RequestFactory, tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    with _written_to(path, RequestIds.__module__):
        RequestIds(lambda request: HttpResponse(status=404))(rf.post(f"/x%0a{FORGED}%1b[2J"))
    (line,) = _lines(path)
    assert f"POST /x\\n{FORGED}\\x1b[2J: 404" in line


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_make_logs_tells_no_terminal_what_to_do(payload: str, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    told: dict[str, Any] = {"timestamp": "2026-01-01T10:00:00Z", "level": "info", "event": payload, "run_id": "run-1"}
    lines = [json.dumps(told), json.dumps({**told, "event": "x", "who": payload, "exception": f"Traceback\n{payload}"})]
    plain = f"run-1 {payload}".replace("\n", " ").replace("\ud800", "")
    (tmp_path / "logs" / "web.log").write_text("\n".join([*lines, plain]) + "\n", encoding="utf-8", newline="")
    shown = [logbook.readable(line) for line in (*lines, plain)]
    shown += [entry.text for entry in logbook.story(tmp_path, "run-1")]
    assert len(shown) >= 6
    for text in shown:
        assert not _ACTS.search(text)
        assert [line for line in text.split("\n")[1:] if not line.startswith("    ")] == []


def test_what_people_write_is_left_as_it_is() -> None:
    for text in ("", "shoes, 12 € – «größe»", "日本語 🙂", "C:\\temp"):
        assert printable(text) == text
    assert printable_lines("a\n  b\tc") == "    a\n      b\\tc"
