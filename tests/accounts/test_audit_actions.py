"""Every audited action of the product keeps what it changes, or is on the list with the reason why it doesn't.

The callers are read from the source, so that a new action that is not listed fails here; each listed action that is
compared is performed below.
"""

import ast
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.test.utils import override_settings
from django.utils import timezone

import controlplane
from controlplane.accounts.auditing.actions import ACTIONS, COMPARED
from controlplane.accounts.auditing.retention import audit_purge
from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.invitations import (
    email_change,
    link_revoke,
    link_use,
    person_invite,
    reset_link_create,
)
from controlplane.accounts.models import AccountLink, ApiToken, AuditEntry, User, UserSession
from controlplane.accounts.roles import Role
from controlplane.accounts.service_accounts import service_account_change, service_account_create
from controlplane.accounts.services import (
    all_sessions_end,
    password_change,
    person_change,
    person_create,
    session_end,
    time_zone_change,
    token_create,
    token_revoke,
)
from controlplane.accounts.single_sign_on.people import connect_refused, disconnect
from controlplane.leases import WorkState
from controlplane.ledger.services import recount_ask
from controlplane.orchestration.providers import job_runner
from controlplane.orchestration.services import dag_run_trigger, spark_job_submit
from controlplane.scenarios.documents.services import library_sync, scenario_save
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.recordings.services import recording_delete, recording_read, recording_upload
from controlplane.scenarios.runs.services import scenario_run_start, scenario_run_stop
from controlplane.scenarios.runs.steering import (
    scenario_run_pause,
    scenario_run_replay,
    scenario_run_resume,
    scenario_run_speed,
)
from controlplane.scenarios.schedules.services import (
    Wanted,
    schedule_change,
    schedule_create,
    schedule_delete,
    schedule_pause,
    schedule_resume,
)
from controlplane.streaming.selectors import stream_get
from controlplane.streaming.services import stream_configure, stream_start, stream_stop
from tests.accounts.clients import GOOD, RIGHT
from tests.accounts.two_step import code_of, verified
from tests.adapters import Adapters
from tests.people import person, visitor
from tests.scenarios.documents import DOCUMENT
from tests.scenarios.recorded import rees46
from tests.scenarios.requests import Requests

ROOT = Path(controlplane.__file__).parent
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

# --- The source -------------------------------------------------------------------------------------------------------


@cache
def trees() -> dict[str, ast.Module]:
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text())
        for path in ROOT.rglob("*.py")
        if not {"node_modules", "migrations"} & set(path.parts)
    }


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _known_as(path: str, name: str) -> str:
    """A function by its name; one of a module's own by its module as well."""
    return f"{path}:{name}" if name.startswith("_") else name


def _argument(call: ast.Call, at: int | None) -> ast.expr | None:
    named = next((one.value for one in call.keywords if one.arg == "action"), None)
    if named is not None or at is None or at >= len(call.args):
        return named
    return call.args[at]


def actions_in_the_source() -> tuple[set[str], list[str]]:
    """The actions that the callers of the audit's writer name, and where one can't be read from the source.

    A function that passes its own parameter `action` on is such a caller's caller: its calls are looked at instead.
    """
    sources = trees()
    # The name of a function that audits -> where its parameter `action` stands.
    audits: dict[str, int | None] = {"audited": None, "audit_append": None}
    found: set[str] = set()
    unread: list[str] = []
    calls = [(path, constants, owner, node) for path, tree in sources.items()
             for constants in [{**_imported(tree, sources), **_constants(tree)}]
             for owner, node in _calls(tree)]  # fmt: skip
    while True:
        found, unread, before = set(), [], len(audits)
        for path, constants, owner, node in calls:
            called = _known_as(path, _called(node))
            if called not in audits:
                continue
            given = _argument(node, audits[called])
            known = {**constants, **(_constants(owner) if owner else {})}
            parameters = [one.arg for one in (*owner.args.args, *owner.args.kwonlyargs)] if owner else []
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                found.add(given.value)
            elif isinstance(given, ast.Name) and given.id in known:
                found.add(known[given.id])
            elif isinstance(given, ast.Name) and given.id == "action" and owner and "action" in parameters:
                positional = [one.arg for one in owner.args.args]
                audits[_known_as(path, owner.name)] = positional.index("action") if "action" in positional else None
            else:
                unread.append(f"{path}:{node.lineno}")
        if len(audits) == before:
            return found, unread


