"""Log lines and headers: what somebody writes stays in its line, and adds no header.

tests/monitoring/test_text_logs.py holds the same of text logs and of `make logs`, tests/bi/test_exports.py of CSV.
"""

import json
import logging
import re
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from bi.exports import cell
from compose.local import logbook
from controlplane.logging import configuration
from controlplane.scenarios.models import Recording
from controlplane.scenarios.recordings.services import _clean
from tests.pages import Visitor
from tests.payloads import texts
from tests.scenarios.recorded import rees46

KNOWN = {
    "Content-Type", "Content-Length", "X-Request-ID", "Cache-Control", "Content-Security-Policy", "X-Frame-Options",
    "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy", "Location", "Retry-After", "Vary",
    "Content-Disposition", "Allow", "Refresh",
}  # fmt: skip


def _formatter(kind: str) -> logging.Formatter:
    known = configuration(kind)["formatters"]["line"]
    made: logging.Formatter = known["()"](**{key: value for key, value in known.items() if key != "()"})
    return made


@pytest.mark.parametrize("text", [*texts.LINES, *texts.TEMPLATES])
def test_a_line_of_a_json_log_is_one_object(text: str) -> None:
    record = logging.LogRecord("tests", logging.INFO, __file__, 1, "said %s", (text,), None)
    record.who, record.several = text, [text, {text: text}]
    line = _formatter("json").format(record)
    assert "\n" not in line
    assert "\r" not in line
    found = json.loads(line)
    assert (found["event"], found["who"], found["several"]) == (f"said {text}", text, [text, {text: text}])
    assert found["level"] == "info"
    shown = logbook.readable(line)
    assert shown.isprintable()


@pytest.mark.parametrize("text", [*texts.LINES, *texts.TEMPLATES])
def test_a_text_is_no_format_of_a_log_line(text: str) -> None:
    record = logging.LogRecord("tests", logging.INFO, __file__, 1, "%s: %d", (text, 302), None)
    assert json.loads(_formatter("json").format(record))["event"] == f"{text}: 302"


@pytest.mark.django_db
@pytest.mark.parametrize("text", [*texts.LINES, *texts.ATTRIBUTES])
def test_no_answer_has_a_header_of_somebody_elses(text: str, operator: Visitor) -> None:
    operator.raise_request_exception = False
    plain = text.encode("latin-1", "replace").decode("latin-1")
    forged: dict[str, Any] = {
        "HTTP_X_REQUEST_ID": plain, "HTTP_REFERER": f"http://testserver/{plain}", "HTTP_ORIGIN": plain,
        "HTTP_USER_AGENT": plain, "HTTP_ACCEPT_LANGUAGE": plain, "HTTP_COOKIE": f"x={plain}",
    }  # fmt: skip
    answers = [
        operator.get(
            "/runs/", {"text": text.encode(errors="replace"), "cursor": text.encode(errors="replace")}, **forged
        ),
        operator.post("/runs/jobs/", {"job": text.encode(errors="replace"), "request_id": uuid.uuid4()}, **forged),
        Client().get("/runs/", {"text": text.encode(errors="replace")}, **forged),
        Client().get("/sign-in/", {"next": text.encode(errors="replace")}, **forged),
    ]
    for answer in answers:
        assert set(answer.headers) <= KNOWN
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])
        assert all(value.isprintable() for value in answer.headers.values())


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["run-2026.11_29", "A" * 64, "0" * 8])
def test_a_request_keeps_an_id_of_plain_letters(given: str) -> None:
    assert Client().get("/sign-in/", HTTP_X_REQUEST_ID=given).headers["X-Request-ID"] == given


@pytest.mark.parametrize("text", [*texts.LINES, *texts.ATTRIBUTES, *texts.SCRIPTS])
def test_a_files_name_is_its_last_part_without_what_can_not_be_shown(text: str) -> None:
    kept = _clean(f"folder/{text}.csv")
    assert kept.isprintable() or "\u2028" in kept or "\u2029" in kept
    assert 1 <= len(kept) <= 80
    assert not {"/", "\\", "\r", "\n", "\x00"} & set(kept)


@pytest.mark.django_db
def test_a_file_is_kept_under_that_name(tmp_path: Any, operator: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECORDINGS", str(tmp_path))
    file = SimpleUploadedFile('a"; filename="<b>\r\nX-Header: 1.csv', rees46(3))
    answer = operator.post("/scenarios/recordings/new/", {"file": file, "mapping": "by-hand"})
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    assert "\n" not in Recording.objects.get().name
    assert set(answer.headers) <= KNOWN


@pytest.mark.parametrize("text", texts.CELLS)
def test_a_cell_is_no_formula(text: str) -> None:
    first = next((letter for letter in text if letter.isprintable() and not letter.isspace()), "")
    formula = first in "=+-@\uff1d\uff0b\uff0d\uff20" or text[:1] in "\t\r\n"
    assert cell(text) == (f"'{text}" if formula else text)
