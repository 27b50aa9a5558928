"""Rows with a text in every field that a person, the lake, Airflow or a file can fill, and the pages that show them."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from controlplane.accounts.models import ApiToken, AuditEntry, User, UserSession
from controlplane.accounts.roles import Role, Scope
from controlplane.health.models import Observation, PartState
from controlplane.lakehouse.adapters.null import NullCatalog
from controlplane.lakehouse.ports import Field, Ref
from controlplane.leases import WorkState
from controlplane.orchestration.models import AirflowSyncStatus, DagRun, SparkJob
from controlplane.orchestration.ports import LogLine
from controlplane.quality import documents
from controlplane.quality.models import UnreadableDocument, Validation
from controlplane.scenarios.models import Recording, RecordingReading, Scenario, ScenarioRun, ScenarioVersion
from controlplane.streaming.models import Stream, StreamState
from controlplane.streaming.ports import TopicRecord
from controlplane.streaming.selectors import stream_get
from tests.adapters import Adapters
from tests.lakehouse.tables import snapshot, table
from tests.quality.validations import content, expectation

# The same ids each time, so that two worlds differ in their text only.
RUN, JOB, VALIDATION = (uuid.UUID(int=number) for number in (1, 2, 3))
SHA256 = "ab" * 32
NOW = timezone.now().replace(microsecond=0) - timedelta(days=3)


class _Engine:
    def __init__(self, text: str) -> None:
        self.text = text

    def log(self, *_: Any) -> list[LogLine]:
        return [LogLine(self.text, NOW, "info"), LogLine(f"x{self.text}", None, self.text)]


class _Topic:
    def __init__(self, text: str) -> None:
        self.text = text

    def tail(self, count: int) -> list[TopicRecord]:
        value = self.text.encode(errors="replace")
        headers = (("scenario-run", value), (self.text, value), ("other", b"\xff" + value), ("none", None))
        return [TopicRecord(0, 1, round(NOW.timestamp() * 1000), value, value, len(value), headers)]


def build(text: str, adapters: Adapters) -> Client:
    """The rows, and an admin who looks at them."""
    # Activity keeps the actions of its filter for a while: those of other tests would be among them.
    cache.clear()
    admin = User.objects.create_user("root-admin", role=Role.ADMIN)
    _orchestration(text)
    _quality(text)
    _scenarios(text, admin)
    _accounts(text, admin)
    _observations(text)
    adapters.use(catalog=NullCatalog(_table(text)), workflow_engine=_Engine(text), event_topic=_Topic(text))
    client = Client(headers={"User-Agent": "harmless"})
    client.force_login(admin)
    UserSession.objects.update(user_agent=text)
    return client


def _orchestration(text: str) -> None:
    task = {"task_id": text, "state": text, "try_number": 1, "operator": text, "started_at": None, "ended_at": None}
    DagRun.objects.create(
        dag_id="medallion", run_id="manual__1", conf={text: text}, kind=text[:32], message=text, tasks=[task],
        requested_by=text, requested_at=NOW, state=WorkState.FAILED,
    )  # fmt: skip
    SparkJob.objects.create(
        id=JOB, job=text, requested_by=text, requested_at=NOW, state=WorkState.FAILED, error=text,
        report={"rows": 1, "snapshots": {"lake.silver.events": text}, "message": text},
    )  # fmt: skip
    AirflowSyncStatus.objects.create(pk=1, problem=text, problem_since=NOW)


def _quality(text: str) -> None:
    broken = expectation(
        type=text, column=text, title=text, success=False, observed=text, unexpected_sample=[text, {text: text}],
        unexpected_count=1, unexpected_percent=1.0, kwargs={text: text},
    )  # fmt: skip
    said = content(
        validation_id=VALIDATION, suite=text, run_id=text, job=text, branch=text, success=False, published=False,
        expectations=[broken],
    )  # fmt: skip
    document = documents.read(said)
    Validation.objects.create(id=VALIDATION, **documents.as_fields(document, path="a.json", modified_at=NOW))
    UnreadableDocument.objects.create(path=f"b/{text}", modified_at=NOW, size=1, reason=text)


def _scenarios(text: str, admin: User) -> None:
    said = {"name": text, "description": text, "teaches": text, "duration_seconds": 60, "seed": 1,
            "traffic": {"stages": [{"events_per_second": 10}]}}  # fmt: skip
    scenario = Scenario.objects.create(slug="odd", name=text, description=text, teaches=text, created_by=admin)
    version = ScenarioVersion.objects.create(scenario=scenario, number=1, document=said, digest="0" * 32)
    run = ScenarioRun.objects.create(
        id=RUN, version=version, seed=1, state="failed", message=text, requested_by_name=text, stop_requested_by=text,
        started_at=NOW, finished_at=NOW, errors={text: 1}, by_type={text: 1}, stop_requested_at=NOW, anchor=NOW,
    )  # fmt: skip
    ScenarioRun.objects.filter(pk=run.pk).update(requested_at=NOW)
    file = Recording.objects.create(
        sha256=SHA256, name=text, size=1, kind="csv", columns=[text, f"x{text}"], rows=[[text, text]],
        uploaded_by_name=text,
    )  # fmt: skip
    Recording.objects.update(uploaded_at=NOW)
    RecordingReading.objects.create(
        recording=file, mapping="rees46", columns={}, digest="0" * 16, state="failed", message=text,
        requested_by_name=text, requested_at=NOW,
    )  # fmt: skip


def _accounts(text: str, admin: User) -> None:
    ApiToken.objects.create(owner=admin, name=text, digest="x", hint="lh_abc", scope=Scope.READ, expires_at=NOW)
    ApiToken.objects.update(created_at=NOW)
    # Beside the writer, which gives ids and moments of its own: the pages of two texts must differ in the texts only.
    AuditEntry.objects.create(
        id=uuid.UUID(int=9), sequence=9, at=NOW, previous_hash="0" * 64, hash="0" * 64, actor_name=text,
        action=text[:64], target=text, outcome="refused", detail={text: text}, before={text: text}, after={text: text},
    )  # fmt: skip


def _observations(text: str) -> None:
    known = {
        "records": 1, "files": 1, "bytes": 1, "snapshot_id": "1", "snapshot_at": NOW.isoformat(), "operation": text,
        "writer": text, "run_id": text, "input_table": text, "input_snapshot": text, "snapshots": 1, "branches": [text],
        "newest_at": None,
    }  # fmt: skip
    now = timezone.now()
    Observation.objects.create(
        part="lake", state=PartState.UP, summary=text, observed_at=now, changed_at=NOW,
        detail={"tables": {"silver.events": known}},
    )  # fmt: skip
    for part in ("kafka", "airflow", "spark"):
        Observation.objects.create(part=part, state=PartState.DOWN, summary=text, observed_at=now, changed_at=NOW)
    stream_get()
    Stream.objects.update(
        state=StreamState.FAILED, problem="query_failed", message=text, asked_by=text, query_id=text[:64],
        state_since=NOW,
    )  # fmt: skip


def _table(text: str) -> Any:
    stamps = {"lakehouse.job": text, "lakehouse.run-id": text, "lakehouse.input-table": text, text: text,
              "lakehouse.input-snapshot": text, "total-records": text}  # fmt: skip
    plain = table("silver.events", snapshot(1, **stamps))
    return replace(
        plain,
        fields=(Field(1, text, text, True, text),),
        properties={text: text},
        refs=(Ref("main", "branch", "1"), Ref(text, "tag", "1")),
        partitioning=(text,),
        sorting=(text,),
        location=text,
    )


def addresses(text: str) -> dict[str, str]:
    """Where each text is shown, by a name; the text itself stands in some of the addresses."""
    listed = urlencode({"text": text, "since": text, "state": text, "sort": text})
    return {
        "overview": "/",
        "runs": "/runs/",
        "runs, filtered": f"/runs/?{listed}",
        "DAG run": "/runs/dag/manual__1/",
        "log": f"/runs/dag/manual__1/log/{quote(text.replace('/', ''), safe='')}x/1/",
        "Spark job": f"/runs/jobs/{JOB}/",
        "quality": "/quality/",
        "validation": f"/quality/{VALIDATION}/",
        "lakehouse": "/lakehouse/",
        "table": "/lakehouse/silver/events/?snapshot=1",
        "scenarios": "/scenarios/",
        "scenario": "/scenarios/odd/",
        "editor": "/scenarios/odd/edit/",
        "scenario run": f"/scenarios/runs/{RUN}/",
        "report": f"/scenarios/runs/{RUN}/report.html",
        "recordings": f"/scenarios/recordings/?{urlencode({'q': text, 'state': text})}",
        "recording": f"/scenarios/recordings/{SHA256}/",
        "mapping": f"/scenarios/recordings/{SHA256}/map/",
        "activity": "/activity/",
        "settings": "/settings/",
        "stream": "/stream/",
        "records": "/stream/records/",
        "search": f"/search/?{urlencode({'q': text})}",
        "nowhere": f"/nowhere/{quote(text, safe='')}/",
    }
