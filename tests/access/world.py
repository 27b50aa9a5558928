"""A small world with one object of every kind that an address can name, for the tests that try every address.

Everything is created through the services, behind null adapters. Names and ids are fixed, so that a test can write
addresses before the world exists.
"""

import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import encrypt
from allauth.socialaccount.models import SocialAccount
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from controlplane.accounts.account_links import link_issue
from controlplane.accounts.auditing.origin import RequestOrigin
from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import AccountLink, ApiToken, AuditEntry, Kind, User, UserSession
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.services import TOKEN_DAYS, token_create, token_digest
from controlplane.health.services import observation_record
from controlplane.lakehouse import probe
from controlplane.lakehouse.adapters.null import NullCatalog
from controlplane.leases import WorkState
from controlplane.ledger.adapters.null import NullLakeCounter
from controlplane.ledger.services import ledger_take
from controlplane.orchestration.adapters.null import NullJobRunner, NullWorkflowEngine
from controlplane.orchestration.adapters.spark import SparkJobRunner
from controlplane.orchestration.services import dag_run_trigger, spark_job_submit
from controlplane.quality.adapters.null import NullArchive
from controlplane.quality.documents import as_fields, read
from controlplane.quality.models import UnreadableDocument, Validation
from controlplane.scenarios.documents.services import library_sync, scenario_save
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.recordings.services import recording_upload
from controlplane.scenarios.runs.services import scenario_run_start, scenario_run_stop
from controlplane.scenarios.schedules.services import Wanted, schedule_create
from controlplane.streaming.adapters.null import NullEventTopic, NullStreamEngine
from controlplane.streaming.models import StreamBatch
from controlplane.streaming.selectors import stream_get
from tests.adapters import Adapters
from tests.lakehouse.tables import snapshot, table
from tests.ledger.books import LAKE
from tests.quality.validations import content
from tests.scenarios.recorded import rees46
from tests.scenarios.requests import Requests

JOBS = SparkJobRunner("").jobs()
PASSWORD = "x" * 16
OTHER = "quentin.hushed@example.test"
"""A person who has never done anything: only admins may learn the name."""
DEACTIVATED = "desmond.gone@example.test"
OTHER_TOKEN = "quentin-nightly-export"
OTHER_ADDRESS = "198.51.100.77"
AUDITED_TOKEN = "ada-quarterly-report"
AUDIT_ADDRESS = "198.51.100.78"
AUDIT_EMAIL = "ada@mail.example.test"
OTHER_PUBLIC_ID = uuid.UUID(int=0x0715)
OTHER_TOKEN_ID = 900_001
OTHER_FACTOR = 900_002
OTHER_FACTOR_KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
INVITED, INVITED_EMAIL = "irene.invited@example.test", "irene@mail.example.test"
CONNECTED = "connie.connected@example.test"
"""A person who signs in with single sign-on."""
SERVICE = "nightly.hushed@example.test"
"""A service account of the author's."""
SERVICE_TOKEN = "nightly-hushed-token"
SERVICE_TOKEN_ID = 900_003
LINK = uuid.UUID(int=0x0108)
AUTHOR = "ada.author"
REFUSED_SIGN_IN = uuid.UUID(int=0x0109)
"""An audit row: a sign-in with an account of the provider that nobody here has."""

SCENARIO = "my-own"
RUN_WAITING = uuid.UUID(int=0x0101)
RUN_ENDED = uuid.UUID(int=0x0102)
SCHEDULE = uuid.UUID(int=0x0103)
DAG_REQUEST = uuid.UUID(int=0x0104)
DAG_RUN = f"manual__{DAG_REQUEST}"
JOB = uuid.UUID(int=0x0105)
VALIDATION = uuid.UUID(int=0x0106)
STATEMENT = uuid.UUID(int=0x0107)
RECORDED = rees46(20)
RECORDING = sha256(RECORDED).hexdigest()
DOCUMENT = """
name: My own
duration_seconds: 10
traffic: {stages: [{events_per_second: 50}]}
faults: [{kind: invalid_identifier, rate: 0.1}]
"""