def _calls(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef | None, ast.Call]]:
    """Every call, with the innermost function that it is in."""
    waiting: list[tuple[ast.FunctionDef | None, ast.AST]] = [(None, tree)]
    while waiting:
        owner, node = waiting.pop()
        if isinstance(node, ast.Call):
            yield owner, node
        inner = node if isinstance(node, ast.FunctionDef) else owner
        waiting += [(inner, child) for child in ast.iter_child_nodes(node)]


def _imported(tree: ast.Module, sources: dict[str, ast.Module]) -> dict[str, str]:
    """The texts that a module imports from others of the control plane by name."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            path = node.module.removeprefix("controlplane.").replace(".", "/") + ".py"
            known = _constants(sources[path]) if path in sources else {}
            found |= {one.name: known[one.name] for one in node.names if one.name in known}
    return found


def _constants(tree: ast.AST) -> dict[str, str]:
    """Names that are assigned a text, also in `who, action = name, "person.change-password"`."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = list(zip(target.elts, value.elts, strict=True))
        for name, text in pairs:
            if isinstance(name, ast.Name) and isinstance(text, ast.Constant) and isinstance(text.value, str):
                found[name.id] = text.value
    return found


def test_every_audited_action_is_listed() -> None:
    found, unread = actions_in_the_source()
    assert unread == []
    assert found == set(ACTIONS)


def test_audit_rows_have_one_writer() -> None:
    writers = set()
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) == "AuditEntry":
                writers.add(path)
            made = isinstance(node, ast.Attribute) and node.attr in ("create", "bulk_create", "get_or_create")
            if made and "AuditEntry.objects" in ast.unparse(node):
                writers.add(path)
    assert writers == {"accounts/auditing/writing.py"}


# --- The actions ------------------------------------------------------------------------------------------------------


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, adapters: Adapters) -> None:
    monkeypatch.setenv("RECORDINGS", str(tmp_path / "recordings"))
    adapters.use(task_sender=Requests())
    library_sync()


def _victor() -> User:
    return User.objects.create_user("victor", password=RIGHT)


def _run(**changed: Any) -> ScenarioRun:
    run = scenario_run_start(actor=person(Role.OPERATOR), slug="first-light", request_id=uuid.uuid4())
    ScenarioRun.objects.filter(pk=run.pk).update(**changed)
    run.refresh_from_db()
    return run


def _schedule() -> uuid.UUID:
    request = uuid.uuid4()
    wanted = Wanted(cron="0 6 * * *", seed=7)
    schedule_create(actor=person(Role.OPERATOR), slug="first-light", wanted=wanted, request_id=request, now=NOON)
    return request


def _uploaded() -> str:
    return recording_upload(actor=person(Role.OPERATOR), name="a.csv", chunks=[rees46(50)])[0].sha256


def purged() -> Any:
    now = timezone.now()
    audit_append(
        actor=None, action="a.b", target="t", outcome=AuditEntry.Outcome.SUCCEEDED, now=now - timedelta(days=9)
    )
    audit_purge(days=1, now=now)
    after = AuditEntry.objects.get().after
    assert after is not None
    return {"last_sequence": 0, "last_hash": "0" * 64}, {"last_sequence": 1, "last_hash": after["last_hash"]}


def dag_run_triggered() -> Any:
    request = uuid.uuid4()
    dag_run_trigger(actor=person(Role.OPERATOR), request_id=request, conf={"full": True, "password": "hunter2"})
    conf = {"full": True, "password": "(hidden)"}
    return None, {"dag_id": "medallion", "run_id": f"manual__{request}", "conf": conf}


