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
from tests.accounts.signed_in import bearer, by_token, in_session, session_of
from tests.people import person

pytestmark = pytest.mark.django_db
OUTCOME = AuditEntry.Outcome


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
def test_the_page_and_the_api_filter_alike(rows: list[AuditEntry], query: str, expected: list[int]) -> None:
    query = query.format(since=(timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    client = in_session(Role.VIEWER)
    items = client.get(f"/api/v1/audit?{query}").json()["items"]
    assert [item["sequence"] for item in items] == expected
    page = client.get(f"/activity/?{query}").content.decode()
    assert [int(number) for number in re.findall(r'aria-label="Row (\d+)"', page)] == expected


def test_a_request_id_and_an_address_find_their_rows() -> None:
    admin = in_session(Role.ADMIN)
    for address, name in (("198.51.100.1", "request-1"), ("198.51.100.2", "request-2")):
        Client(REMOTE_ADDR=address).post(
            "/sign-in/", {"username": "admin", "password": "wrong"}, headers={"X-Request-ID": name}
        )
    for query in ("request_id=request-2", "address=198.51.100.2", "address=::ffff:198.51.100.2"):
        (found,) = admin.get(f"/api/v1/audit?{query}").json()["items"]
        assert (found["request_id"], found["address"]) == ("request-2", "198.51.100.2")
        page = admin.get(f"/activity/?{query}").content.decode()
        assert re.findall(r'aria-label="Row (\d+)"', page) == [str(found["sequence"])]
    assert "Request ID" in page
    assert 'name="address"' in page
    refused = admin.get("/api/v1/audit?address=somewhere")
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        422,
        "address: 'somewhere' is not an IP address.",
    )
    assert (
        "somewhere is not an IP address. Write one such as 192.0.2.1."
        in admin.get("/activity/?address=somewhere").content.decode()
    )
    User.objects.filter(username="admin").update(role=Role.VIEWER)
    assert 'name="address"' not in admin.get("/activity/").content.decode()


def test_a_row_has_a_page_with_what_changed_and_its_neighbours() -> None:
    admin = person(Role.ADMIN)
    client = session_of(admin)
    victor = User.objects.create_user("victor")
    person_change(actor=admin, person=victor, role=Role.OPERATOR, active=True)
    person_change(actor=admin, person=victor, role=Role.OPERATOR, active=True)
    person_change(actor=admin, person=victor, role=Role.ADMIN, active=True)
    first, unchanged, last = AuditEntry.objects.order_by("sequence")
    page = client.get(f"/activity/{first.pk}/").content.decode()
    assert '<th scope="row">role</th><td><del>viewer</del></td><td><ins>operator</ins></td>' in page
    assert first.hash in page
    assert re.findall(r'rel="(prev|next)" href="([^"]+)"', page) == [("next", f"/activity/{unchanged.pk}/")]
    page = client.get(f"/activity/{unchanged.pk}/").content.decode()
    assert "Nothing was changed." in page
    assert re.findall(r'rel="(prev|next)" href="([^"]+)"', page) == [
        ("prev", f"/activity/{first.pk}/"),
        ("next", f"/activity/{last.pk}/"),
    ]
    answer = client.get(f"/api/v1/audit/{last.pk}").json()
    assert (answer["previous"], answer["next"], answer["before"], answer["after"]) == (
        str(unchanged.pk), None, {"role": "operator"}, {"role": "admin"},
    )  # fmt: skip
    assert (answer["hash"], answer["previous_hash"]) == (last.hash, unchanged.hash)
    Client().post("/sign-in/", {"username": "victor", "password": "wrong"})
    page = client.get(AuditEntry.objects.latest("sequence").get_absolute_url()).content.decode()
    assert "The action failed: no change was recorded." in page
    missing = client.get("/activity/00000000-0000-0000-0000-000000000000/")
    assert missing.status_code == 404


def test_the_page_says_what_is_known_of_the_chain(rows: list[AuditEntry]) -> None:
    client = in_session(Role.VIEWER)
    assert "Chain unknown</span></span>, never verified" in client.get("/activity/").content.decode()
    verify_and_note(complete=True)
    assert "Chain verified</span></span> up to row 3" in client.get("/activity/").content.decode()
    AuditVerification.objects.update(problem={"sequence": 2, "kind": "missing", "message": "Row 2 is missing."})
    page = client.get("/activity/").content.decode()
    assert "Chain broken</span></span> at row 2" in page
    assert 'role="alert">The audit chain is broken at row 2. Row 2 is missing.' in page
    answer = client.get("/api/v1/audit/verification").json()
    assert (answer["state"], answer["problem"]["kind"]) == ("failed", "missing")


@pytest.mark.parametrize("query", ["", "actor=grace", "text=needle&sort=oldest", "outcome=refused"])
@pytest.mark.parametrize("path", ["/activity/export.{}?", "/api/v1/audit/export?format={}&"])
def test_an_export_has_the_rows_of_the_filtered_list(
    rows: list[AuditEntry], query: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "CHUNK", 2)
    client = in_session(Role.ADMIN)
    listed = client.get(f"/api/v1/audit?{query}").json()["items"]
    answer = client.get(path.format("jsonl") + query)
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
    answer = client.get(path.format("csv") + "until=" + timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    head, *cells = csv.reader(io.StringIO(body(answer).decode(), newline=""))
    assert head == list(exporting.COLUMNS)
    by_sequence = {line[0]: dict(zip(head, line, strict=True)) for line in cells}
    # No formula, and everything in its cell.
    assert by_sequence["3"]["resource"] == "'=cmd|'/C calc'!A0"
    assert json.loads(by_sequence["3"]["details"]) == {"reason": 'a "quoted", line\nbreak'}
    assert by_sequence["2"]["after"] == '{"x":"needle"}'


def test_an_export_is_streamed_in_parts_by_the_server(rows: list[AuditEntry], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "CHUNK", 2)
    admin = person(Role.ADMIN)

    async def read() -> list[bytes]:
        client = AsyncClient()
        await client.aforce_login(admin)
        answer: Any = await client.get("/activity/export.jsonl?sort=oldest")
        return [part async for part in answer.streaming_content]

    parts = async_to_sync(read)()
    assert [[json.loads(line)["sequence"] for line in part.splitlines()] for part in parts] == [[1, 2], [3]]
    assert AuditEntry.objects.get(action="audit.export").via == "session"


def test_an_export_is_for_admins_and_refusals_are_kept(rows: list[AuditEntry]) -> None:
    for client, path in (
        (in_session(Role.OPERATOR), "/activity/export.csv"),
        (by_token(Role.VIEWER), "/api/v1/audit/export"),
    ):
        assert client.get(path).status_code == 403
        entry = AuditEntry.objects.latest("sequence")
        assert (entry.action, entry.outcome) == ("audit.export", "refused")
    assert "export.csv" not in session_of(User.objects.get(username="viewer")).get("/activity/").content.decode()


def test_an_export_with_a_filter_that_can_not_be_read_is_refused() -> None:
    answer = in_session(Role.ADMIN).get("/activity/export.csv?since=yesterday")
    assert answer.status_code == 422
    assert "From: yesterday is no moment." in answer.content.decode()
    assert "From: From" not in answer.content.decode()
    assert not AuditEntry.objects.exists()


def test_an_export_verifies_with_the_program_of_the_documentation(rows: list[AuditEntry], tmp_path: Path) -> None:
    """docs/audit.md has a program for other people: run as it is, on an export as it is."""
    token = token_create(actor=person(Role.ADMIN), name="export")[1]
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