@dataclass(frozen=True)
class World:
    """Who is in it; `author` has made all objects, `other` owns a token and a session and has never acted."""

    author: User
    other: User
    deactivated: User
    other_token: str
    other_session_key: str
    link_code: str

    @property
    def secrets(self) -> frozenset[str]:
        """What no answer to anybody holds."""
        return frozenset(
            {
                self.other_token,
                self.other_session_key,
                self.link_code,
                self.other.password,
                OTHER_FACTOR_KEY,
                *AccountLink.objects.values_list("digest", flat=True),
                *ApiToken.objects.values_list("digest", flat=True),
                *UserSession.objects.values_list("session_key", flat=True),
            }
        )


def world_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, in the current transaction. `folder` keeps the files of recordings."""
    behind_null_adapters(folder, monkeypatch)
    author = User.objects.create_user(AUTHOR, password=PASSWORD, role=Role.OPERATOR)
    other = User.objects.create_user(OTHER, password=PASSWORD, role=Role.VIEWER, email=OTHER)
    # Created without the service: the audit, which everybody reads, says nothing about them.
    gone = User.objects.create_user(DEACTIVATED, password=PASSWORD, role=Role.ADMIN, email=DEACTIVATED, is_active=False)
    other_token = _token(other, OTHER_TOKEN, OTHER_TOKEN_ID)
    session = _session(other)
    code = _accounts(author, other)
    library_sync()
    _scenarios(author)
    _pipeline(author)
    _lake()
    acting_token, _ = token_create(actor=author, name=AUDITED_TOKEN)
    author.via_token = acting_token
    scenario_run_stop(actor=author, run_id=RUN_ENDED)
    author.via_token = None
    _audited(author)
    return World(author, other, gone, other_token, session, code)


def behind_null_adapters(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every port is served from memory, and no task leaves the process."""
    topic, engine, workflows = NullEventTopic(), NullStreamEngine(), NullWorkflowEngine()
    jobs = NullJobRunner(JOBS)
    topic.ensure(2)
    topic.append(0, b'{"event_id": "1"}')
    workflows.trigger("medallion", DAG_RUN, {})
    catalog = NullCatalog(
        table("bronze.events", snapshot(1, **{"lakehouse.job": "bronze.events"})),
        table("silver.events", snapshot(5), snapshot(6, parent=5, **{"lakehouse.run-id": DAG_RUN})),
        table("gold.top_products"),
    )
    counter = NullLakeCounter(LAKE)
    archive = NullArchive()
    archive.put("v.json", content(validation_id=VALIDATION), datetime.now(UTC))
    Adapters(monkeypatch).use(
        event_topic=topic,
        stream_engine=engine,
        workflow_engine=workflows,
        job_runner=jobs,
        catalog=catalog,
        lake_counter=counter,
        validation_archive=archive,
        task_sender=Requests(),
    )
    monkeypatch.setenv("RECORDINGS", str(folder / "recordings"))


def _token(owner: User, name: str, key: int) -> str:
    """A token that was created without the service: the audit, which everybody reads, says nothing of it."""
    text = f"lh_{secrets.token_urlsafe(32)}"
    ApiToken.objects.create(
        id=key, owner=owner, name=name, scope=Scope.READ, digest=token_digest(text), hint=text[:8],
        expires_at=timezone.now() + timedelta(days=TOKEN_DAYS),
    )  # fmt: skip
    return text