def ledger_counted() -> Any:
    request = uuid.uuid4()
    recount_ask(actor=person(Role.OPERATOR), request_id=request)
    return None, {"statement": str(request), "state": "waiting"}


def person_changed() -> Any:
    person_change(actor=person(Role.ADMIN), person=_victor(), role=Role.OPERATOR, active=False)
    return {"role": "viewer", "active": True}, {"role": "operator", "active": False}


def _state_of(link: AccountLink, revoked: bool = False) -> dict[str, Any]:
    def text(at: datetime | None) -> str | None:
        return at.isoformat(timespec="microseconds").replace("+00:00", "Z") if at else None

    assert (link.revoked_at is not None) == revoked
    return {
        "link": str(link.pk),
        "kind": link.kind,
        "expires_at": text(link.expires_at),
        "revoked_at": text(link.revoked_at),
    }


def person_invited() -> Any:
    made = person_invite(actor=person(Role.ADMIN), username="grace", role=Role.OPERATOR, email="grace@example.org")
    grace = {"username": "grace", "email": "grace@example.org", "role": "operator", "active": True}
    return None, {**grace, **_state_of(made.link)}


def reset_linked() -> Any:
    return None, _state_of(reset_link_create(actor=person(Role.ADMIN), person=_victor()).link)


def link_revoked() -> Any:
    link = reset_link_create(actor=person(Role.ADMIN), person=_victor()).link
    link_revoke(actor=person(Role.ADMIN), link=link)
    return {"revoked_at": None}, {"revoked_at": _state_of(link, revoked=True)["revoked_at"]}


def email_changed() -> Any:
    email_change(actor=person(Role.ADMIN), person=_victor(), email="victor@example.org")
    return {"email": ""}, {"email": "victor@example.org"}


IDENTITY = {"issuer": "https://id.example", "subject": "0000", "username": "victor"}


def sso_connected() -> Any:
    refused = AuditEntry.Outcome.REFUSED
    row = audit_append(actor=None, action="person.sign-in", target="victor", outcome=refused, detail=IDENTITY)
    connect_refused(actor=person(Role.ADMIN), person=_victor(), refusal=row)
    return None, IDENTITY


def sso_disconnected() -> Any:
    sso_connected()
    disconnect(actor=person(Role.ADMIN), person=User.objects.get(username="victor"))
    return {"issuer": "https://id.example", "subject": "0000"}, None


def _json(client: Client, method: str, path: str, **body: str) -> Any:
    answer = getattr(client, method)(f"/api/v1{path}", body, content_type="application/json")
    assert answer.status_code < 300, answer.content
    return answer.json() if answer.content else None


def _passkey(owner: User) -> Authenticator:
    return Authenticator.objects.create(user=owner, type="webauthn", data={"name": "laptop", "credential": {}})


def factor_added() -> Any:
    client = verified(visitor(_victor()))
    key = _json(client, "post", "/me/second-factors/totp/key")["key"]
    _json(client, "post", "/me/second-factors/totp", code=code_of(key))
    return None, {"kind": "totp", "name": "Authenticator app"}


def factor_removed() -> Any:
    victor = _victor()
    _json(verified(visitor(victor)), "delete", f"/me/second-factors/{_passkey(victor).pk}")
    return {"kind": "passkey", "name": "laptop"}, None


def factor_renamed() -> Any:
    victor = _victor()
    _json(verified(visitor(victor)), "patch", f"/me/second-factors/{_passkey(victor).pk}", name="blue key")
    return {"name": "laptop"}, {"name": "blue key"}


def factors_reset() -> Any:
    _passkey(_victor())
    _json(visitor(person(Role.ADMIN)), "delete", "/people/victor/second-factors")
    return {"second_factors": ["laptop"]}, {"second_factors": []}


def _robot() -> User:
    return service_account_create(
        actor=person(Role.ADMIN), username="robot", role=Role.VIEWER, owner=person(Role.OPERATOR)
    )


