"""The filters, orders and cursors of every list: a text is looked for as it is, whatever it means to a database."""

import base64
import json
import time
import uuid
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import AuditEntry, User
from controlplane.orchestration.models import DagRun
from controlplane.web.filters import ListFilter
from tests.pages import Page, Visitor
from tests.payloads import texts

pytestmark = pytest.mark.django_db

LISTS = (
    "/api/v1/dag-runs", "/api/v1/spark-jobs", "/api/v1/scenario-runs", "/api/v1/validations", "/api/v1/recordings",
    "/api/v1/people", "/api/v1/audit", "/api/v1/stream/batches", "/api/v1/scenario-schedules", "/api/v1/tables",
    "/api/v1/search",
)  # fmt: skip
PAGES = ("/runs/", "/scenarios/runs/", "/quality/", "/scenarios/recordings/", "/people/", "/activity/", "/lakehouse/")
PARAMETERS = (
    "text",
    "q",
    "state",
    "sort",
    "dag_id",
    "kind",
    "suite",
    "table",
    "action",
    "actor",
    "scenario",
    "outcome",
)


@pytest.fixture(autouse=True)
def _answers_whatever_fails(admin: Visitor) -> None:
    """What is raised is answered by the error handler, as for a browser."""
    admin.raise_request_exception = False


@pytest.mark.parametrize("text", texts.SQL)
def test_a_list_takes_it_for_a_text(text: str, admin: Visitor) -> None:
    people, entries = User.objects.count(), AuditEntry.objects.count()
    harmless = _seconds_of_every_list(admin, "harmless") if "sleep" in text else 0.0
    began = time.monotonic()
    for path in LISTS:
        answer = admin.get(f"{path}?{urlencode(dict.fromkeys(PARAMETERS, text))}")
        # What can't be chosen is refused by its name.
        assert answer.status_code in (200, 404, 422), (path, answer.content[:300])
        if answer.status_code == 422:
            assert any(f"{name}: " in answer.json()["error"]["message"] for name in PARAMETERS), answer.content[:300]
    for path in PAGES:
        assert admin.get(f"{path}?{urlencode(dict.fromkeys(PARAMETERS, text))}").status_code == 200, path
    assert (User.objects.count(), AuditEntry.objects.count()) == (people, entries)
    if "sleep" in text:
        # Each of the texts would have it sleep for 5 seconds in each list.
        slept = 5 * len((*LISTS, *PAGES))
        assert time.monotonic() - began < harmless + slept / 2, "the database slept"


def _seconds_of_every_list(client: Visitor, text: str) -> float:
    began = time.monotonic()
    for path in (*LISTS, *PAGES):
        client.get(f"{path}?{urlencode(dict.fromkeys(PARAMETERS, text))}")
    return time.monotonic() - began


@pytest.mark.parametrize("text", [*texts.SQL, *texts.TEMPLATES, *texts.LINES])
def test_what_is_looked_for_is_found_and_nothing_else(text: str) -> None:
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        return  # no row holds it; test_shown_texts and test_documents hold that it is refused
    now = timezone.now()
    with_it = DagRun.objects.create(dag_id="medallion", run_id="a", message=f"before {text} after", requested_at=now)
    DagRun.objects.create(dag_id="medallion", run_id="b", message="zzz", requested_at=now)
    found = ListFilter(text=text).apply(DagRun.objects.all(), at="requested_at", text=("message",))
    assert list(found) == [with_it]


def _packed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def _cursor(*values: Any) -> str:
    return _packed(json.dumps(values))


NOW = "2026-11-29T10:00:00+00:00"
CURSORS = {
    "not base64": "%%%", "empty": "=", "no JSON": _packed("{"), "an object": _packed('{"a": 1}'),
    "too few": _cursor(NOW),
    "too many": _cursor(NOW, 1, 2, 3), "nested": _cursor([NOW], [1]), "null": _cursor(None, None),
    "booleans": _cursor(True, False), "SQL": _cursor(NOW, "1) OR (1=1"), "SQL in the time": _cursor("' OR '1'='1", 1),
    "a field": _cursor("password", "id"), "huge": _cursor(NOW, 10**30), "huge float": _cursor(1e308, 1e308),
    "infinite": _packed("[1e999, 1]"), "not a number": _packed("[NaN, NaN]"), "NUL": _cursor(NOW, "\x00"),
    "surrogate": _packed('["\\ud800", 1]'), "far": _cursor("9999-12-31T23:59:59+00:00", 1),
    "beyond": _cursor("99999-01-01", 1), "before": _cursor("0001-01-01T00:00:00+23:59", 1), "lists": _packed("[" * 600),
    "long": "W" * 1_000_000, "a uuid": _cursor(NOW, str(uuid.UUID(int=1))), "digits": _packed("[" + "9" * 700 + ", 1]"),
    "spaces": " " * 900, "three of runs": _cursor(NOW, "dag", "1; DROP TABLE x"), "kind of runs": _cursor(NOW, "'", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", CURSORS)
def test_a_cursor_is_the_lists_own_or_refused(name: str, admin: Visitor) -> None:
    for path in (*LISTS[:-2], *PAGES[:-2]):
        # What the database refuses ends a transaction, and requests have none.
        with transaction.atomic():
            answer = admin.get(path, {"cursor": CURSORS[name]})
            transaction.set_rollback(True)
        assert answer.status_code in (200, 422), (path, answer.status_code, answer.content[:300])
        if answer.status_code == 422:
            said = answer.json()["error"]["message"] if path.startswith("/api/") else Page.of(answer).text
            assert "cursor: " in said


MOMENTS = (
    "now()", "' OR 1=1", "2026-13-01", "2026-02-30", "0000-01-01", "9999-12-31T23:59:59-23:59", "10000-01-01",
    "infinity",
    "-infinity", "epoch", "today", "2026-11-29T25:00", "2026-11-29T10:00:00+99:99", "1e9", "T" * 65, "20261129",
    "\u0662\u0660\u0662\u0666-11-29", "2026-11-29T10:00:00Z; SELECT 1", "2026-11-29\x00", "2026-11-29T" + "0" * 60,
    "2026-W48-7", "2026-333",
)  # fmt: skip


@pytest.mark.parametrize("text", MOMENTS)
def test_a_moment_is_one_or_is_refused_by_its_name(text: str, admin: Visitor) -> None:
    for name in ("since", "until"):
        for path in LISTS[:2]:
            answer = admin.get(path, {name: text})
            assert answer.status_code in (200, 422), answer.content[:300]
            if answer.status_code == 422:
                assert f"{name}: " in answer.json()["error"]["message"]
        page = admin.get("/runs/", {name: text})
        assert page.status_code == 200