def _accounts(author: User, other: User) -> str:
    """An open invitation, a second factor, a connected person and a service account; gives the invitation's code."""
    invited = User.objects.create_user(INVITED, role=Role.VIEWER, email=INVITED_EMAIL)
    link, url = link_issue(invited, AccountLink.Kind.INVITATION, by=author, by_name=AUTHOR)
    AccountLink.objects.filter(pk=link.pk).update(id=LINK)
    secret = {"secret": encrypt(OTHER_FACTOR_KEY), "last_counter": -1}
    Authenticator.objects.create(pk=OTHER_FACTOR, user=other, type=Authenticator.Type.TOTP, data=secret)
    connected = User.objects.create_user(CONNECTED, password=PASSWORD, role=Role.VIEWER)
    SocialAccount.objects.create(user=connected, provider="https://id.example.test", uid="c0ffee")
    service = User.objects.create_user(SERVICE, role=Role.VIEWER, kind=Kind.SERVICE, service_owner=author)
    _token(service, SERVICE_TOKEN, SERVICE_TOKEN_ID)
    return url.rpartition("#")[2]


def _audited(author: User) -> None:
    """Audit rows that hold addresses and an email address, one of them with a known id."""
    signed_in = {"action": "person.sign-in", "target": author.username}
    audit_append(
        actor=author, **signed_in, outcome=AuditEntry.Outcome.SUCCEEDED, detail={"address": AUDIT_ADDRESS},
    )  # fmt: skip
    audit_append(
        actor=None, action="person.change-email", target=AUTHOR, outcome=AuditEntry.Outcome.SUCCEEDED,
        before={"email": ""}, after={"email": AUDIT_EMAIL},
    )  # fmt: skip
    unknown = {"issuer": "https://id.example.test", "subject": "5eed", "username": "zoe"}

    def refused(request: HttpRequest) -> HttpResponse:
        audit_append(
            actor=None, actor_name="nobody", action="person.sign-in", target="zoe",
            outcome=AuditEntry.Outcome.REFUSED, detail=unknown,
        )  # fmt: skip
        return HttpResponse()

    with patch.object(AuditEntry._meta.get_field("id"), "_get_default", return_value=REFUSED_SIGN_IN):
        RequestOrigin(refused)(RequestFactory(REMOTE_ADDR=AUDIT_ADDRESS).get("/"))


def _session(owner: User) -> str:
    client = Client()
    client.force_login(owner)
    row = UserSession.objects.get(user=owner)
    UserSession.objects.filter(pk=row.pk).update(public_id=OTHER_PUBLIC_ID, address=OTHER_ADDRESS)
    return row.session_key


def _scenarios(author: User) -> None:
    scenario_save(actor=author, text=DOCUMENT)
    for run in (RUN_WAITING, RUN_ENDED):
        scenario_run_start(actor=author, slug=SCENARIO, request_id=run)
    now = timezone.now()
    ScenarioRun.objects.filter(pk=RUN_ENDED).update(
        state=WorkState.SUCCEEDED, started_at=now, finished_at=now, anchor=now, partitions=2, total=500,
        generated=500, acknowledged=500, digest="0" * 32,
    )  # fmt: skip
    schedule_create(actor=author, slug=SCENARIO, wanted=Wanted(cron="*/15 * * * *"), request_id=SCHEDULE)
    recording_upload(actor=author, name="2019-Oct.csv", chunks=[RECORDED])


def _pipeline(author: User) -> None:
    stream_get()
    dag_run_trigger(actor=author, request_id=DAG_REQUEST)
    spark_job_submit(actor=author, job="silver.events", request_id=JOB)
    ledger_take(actor=author, request_id=STATEMENT)
    now = datetime.now(UTC)
    StreamBatch.objects.create(
        query_id="q", run_id="r", batch_id=1, started_at=now - timedelta(minutes=1), input_rows=100,
        rows_per_second=50, lag_max=0, lag_total=0, durations={"triggerExecution": 1500}, end_offsets={"0": 100},
    )  # fmt: skip
    document = read(content(validation_id=VALIDATION))
    Validation.objects.create(pk=VALIDATION, **as_fields(document, path="v.json", modified_at=now))
    UnreadableDocument.objects.create(path="bad.json", modified_at=now, size=3, reason="The document is empty.")


def _lake() -> None:
    observation_record(part="lake", reading=probe.look())