def service_account_changed() -> Any:
    service_account_change(
        actor=person(Role.ADMIN), account=_robot(), owner=person(Role.ADMIN), description="Nightly export"
    )
    return {"owner": "operator", "description": ""}, {"owner": "admin", "description": "Nightly export"}


def service_account_created() -> Any:
    _robot()
    return None, {"username": "robot", "owner": "operator", "description": "", "role": "viewer", "active": True}


def time_zone_changed() -> Any:
    time_zone_change(actor=person(Role.OPERATOR), time_zone="Asia/Tokyo")
    return {"time_zone": "UTC"}, {"time_zone": "Asia/Tokyo"}


def person_created() -> Any:
    person_create(actor=person(Role.ADMIN), username="grace", password=GOOD, role=Role.VIEWER)
    return None, {"username": "grace", "role": "viewer", "active": True}


def recording_deleted() -> Any:
    sha256 = _uploaded()
    row = recording_delete(actor=person(Role.OPERATOR), sha256=sha256)
    kept = {"name": "a.csv", "sha256": sha256, "bytes": row.size, "kind": "csv", "rows": row.rows}
    return {**kept, "readings": 1}, None


def recording_read_again() -> Any:
    row, _ = recording_upload(actor=person(Role.OPERATOR), name="a.csv", chunks=[rees46(50)], mapping="by-hand")
    reading = recording_read(actor=person(Role.OPERATOR), sha256=row.sha256, mapping="rees46")
    at = reading.requested_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return None, {"mapping": "rees46", "digest": reading.digest, "state": "succeeded", "requested_at": at}


def recording_uploaded() -> Any:
    row, _ = recording_upload(actor=person(Role.OPERATOR), name="a.csv", chunks=[rees46(50)])
    return None, {"name": "a.csv", "sha256": row.sha256, "bytes": row.size, "kind": "csv", "rows": row.rows}


def run_paused() -> Any:
    scenario_run_pause(actor=person(Role.OPERATOR), run_id=_run().pk)
    return {"paused": False}, {"paused": True}


def run_resumed() -> Any:
    scenario_run_resume(actor=person(Role.OPERATOR), run_id=_run(paused_at=timezone.now()).pk)
    return {"paused": True}, {"paused": False}


def run_hurried() -> Any:
    scenario_run_speed(actor=person(Role.OPERATOR), run_id=_run().pk, speed=2.5)
    return {"speed": 1}, {"speed": 2.5}


def run_replayed() -> Any:
    now = timezone.now()
    run = _run(state=WorkState.SUCCEEDED, finished_at=now, anchor=now, partitions=4, generated=60)
    again = scenario_run_replay(actor=person(Role.OPERATOR), run_id=run.pk, request_id=uuid.uuid4())
    return None, {"run": str(again.pk), "of": str(run.pk), "seed": run.seed, "total": 60}


def run_started() -> Any:
    run = _run()
    return None, {"run": str(run.pk), "version": 1, "seed": run.seed, "total": run.total}


def run_stopped() -> Any:
    scenario_run_stop(actor=person(Role.OPERATOR), run_id=_run().pk)
    return (
        {"state": "waiting", "stop_requested_by": ""},
        {"state": "stopped", "stop_requested_by": "operator"},
    )


def scenario_saved() -> Any:
    first = scenario_save(actor=person(Role.OPERATOR), text=DOCUMENT)
    document = {**first.document, "description": "Another one."}
    slug = first.scenario.slug
    second = scenario_save(actor=person(Role.OPERATOR), text=orjson.dumps(document).decode(), slug=slug)
    address = f"/scenarios/{slug}/document.yaml?version="
    return (
        {"version": 1, "digest": first.digest, "document": f"{address}1"},
        {"version": 2, "digest": second.digest, "document": f"{address}2"},
    )


