"""Activity on the page and in the API: filters, one row with what changed, and the export."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from django.utils import timezone

import controlplane
from controlplane.accounts.auditing import exporting
from controlplane.accounts.auditing.chain import verify_and_note
from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import AuditEntry, AuditVerification, User
from controlplane.accounts.roles import Role
from controlplane.accounts.services import person_change, token_create
from tests.accounts.clients import bearer, by_token
from tests.labels import Activity, Lists
from tests.pages import Page, Visitor
from tests.people import visitor

pytestmark = pytest.mark.django_db
OUTCOME = AuditEntry.Outcome


def sequences(page: Page) -> list[int]:
    """The numbers of the rows on a page of Activity; the first link of each leads to its own page."""
    addresses = [next(iter(row.part.links.values())) for table in page.tables for row in table.rows]
    return [AuditEntry.objects.get(pk=address.split("/")[2]).sequence for address in addresses]


def body(answer: Any) -> bytes:
    """A streamed answer, read as a server does."""

    async def read() -> bytes:
        return b"".join([part async for part in cast(AsyncIterator[bytes], answer.streaming_content)])

    return async_to_sync(read)()


@pytest.fixture
def rows() -> list[AuditEntry]:
    """Rows that differ in what is filtered by."""
    now = timezone.now()
    made = [
        ("grace", "stream.start", "stream", OUTCOME.SUCCEEDED, {"note": "first needle"}, None, timedelta(days=3)),
        ("grace", "stream.stop", "stream", OUTCOME.FAILED, {}, {"x": "needle"}, timedelta(days=2)),
        ("oscar", "scenario.run", "=cmd|'/C calc'!A0", OUTCOME.REFUSED, {"reason": 'a "quoted", line\nbreak'}, None,
         timedelta(hours=2)),
    ]  # fmt: skip
    return [
        audit_append(
            actor=None, actor_name=name, action=action, target=target, outcome=outcome, detail=detail, after=after,
            now=now - ago,
        )
        for name, action, target, outcome, detail, after, ago in made
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [3, 2, 1]),
        ("sort=oldest", [1, 2, 3]),
        ("actor=grace", [2, 1]),
        ("action=stream.stop", [2]),
        ("target=strea", [2, 1]),
        ("outcome=refused", [3]),
        ("text=needle", [2, 1]),
        ("text=needle&outcome=failed", [2]),
        ("text=STREAM", [2, 1]),
        ("since={since}", [3]),
        ("until={since}", [2, 1]),
        ("request_id=nothing1", []),
    ],
)
def test_the_page_and_the_api_filter_alike(
    rows: list[AuditEntry], query: str, expected: list[int], viewer: Visitor
) -> None:
    query = query.format(since=(timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    items = viewer.get(f"/api/v1/audit?{query}").json()["items"]
    assert [item["sequence"] for item in items] == expected
    assert sequences(viewer.page(f"/activity/?{query}")) == expected


def test_a_request_id_and_an_address_find_their_rows(admin: Visitor) -> None:
    for address, name in (("198.51.100.1", "request-1"), ("198.51.100.2", "request-2")):
        Client(REMOTE_ADDR=address).post(
            "/sign-in/", {"username": "admin", "password": "wrong"}, headers={"X-Request-ID": name}
        )
    for query in ("request_id=request-2", "address=198.51.100.2", "address=::ffff:198.51.100.2"):
        (found,) = admin.get(f"/api/v1/audit?{query}").json()["items"]
        assert (found["request_id"], found["address"]) == ("request-2", "198.51.100.2")
        page = admin.page(f"/activity/?{query}")
        assert sequences(page) == [found["sequence"]]
    assert {"request_id", "address"} <= set(page.controls)
    refused = admin.get("/api/v1/audit?address=somewhere")
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        422,
        "address: 'somewhere' is not an IP address.",
    )
    errors = admin.page("/activity/?address=somewhere").errors
    assert (list(errors), "somewhere" in errors["address"]) == (["address"], True)
    User.objects.filter(username="admin").update(role=Role.VIEWER)
    assert "address" not in admin.page("/activity/").controls


def test_a_row_has_a_page_with_what_changed_and_its_neighbours(admin_user: User, admin: Visitor) -> None:
    victor = User.objects.create_user("victor")
    person_change(actor=admin_user, person=victor, role=Role.OPERATOR, active=True)
    person_change(actor=admin_user, person=victor, role=Role.OPERATOR, active=True)
    person_change(actor=admin_user, person=victor, role=Role.ADMIN, active=True)
    first, unchanged, last = AuditEntry.objects.order_by("sequence")
    page = admin.page(f"/activity/{first.pk}/")
    (change,) = page.table(Activity.CHANGES).rows
    assert change.cells == {Activity.FIELD: "role", Activity.BEFORE: "viewer", Activity.AFTER: "operator"}
    assert page.fact(Activity.HASH) == first.hash
    assert neighbours(page) == (None, f"/activity/{unchanged.pk}/")
    page = admin.page(f"/activity/{unchanged.pk}/")
    nothing = page.card(Activity.CHANGES)
    assert (page.state, nothing.tables) == ("succeeded", [])
    assert neighbours(page) == (f"/activity/{first.pk}/", f"/activity/{last.pk}/")
    answer = admin.get(f"/api/v1/audit/{last.pk}").json()
    assert (answer["previous"], answer["next"], answer["before"], answer["after"]) == (
        str(unchanged.pk), None, {"role": "operator"}, {"role": "admin"},
    )  # fmt: skip
    assert (answer["hash"], answer["previous_hash"]) == (last.hash, unchanged.hash)
    Client().post("/sign-in/", {"username": "victor", "password": "wrong"})
    page = admin.page(AuditEntry.objects.latest("sequence").get_absolute_url())
    failed = page.card(Activity.CHANGES)
    assert (page.state, failed.tables) == ("failed", [])
    assert failed.text != nothing.text
    missing = admin.get("/activity/00000000-0000-0000-0000-000000000000/")
    assert missing.status_code == 404


def neighbours(page: Page) -> tuple[str | None, str | None]:
    """Where the page of a row leads to the one before and the one after."""
    return page.links.get(Activity.PREVIOUS), page.links.get(Activity.NEXT)


def test_the_page_says_what_is_known_of_the_chain(rows: list[AuditEntry], viewer: Visitor) -> None:
    page = viewer.page("/activity/")
    assert (page.state, Activity.NEVER_VERIFIED in page.subheading) == ("unknown", True)
    verify_and_note(complete=True)
    page = viewer.page("/activity/")
    assert (page.state, "row 3" in page.subheading, page.alerts) == ("succeeded", True, [])
    AuditVerification.objects.update(problem={"sequence": 2, "kind": "missing", "message": "Row 2 is missing."})
    page = viewer.page("/activity/")
    assert (page.state, "row 2" in page.subheading) == ("failed", True)
    (alert,) = page.alerts
    assert "at row 2" in alert
    assert "Row 2 is missing." in alert
    answer = viewer.get("/api/v1/audit/verification").json()
    assert (answer["state"], answer["problem"]["kind"]) == ("failed", "missing")


@pytest.mark.parametrize("query", ["", "actor=grace", "text=needle&sort=oldest", "outcome=refused"])
@pytest.mark.parametrize("path", ["/activity/export.{}?", "/api/v1/audit/export?format={}&"])
def test_an_export_has_the_rows_of_the_filtered_list(
    rows: list[AuditEntry], query: str, path: str, admin: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "CHUNK", 2)
    listed = admin.get(f"/api/v1/audit?{query}").json()["items"]
    answer = admin.get(path.format("jsonl") + query)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/jsonl; charset=utf-8")
    assert re.fullmatch(r'attachment; filename="audit-\d{8}T\d{6}Z\.jsonl"', answer.headers["Content-Disposition"])
    lines = [json.loads(line) for line in body(answer).splitlines()]
    names = ("id", "sequence", "actor", "action", "target", "outcome", "detail", "before", "after", "hash")
    assert [{name: line[name] for name in names} for line in lines] == [
        {name: item[name] for name in names} for item in listed
    ]
    entry = AuditEntry.objects.latest("sequence")
    assert (entry.action, entry.target, entry.outcome, entry.detail["rows"]) == (
        "audit.export", "audit (jsonl)", "succeeded", len(listed),
    )  # fmt: skip
    assert entry.detail["filters"] == dict(part.split("=") for part in query.split("&") if part)
    answer = admin.get(path.format("csv") + "until=" + timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    head, *cells = csv.reader(io.StringIO(body(answer).decode(), newline=""))
    assert head == list(exporting.COLUMNS)
    by_sequence = {line[0]: dict(zip(head, line, strict=True)) for line in cells}
    # No formula, and everything in its cell.
    assert by_sequence["3"]["resource"] == "'=cmd|'/C calc'!A0"
    assert json.loads(by_sequence["3"]["details"]) == {"reason": 'a "quoted", line\nbreak'}
    assert by_sequence["2"]["after"] == '{"x":"needle"}'


def test_an_export_is_streamed_in_parts_by_the_server(
    rows: list[AuditEntry], admin_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "CHUNK", 2)

    async def read() -> list[bytes]:
        client = AsyncClient()
        await client.aforce_login(admin_user)
        answer: Any = await client.get("/activity/export.jsonl?sort=oldest")
        return [part async for part in answer.streaming_content]

    parts = async_to_sync(read)()
    assert [[json.loads(line)["sequence"] for line in part.splitlines()] for part in parts] == [[1, 2], [3]]
    assert AuditEntry.objects.get(action="audit.export").via == "session"


def test_an_export_is_for_admins_and_refusals_are_kept(rows: list[AuditEntry], operator: Visitor) -> None:
    for client, path in (
        (operator, "/activity/export.csv"),
        (by_token(Role.VIEWER), "/api/v1/audit/export"),
    ):
        assert client.get(path).status_code == 403
        entry = AuditEntry.objects.latest("sequence")
        assert (entry.action, entry.outcome) == ("audit.export", "refused")
    page = visitor(User.objects.get(username="viewer")).page("/activity/")
    assert not [address for address in page.links.values() if "export.csv" in address]


def test_an_export_with_a_filter_that_can_not_be_read_is_refused(admin: Visitor) -> None:
    answer = admin.get("/activity/export.csv?since=yesterday")
    assert answer.status_code == 422
    page = Page.of(answer)
    assert "yesterday" in page
    assert page.text.count(f"{Lists.SINCE}:") == 1
    assert not AuditEntry.objects.exists()


def test_an_export_verifies_with_the_program_of_the_documentation(
    rows: list[AuditEntry], tmp_path: Path, admin_user: User
) -> None:
    """docs/audit.md has a program for other people: run as it is, on an export as it is."""
    token = token_create(actor=admin_user, name="export")[1]
    exported = body(bearer(token).get("/api/v1/audit/export?sort=oldest"))
    text = (Path(controlplane.__file__).parents[1] / "docs/audit.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "verify.py").write_text(program)

    def run(lines: bytes) -> subprocess.CompletedProcess[str]:
        (tmp_path / "audit.jsonl").write_bytes(lines)
        command = [sys.executable, "verify.py", "audit.jsonl"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    head = AuditEntry.objects.get(action="token.create")
    found = run(exported)
    assert (found.returncode, found.stdout) == (0, f"4 rows hold. Head 4:{head.hash}\n"), found.stderr
    assert run(exported.replace(b"first needle", b"other needle")).stderr == "row 1 was changed\n"
    lines = exported.splitlines(keepends=True)
    assert run(b"".join([*lines[:1], *lines[2:]])).stderr == "row 3 does not continue row 1\n"
