"""The chain of audit rows: nothing is missing, changed, moved or added without being found, at the right row."""

import contextlib
import hashlib
import io
import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import shared_task
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings
from structlog.contextvars import bound_contextvars

from controlplane.accounts import tasks
from controlplane.accounts.auditing import chain
from controlplane.accounts.auditing.canonical import ZERO, canonical, content_of, digest_of
from controlplane.accounts.auditing.chain import Kind, Link, Verification, chain_start, chain_verify, verify_and_note
from controlplane.accounts.auditing.retention import audit_purge
from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import AuditChain, AuditEntry, AuditVerification, User
from controlplane.accounts.roles import Role
from controlplane.accounts.selectors import chain_status
from controlplane.accounts.services import audited
from tests.accounts.clients import by_token, send
from tests.pages import Visitor

pytestmark = pytest.mark.django_db
OUTCOME = AuditEntry.Outcome


def written(count: int, *, now: datetime | None = None) -> list[AuditEntry]:
    return [
        audit_append(
            actor=None, actor_name="grace", action="a.b", target=f"row {number}", outcome=OUTCOME.SUCCEEDED,
            detail={"number": number}, before={"x": number}, after={"x": number + 1}, now=now,
        )
        for number in range(count)
    ]  # fmt: skip


@contextmanager
def tampering() -> Iterator[Callable[..., None]]:
    """SQL as the owner of the table may run it who has turned the trigger off."""

    def run(sql: str, *values: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)

    run("ALTER TABLE accounts_auditentry DISABLE TRIGGER accounts_audit_append_only")
    try:
        yield run
    finally:
        run("ALTER TABLE accounts_auditentry ENABLE TRIGGER accounts_audit_append_only")


def problem(found: Verification) -> tuple[int, str] | None:
    return (found.problem.sequence, found.problem.kind.value) if found.problem else None


def rewritten(run: Callable[..., None], sequence: int, **changed: Any) -> None:
    """Change a row and give it the hash of its new content, as somebody does who knows the canonical form."""
    entry = AuditEntry.objects.get(sequence=sequence)
    for name, value in changed.items():
        setattr(entry, name, value)
    run(
        "UPDATE accounts_auditentry SET target = %s, previous_hash = %s, hash = %s WHERE sequence = %s",
        entry.target, entry.previous_hash, digest_of(entry), sequence,
    )  # fmt: skip


def test_the_canonical_form_is_the_published_one() -> None:
    entry = AuditEntry(
        id=uuid.UUID(int=7), sequence=3, at=datetime(2026, 11, 29, 10, 39, 39, tzinfo=UTC), actor_id=5,
        actor_name="Gra\u00e7e", action="stream.start", target='a "b"', outcome=OUTCOME.SUCCEEDED,
        detail={"z": 1.0, "a": [True, None, 0.5, "\u00e9"]}, before=None, after={"n": 1e22}, address="192.0.2.1",
        request_id="r" * 8, via="session", credential="c", previous_hash="ab" * 32,
    )  # fmt: skip
    text = (
        '{"action":"stream.start","actor":"Gra\u00e7e","actor_id":5,"address":"192.0.2.1",'
        '"after":{"n":10000000000000000000000},"at":"2026-11-29T10:39:39.000000Z","before":null,"credential":"c",'
        '"detail":{"a":[true,null,0.5,"\u00e9"],"z":1},"id":"00000000-0000-0000-0000-000000000007",'
        f'"outcome":"succeeded","previous_hash":"{"ab" * 32}","request_id":"rrrrrrrr","sequence":3,'
        '"target":"a \\"b\\"","v":1,"via":"session"}'
    )
    assert canonical(content_of(entry)) == text.encode()
    assert digest_of(entry) == hashlib.sha256(text.encode()).hexdigest()