def schedule_changed() -> Any:
    wanted = Wanted(cron="0 7 * * *", seed=7)
    schedule_change(actor=person(Role.OPERATOR), schedule_id=_schedule(), wanted=wanted, now=NOON)
    return (
        {"cron": "0 6 * * *", "next_at": "2026-11-25T06:00:00.000000Z"},
        {"cron": "0 7 * * *", "next_at": "2026-11-25T07:00:00.000000Z"},
    )


SCHEDULE = {
    "version": 1, "cron": "0 6 * * *", "at": "", "seed": 7, "owner": "operator", "enabled": True,
    "next_at": "2026-11-25T06:00:00.000000Z",
}  # fmt: skip


def schedule_created() -> Any:
    _schedule()
    return None, SCHEDULE


def schedule_deleted() -> Any:
    schedule_delete(actor=person(Role.OPERATOR), schedule_id=_schedule())
    return SCHEDULE, None


def schedule_paused() -> Any:
    schedule_pause(actor=person(Role.OPERATOR), schedule_id=_schedule())
    return {"enabled": True, "next_at": SCHEDULE["next_at"]}, {"enabled": False, "next_at": None}


def schedule_resumed() -> Any:
    schedule = _schedule()
    schedule_pause(actor=person(Role.OPERATOR), schedule_id=schedule)
    schedule_resume(actor=person(Role.OPERATOR), schedule_id=schedule, now=NOON)
    return {"enabled": False, "next_at": None}, {"enabled": True, "next_at": SCHEDULE["next_at"]}


def session_ended() -> Any:
    victor = _victor()
    visitor(victor)
    session = UserSession.objects.get()
    session_end(actor=person(Role.ADMIN), session=session)
    began = session.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {"session": str(session.public_id), "browser": "unknown", "began": began}, None


def sessions_ended() -> Any:
    victor = _victor()
    visitor(victor)
    visitor(victor)
    all_sessions_end(actor=person(Role.ADMIN), person=victor)
    return {"sessions": 2}, {"sessions": 0}


def spark_job_submitted() -> Any:
    request, (job, *_) = uuid.uuid4(), job_runner().jobs()
    spark_job_submit(actor=person(Role.OPERATOR), job=job, request_id=request)
    return None, {"id": str(request), "job": job, "state": "waiting"}


def stream_configured() -> Any:
    # The database counts versions on in every test.
    before = stream_get().configuration.version
    after = stream_configure(actor=person(Role.OPERATOR), trigger_seconds=10, max_offsets_per_trigger=200_000).version
    return {"version": before, "trigger_seconds": 5}, {"version": after, "trigger_seconds": 10}


def stream_started() -> Any:
    stream_start(actor=person(Role.OPERATOR), reset_checkpoint=True)
    return (
        {"desired": "stopped", "state": "stopped", "checkpoint": 0},
        {"desired": "running", "state": "waiting", "checkpoint": 1},
    )


def stream_stopped() -> Any:
    stream_start(actor=person(Role.OPERATOR))
    stream_stop(actor=person(Role.OPERATOR))
    return {"desired": "running"}, {"desired": "stopped"}


def _at(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _token(expires_at: datetime, hint: str) -> dict[str, Any]:
    return {
        "owner": "operator", "name": "export", "hint": hint, "scope": "read", "expires_at": _at(expires_at),
        "revoked_at": None,
    }  # fmt: skip


def token_created() -> Any:
    row, _ = token_create(actor=person(Role.OPERATOR), name="export", scope=None)
    return None, {**_token(row.expires_at, row.hint), "scope": "operate"}


def token_renewed() -> Any:
    said = {"username": "grace", "password": GOOD, "api_token": "lh_of-the-file"}
    with TemporaryDirectory() as folder, override_settings(DATA_DIR=Path(folder)):
        (Path(folder) / "credentials.json").write_text(orjson.dumps(said).decode())
        call_command("first_admin", stdout=StringIO())
        ApiToken.objects.filter(of_installation=True).update(expires_at=datetime(2026, 11, 1, tzinfo=UTC))
        call_command("first_admin", stdout=StringIO())
    expires_at = ApiToken.objects.get(of_installation=True).expires_at
    return {"expires_at": "2026-11-01T00:00:00.000000Z"}, {"expires_at": _at(expires_at)}


def token_revoked() -> Any:
    row, _ = token_create(actor=person(Role.OPERATOR), name="export")
    token_revoke(actor=person(Role.OPERATOR), token=row)
    row.refresh_from_db()
    assert row.revoked_at is not None
    return {"revoked_at": None}, {"revoked_at": _at(row.revoked_at)}


PERFORMED: dict[str, Callable[[], Any]] = {
    "audit.purge": purged,
    "dag_run.trigger": dag_run_triggered,
    "ledger.count": ledger_counted,
    "person.change": person_changed,
    "person.change-time-zone": time_zone_changed,
    "person.change-email": email_changed,
    "person.connect-sso": sso_connected,
    "person.create": person_created,
    "person.disconnect-sso": sso_disconnected,
    "person.invite": person_invited,
    "person.reset-link": reset_linked,
    "person.revoke-link": link_revoked,
    "recording.delete": recording_deleted,
    "recording.read": recording_read_again,
    "recording.upload": recording_uploaded,
    "scenario.pause": run_paused,
    "scenario.replay": run_replayed,
    "scenario.resume": run_resumed,
    "scenario.run": run_started,
    "scenario.save": scenario_saved,
    "scenario.speed": run_hurried,
    "scenario.stop": run_stopped,
    "schedule.change": schedule_changed,
    "schedule.create": schedule_created,
    "schedule.delete": schedule_deleted,
    "schedule.pause": schedule_paused,
    "schedule.resume": schedule_resumed,
    "second-factor.add": factor_added,
    "second-factor.remove": factor_removed,
    "second-factor.rename": factor_renamed,
    "second-factor.reset": factors_reset,
    "service-account.change": service_account_changed,
    "service-account.create": service_account_created,
    "session.end": session_ended,
    "session.end-all": sessions_ended,
    "spark_job.submit": spark_job_submitted,
    "stream.configure": stream_configured,
    "stream.start": stream_started,
    "stream.stop": stream_stopped,
    "token.create": token_created,
    "token.renew": token_renewed,
    "token.revoke": token_revoked,
}


def test_every_compared_action_is_performed_here() -> None:
    assert set(PERFORMED) == {name for name, reason in ACTIONS.items() if reason == COMPARED}
    assert [reason for reason in ACTIONS.values() if reason != COMPARED and not reason.endswith(".")] == []


@pytest.mark.django_db
@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("action", PERFORMED)
def test_a_row_has_what_changed(action: str) -> None:
    expected = PERFORMED[action]()
    entry = AuditEntry.objects.filter(action=action).latest("sequence")
    assert (entry.outcome, (entry.before, entry.after)) == ("succeeded", expected)


@pytest.mark.django_db
def test_no_row_has_a_secret() -> None:
    """Neither a password nor a token nor a digest of one is anywhere in the rows of what concerns them."""
    admin, victor = person(Role.ADMIN), _victor()
    row, text = token_create(actor=victor, name="export")
    password_change(actor=victor, current=RIGHT, password=GOOD, address="192.0.2.1")
    made = reset_link_create(actor=admin, person=victor)
    code = made.url.rpartition("#")[2]
    link_use(code=code, password=f"{GOOD} again")
    person_create(actor=admin, username="grace", password=f"{GOOD} too", role=Role.VIEWER)
    Client().post("/sign-in/", {"username": "victor", "password": "a wrong passphrase"})
    rows = orjson.dumps(list(AuditEntry.objects.values()), default=str).decode()
    assert AuditEntry.objects.count() == 6
    victor.refresh_from_db()
    for secret in (
        RIGHT,
        GOOD,
        "a wrong passphrase",
        text,
        row.digest,
        victor.password,
        settings.SECRET_KEY,
        code,
        made.link.digest,
    ):
        assert secret not in rows