def test_what_the_database_gives_back_has_the_same_hash() -> None:
    strange = {
        "numbers": [1.0, -0.0, 1e22, 1e23, 1e-7, 0.1, 2**63, float("nan"), float("inf"), True],
        "text": "\x00 \ud800 \u2028 \U0001f600 \\u0000",
        "nested": {"b": {"a": ()}, "\u00e9": {1}},
        "when": datetime(2026, 1, 1, tzinfo=UTC),
        "id": uuid.UUID(int=1),
    }
    entry = audit_append(
        actor=None, action="a.b", target="\x00t\ud800", outcome=OUTCOME.FAILED, detail=strange, before={}, after=strange
    )
    again = AuditEntry.objects.get()
    assert (again.hash, digest_of(again), again.before) == (entry.hash, entry.hash, {})
    assert problem(chain_verify()) is None


def test_rows_are_numbered_and_continue_each_other() -> None:
    rows = written(3)
    assert [row.sequence for row in rows] == [1, 2, 3]
    assert [row.previous_hash for row in rows] == [ZERO, rows[0].hash, rows[1].hash]
    found = chain_verify()
    assert (found.start, found.head, found.rows, found.problem) == (Link(0, ZERO), Link(3, rows[2].hash), 3, None)


def test_an_empty_audit_holds() -> None:
    assert chain_verify() == Verification(Link(0, ZERO), Link(0, ZERO), 0, None)


def _changed(actor: User, number: int, *, fails: bool) -> None:
    with audited(actor=actor, action="stream.start", target="stream") as act, transaction.atomic():
        User.objects.select_for_update().get(pk=actor.pk)
        act.changed({"n": number}, {"n": number + 1})
        if fails:
            raise ZeroDivisionError


@pytest.mark.django_db(transaction=True)
def test_parallel_writers_leave_no_gap(operator_user: User) -> None:
    barrier, failed = threading.Barrier(8), list[BaseException]()

    def write() -> None:
        try:
            barrier.wait(30)
            for number in range(12):
                # What is rolled back leaves its row all the same.
                with contextlib.suppress(ZeroDivisionError):
                    _changed(operator_user, number, fails=number % 3 == 0)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failed == []
    assert list(AuditEntry.objects.order_by("sequence").values_list("sequence", flat=True)) == list(range(1, 97))
    outcomes = AuditEntry.objects.values_list("outcome", flat=True).order_by()
    assert sorted(outcomes) == ["failed"] * 32 + ["succeeded"] * 64
    found = chain_verify()
    assert (found.rows, found.problem) == (96, None)


FIELDS: dict[str, Any] = {
    "id": str(uuid.UUID(int=9)), "at": "2020-01-01T00:00:00Z", "actor_id": 12345, "actor_name": "mallory",
    "action": "x.y", "target": "other", "outcome": "failed", "detail": '{"number": 2, "more": 1}', "before": "null",
    "after": '{"x": 99}', "address": "198.51.100.1", "request_id": "another1", "via": "token",
    "credential": "another", "hash": "0" * 64, "previous_hash": "0" * 64,
}  # fmt: skip


def test_every_column_is_covered_by_the_hash() -> None:
    columns = {field.column for field in AuditEntry._meta.concrete_fields}
    assert columns == {*FIELDS, "sequence"}


@pytest.mark.parametrize("column", FIELDS)
def test_a_changed_field_is_found(column: str) -> None:
    written(5)
    with tampering() as run:
        run(f"UPDATE accounts_auditentry SET {column} = %s WHERE sequence = 3", FIELDS[column])  # noqa: S608
    assert problem(chain_verify()) == (3, Kind.CHANGED)
    assert chain_verify().rows == 2


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("DELETE FROM accounts_auditentry WHERE sequence = 1", (1, "missing")),
        ("DELETE FROM accounts_auditentry WHERE sequence IN (3, 4)", (3, "missing")),
        ("DELETE FROM accounts_auditentry WHERE sequence = 6", (6, "missing")),
        ("DELETE FROM accounts_auditentry", (1, "missing")),
        ("UPDATE accounts_auditentry SET sequence = 9 WHERE sequence = 6", (6, "missing")),
        # The last rows and the head that counts them.
        ("UPDATE accounts_auditchain SET sequence = 4", (4, "replaced")),
        ("DELETE FROM accounts_auditchain", (1, "unexpected")),
    ],
)
def test_what_is_gone_is_found(sql: str, expected: tuple[int, str]) -> None:
    written(6)
    with tampering() as run:
        run(sql)
    assert problem(chain_verify()) == expected


def test_swapped_rows_are_found_at_the_first() -> None:
    written(6)
    with tampering() as run:
        run("UPDATE accounts_auditentry SET sequence = -1 WHERE sequence = 2")
        run("UPDATE accounts_auditentry SET sequence = 2 WHERE sequence = 5")
        run("UPDATE accounts_auditentry SET sequence = 5 WHERE sequence = -1")
    found = chain_verify()
    assert problem(found) == (2, "moved")
    assert found.problem is not None
    assert "written as number 5" in found.problem.message


def test_an_inserted_row_is_found() -> None:
    written(4)
    with tampering() as run:
        run("UPDATE accounts_auditentry SET sequence = sequence + 100 WHERE sequence >= 3")
        run("UPDATE accounts_auditentry SET sequence = sequence - 99 WHERE sequence >= 103")
        run(
            """INSERT INTO accounts_auditentry SELECT * FROM jsonb_populate_record(NULL::accounts_auditentry,
            (SELECT to_jsonb(row) || jsonb_build_object('id', %s::text, 'sequence', 3)
            FROM accounts_auditentry AS row WHERE sequence = 4))""",
            str(uuid.uuid4()),
        )
        run("UPDATE accounts_auditchain SET sequence = 5")
    assert problem(chain_verify()) == (3, "changed")
    with tampering() as run:
        rewritten(run, 3, previous_hash=AuditEntry.objects.get(sequence=2).hash)
    assert problem(chain_verify()) == (4, "moved")


def test_a_row_beyond_the_head_is_found() -> None:
    last = written(3)[-1]
    forged = AuditEntry(
        sequence=4, at=timezone.now(), actor_name="mallory", action="x.y", target="t", outcome="succeeded",
        previous_hash=last.hash, via="session",
    )  # fmt: skip
    forged.hash = digest_of(forged)
    forged.save(force_insert=True)
    assert problem(chain_verify()) == (4, "unexpected")


@pytest.mark.parametrize("sequence", [0, -5])
def test_a_row_before_the_beginning_is_found(sequence: int) -> None:
    written(3)
    forged = AuditEntry(
        sequence=sequence, at=timezone.now(), actor_name="mallory", action="x.y", target="t", outcome="succeeded",
        previous_hash=ZERO, via="session",
    )  # fmt: skip
    forged.hash = digest_of(forged)
    forged.save(force_insert=True)
    assert problem(chain_verify()) == (sequence, "unexpected")


def test_a_wrong_anchor_fails_the_command_and_is_not_kept_as_a_broken_chain() -> None:
    rows = written(3)
    call_command("verify_audit", stdout=io.StringIO())
    failed = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", "--anchor", f"2:{rows[0].hash}", stderr=failed)
    assert (ended.value.code, "differs from the anchor 2:" in failed.getvalue()) == (1, True)
    assert chain_status().state == "succeeded"


def test_a_rewritten_row_is_found_where_its_successor_continues_another() -> None:
    written(5)
    with tampering() as run:
        rewritten(run, 3, target="other")
    assert problem(chain_verify()) == (3, "replaced")


def test_a_chain_that_is_written_again_is_found_by_its_anchor_only() -> None:
    rows = written(5)
    anchor = Link(4, rows[3].hash)
    with tampering() as run:
        previous = rows[1].hash
        for sequence in (3, 4, 5):
            rewritten(run, sequence, target="other", previous_hash=previous)
            previous = AuditEntry.objects.get(sequence=sequence).hash
        run("UPDATE accounts_auditchain SET hash = %s", previous)
    assert problem(chain_verify()) is None
    assert problem(chain_verify(anchors=[anchor])) == (4, "replaced")
    assert problem(chain_verify(anchors=[Link(9, ZERO)])) == (9, "missing")


@pytest.mark.parametrize(
    "sql", ["UPDATE accounts_auditentry SET target = 'x' WHERE sequence = 2", "DELETE FROM accounts_auditentry"]
)
def test_the_database_refuses_to_change_rows(sql: str) -> None:
    written(3)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert problem(chain_verify()) is None


def test_a_user_who_is_deleted_stays_in_the_rows(admin: Visitor, operator_user: User) -> None:
    with audited(actor=operator_user, action="stream.start", target="stream"):
        pass
    key = operator_user.pk
    operator_user.delete()
    entry = AuditEntry.objects.get()
    assert (entry.actor_id, entry.actor_name, problem(chain_verify())) == (key, "operator", None)
    assert admin.get(entry.get_absolute_url()).status_code == 200
    assert admin.get(f"/api/v1/audit/{entry.pk}").json()["actor"] == "operator"


def test_rows_are_read_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    written(10)
    monkeypatch.setattr(chain, "CHUNK", 3)
    with CaptureQueriesContext(connection) as queries:
        assert chain_verify().rows == 10
    read = [one["sql"] for one in queries if 'ORDER BY "accounts_auditentry"."sequence" ASC' in one["sql"]]
    # The last one looks for a row before the beginning.
    assert [sql.rpartition(" ")[2] for sql in read] == ["3", "3", "3", "3", "1"]


def test_the_command_says_whether_the_chain_holds() -> None:
    rows = written(3)
    said = io.StringIO()
    call_command("verify_audit", stdout=said)
    assert said.getvalue() == f"The audit chain is valid: 3 rows.\nHead 3:{rows[2].hash}\n"
    said = io.StringIO()
    call_command("verify_audit", "--json", "--anchor", f"2:{rows[1].hash}", stdout=said)
    assert json.loads(said.getvalue()) == {
        "holds": True,
        "rows": 3,
        "start": {"sequence": 0, "hash": ZERO},
        "head": {"sequence": 3, "hash": rows[2].hash},
        "problem": None,
        "anchors_not_verified": [],
    }
    with tampering() as run:
        run("UPDATE accounts_auditentry SET target = 'x' WHERE sequence = 2")
    said, failed = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", stdout=said, stderr=failed)
    assert (ended.value.code, said.getvalue()) == (1, "")
    assert failed.getvalue() == (
        "The audit chain is broken at row 2 (changed).\n"
        "The content of row 2 does not match its hash.\nVerified rows before it: 1.\n"
    )
    said = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_audit", "--json", stdout=said)
    assert json.loads(said.getvalue())["problem"] == {
        "sequence": 2, "kind": "changed", "message": "The content of row 2 does not match its hash.",
    }  # fmt: skip


def test_an_anchor_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="is not <sequence>:<SHA-256"):
        call_command("verify_audit", "--anchor", "3")


def test_the_periodic_verification_goes_on_where_it_ended_and_looks_at_everything_once_a_day(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert chain_status().state == "unknown"
    written(3)
    logger = "controlplane.accounts.tasks"
    with caplog.at_level(logging.INFO, logger):
        tasks.verify_audit()
    head = AuditChain.objects.get()
    said = [(one.getMessage(), vars(one)) for one in caplog.records if one.name == logger]
    assert [(message, one["audit_sequence"], one["audit_hash"]) for message, one in said] == [
        ("audit chain head", 3, head.hash)
    ]
    status = chain_status()
    assert status.verification is not None
    assert (status.state, status.verification.sequence, status.verification.hash) == ("succeeded", 3, head.hash)
    with tampering() as run:
        run("UPDATE accounts_auditentry SET target = 'x' WHERE sequence = 1")
    written(2)
    tasks.verify_audit()
    row = AuditVerification.objects.get()
    assert (row.sequence, row.problem) == (5, None)
    AuditVerification.objects.update(complete_at=timezone.now() - timedelta(days=1))
    tasks.verify_audit()
    status = chain_status()
    assert status.state == "failed"
    assert status.verification is not None
    assert status.verification.problem is not None
    assert status.verification.problem["sequence"] == 1
    errors = [one for one in caplog.records if one.name == logger and one.levelno == logging.ERROR]
    assert [one.getMessage() for one in errors] == [
        "the audit chain is broken: The content of row 1 does not match its hash."
    ]
    # What is broken stays so until everything holds.
    tasks.verify_audit()
    assert chain_status().state == "failed"


def test_a_verification_of_long_ago_says_nothing_about_today(viewer: Visitor) -> None:
    written(1)
    verify_and_note(complete=True)
    AuditVerification.objects.update(checked_at=timezone.now() - timedelta(days=2))
    assert chain_status().state == "unknown"
    answer = viewer.get("/api/v1/audit/verification").json()
    assert (answer["state"], answer["sequence"], answer["problem"]) == ("unknown", 1, None)


def test_retention_deletes_whole_prefixes_and_says_where_the_chain_begins() -> None:
    now = timezone.now()
    rows = written(5, now=now - timedelta(days=40)) + written(2, now=now)
    # A row with an old clock among newer ones is kept: only a prefix goes.
    written(1, now=now - timedelta(days=40))
    assert audit_purge(days=30, now=now, batch=2) == 5
    assert list(AuditEntry.objects.order_by("sequence").values_list("sequence", "action")) == [
        *((6, "a.b"), (7, "a.b"), (8, "a.b")),
        *((9, "audit.purge"), (10, "audit.purge"), (11, "audit.purge")),
    ]
    last = AuditEntry.objects.latest("sequence")
    assert (last.actor_name, last.target, last.via) == ("system", "rows 5 to 5", "command")
    assert last.before == {"last_sequence": 4, "last_hash": rows[3].hash}
    assert last.after == {"last_sequence": 5, "last_hash": rows[4].hash}
    assert chain_start() == Link(5, rows[4].hash)
    found = chain_verify(anchors=[Link(3, ZERO)])
    assert (found.rows, found.problem) == (6, None)
    said = io.StringIO()
    call_command("verify_audit", "--anchor", f"3:{ZERO}", stdout=said, stderr=said)
    assert "6 rows after row 5 (older rows were deleted by retention)" in said.getvalue()
    assert "these rows were deleted by retention: 3:" in said.getvalue()
    # Further rows of the prefix that go without retention are missing.
    with tampering() as run:
        run("DELETE FROM accounts_auditentry WHERE sequence = 6")
    assert problem(chain_verify()) == (6, "missing")


def test_retention_keeps_everything_by_default_and_a_broken_chain_always(settings: Settings) -> None:
    old = timezone.now() - timedelta(days=4000)
    written(3, now=old)
    tasks.purge_audit()
    assert AuditEntry.objects.count() == 3
    settings.AUDIT_RETENTION_DAYS = 30
    with tampering() as run:
        run("UPDATE accounts_auditentry SET target = 'x' WHERE sequence = 2")
    tasks.purge_audit()
    assert AuditEntry.objects.count() == 3
    with tampering() as run:
        run("UPDATE accounts_auditentry SET target = 'row 1' WHERE sequence = 2")
    tasks.purge_audit()
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["audit.purge"]
    assert problem(chain_verify()) is None
    tasks.purge_audit()
    assert AuditEntry.objects.count() == 1


def test_retention_while_the_chain_is_verified_is_no_problem() -> None:
    now = timezone.now()
    written(4, now=now - timedelta(days=40))
    written(2, now=now)
    deleted: list[int] = []

    def meanwhile(execute: Any, sql: str, *more: Any) -> Any:
        # The verification knows where the chain begins, and reads its rows next.
        if "MAX(" in sql and not deleted:
            deleted.append(0)
            deleted[0] = audit_purge(days=30, now=now)
        return execute(sql, *more)

    with connection.execute_wrapper(meanwhile):
        found = chain_verify()
    assert deleted == [4]
    assert (found.start.sequence, found.rows, found.problem) == (4, 3, None)


def _done(actor: User) -> AuditEntry:
    with audited(actor=actor, action="stream.start", target="stream"):
        pass
    return AuditEntry.objects.latest("sequence")


@shared_task
def done_by_a_worker(key: int) -> str:
    return str(_done(User.objects.get(pk=key)).pk)


def test_a_row_says_how_the_actor_was_authenticated_and_from_where(operator_user: User, viewer: Visitor) -> None:
    entry = _done(operator_user)
    assert (entry.via, entry.credential, entry.address, entry.request_id) == ("command", "", None, "")
    with bound_contextvars(request_id="of-a-request"):
        entry = AuditEntry.objects.get(pk=done_by_a_worker.apply(args=(operator_user.pk,)).get())
    assert (entry.via, entry.credential, entry.address) == ("worker", "", None)
    answer = viewer.post("/settings/time-zone/", {"time_zone": "UTC"}, headers={"X-Request-ID": "request-1"})
    entry = AuditEntry.objects.latest("sequence")
    session = viewer.get("/api/v1/me/sessions").json()["items"][0]["id"]
    assert answer.headers["X-Request-ID"] == "request-1"
    assert (entry.via, entry.credential) == ("session", session)
    assert (entry.address, entry.request_id) == ("127.0.0.1", "request-1")
    User.objects.all().delete()
    send(by_token(Role.OPERATOR), "/me", {"time_zone": "Asia/Tokyo"}, "patch")
    entry = AuditEntry.objects.latest("sequence")
    assert (entry.via, entry.credential.startswith("tests (lh_"), entry.address) == ("token", True, "127.0.0.1")
    # Nothing of a request is left behind it.
    assert _done(User.objects.get()).via == "command"


def test_a_token_or_a_password_in_what_is_told_is_hidden() -> None:
    audit_append(
        actor=None, action="a.b", target="lh_" + "a" * 43, outcome=OUTCOME.FAILED,
        detail={
            "password": "hunter2hunter2", "api_key": ["hunter2"], "tokens_revoked": 3, "note": "x lh_" + "b" * 43,
            "error": "postgresql://user:hunter2@host/db", "conf": {"nested": {"client_secret": "hunter2"}},
        },
    )  # fmt: skip
    entry = AuditEntry.objects.get()
    assert entry.target == "lh_(hidden)"
    assert entry.detail == {
        "password": "(hidden)", "api_key": "(hidden)", "tokens_revoked": 3, "note": "x lh_(hidden)",
        "error": "postgresql://user:(hidden)@host/db", "conf": {"nested": {"client_secret": "(hidden)"}},
    }  # fmt: skip


def test_what_is_large_is_kept_as_its_digest() -> None:
    audit_append(
        actor=None, action="a.b", target="t", outcome=OUTCOME.SUCCEEDED,
        detail={"text": "x" * 5000, "list": ["y" * 900] * 90},
        after={f"n{number}": "z" * 1000 for number in range(60)},
    )  # fmt: skip
    entry = AuditEntry.objects.get()
    assert entry.detail["text"] == "x" * 999 + "…"
    large = json.dumps(["y" * 900] * 90, separators=(",", ":")).encode()
    assert entry.detail["list"] == {"sha256": hashlib.sha256(large).hexdigest(), "bytes": len(large)}
    assert entry.after is not None
    assert set(entry.after) == {"sha256", "bytes"}
