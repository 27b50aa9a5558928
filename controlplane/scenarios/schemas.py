"""Requests and responses of the API."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import Field, WithJsonSchema

from controlplane.leases import WorkState
from controlplane.names import NAME
from controlplane.scenarios.generator.document import LARGEST_SEED
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.runs.context import left_seconds
from controlplane.scenarios.runs.queue import Line, line_now
from controlplane.scenarios.runs.steering import FASTEST, SLOWEST
from controlplane.web.api_input import LEFT_OUT, Body, OneOf, Text, not_null

# The limit of versions in one response: each has its document of up to 256 KiB.
MOST_VERSIONS = 20


class VersionOut(Schema):
    number: int
    digest: str
    created_at: datetime
    created_by: str = Field(description="Empty for versions of the built-in library.")
    document: dict[str, Any]


class ScenarioOut(Schema):
    slug: str
    name: str
    description: str
    teaches: str
    builtin: bool
    created_by: str = Field(description="Empty for built-in scenarios.")
    runs: int = Field(description="Number of runs.")
    version: int = Field(description="Number of the newest version.")


class ScenarioDetail(ScenarioOut):
    versions: list[VersionOut] = Field(
        description=f"The newest {MOST_VERSIONS} versions. GET /scenarios/{{slug}}/versions lists all."
    )
    versions_in_all: int


class VersionList(Schema):
    items: list[VersionOut]
    next: str | None


class ScenarioList(Schema):
    items: list[ScenarioOut]
    next: str | None = None


_TEXT = {"type": "string", "contentMediaType": "application/yaml", "description": "YAML or JSON."}
# The API description has the JSON Schema of `GET /scenario-schema` here; pydantic accepts no reference to it.
DOCUMENT = {"type": "object", "title": "ScenarioDocument"}
_DOCUMENT = {"anyOf": [_TEXT, DOCUMENT]}


class ScenarioIn(Body):
    document: Annotated[str | dict[str, Any], WithJsonSchema(_DOCUMENT)]
    slug: Text | None = Field(
        default=None, description="Add a version to this scenario instead of creating a new scenario."
    )


class RunIn(Body):
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] | None = Field(
        default=None, description="Default: the seed of the document."
    )
    version: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Default: the newest version.")


class RunOut(Schema):
    """One run. `truth` is complete when the run has ended."""

    id: UUID
    scenario: str
    version: int
    seed: int
    schedule: UUID | None = Field(description="Schedule that started the run.")
    replay_of: UUID | None
    replay_matches: bool | None
    state: WorkState
    message: str
    place_in_line: int | None = Field(description="Position in the queue while the run waits for a slot: 1 is next.")
    anchor: datetime | None
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    heartbeat_at: datetime | None
    attempts: int
    total: int
    generated: int
    acknowledged: int
    failed: int
    left_seconds: float | None = Field(description="Estimated remaining seconds at the current speed; null if unknown.")
    found: int = Field(description="Acknowledged records that were already on the topic when the run was restarted.")
    sent_twice: int
    rate: float
    target_rate: float
    by_type: dict[str, int]
    faults: dict[str, int]
    errors: dict[str, int]
    truth: dict[str, Any]
    digest: str
    digests: list[str]
    paused: bool
    paused_by: str
    stop_requested_by: str
    speed: float
    behind_seconds: float
    latency_ms: dict[str, float]
    thresholds: list[dict[str, Any]]


class RunList(Schema):
    items: list[RunOut]
    next: str | None


class SpeedIn(OneOf):
    """Exactly one of the properties."""

    speed: Annotated[float, Field(ge=SLOWEST, le=FASTEST)] = Field(
        default=LEFT_OUT, json_schema_extra=not_null, description="Multiple of the rate that the document defines."
    )
    events_per_second: Annotated[float, Field(gt=0)] = Field(
        default=LEFT_OUT,
        json_schema_extra=not_null,
        description=f"Target rate now: {SLOWEST:g} to {FASTEST:g} times the defined rate. The traffic shape stays.",
    )


class CloneIn(Body):
    name: str = Field(json_schema_extra={"minLength": 1, "maxLength": 80, "pattern": NAME})
    version: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Default: the newest version.")


class DocumentIn(Body):
    document: str | dict[str, Any] = Field(
        description="The scenario as YAML or JSON text, or as an object. May be invalid."
    )
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] | None = None


class ProblemOut(Schema):
    field: str
    message: str
    remedy: str


class CheckedOut(Schema):
    """`preview` is null if and only if there are problems."""

    problems: list[ProblemOut]
    preview: dict[str, Any] | None


class FaultKindOut(Schema):
    kind: str
    says: str
    outcome: str
    reason: str
    event_types: list[str]
    delay_seconds: float | None


class MetricOut(Schema):
    metric: str
    says: str
    unit: str
    downstream: bool


class FaultOut(Schema):
    sequence: int = Field(description="Value of the record header `sequence` and of the bronze column `sequence`.")
    kind: str


class FaultList(Schema):
    items: list[FaultOut]
    next: int | None = Field(description="Send it as `after` to get the next page.")


def run_out(run: ScenarioRun, line: Line | None = None) -> RunOut:
    """The run as the API returns it. A list reads the queue once for all runs."""
    if line is None and run.state == WorkState.WAITING:
        line = line_now()
    own = {
        name: getattr(run, name)
        for name in RunOut.model_fields
        if name not in ("scenario", "version", "requested_by", "replay_of", "place_in_line", "schedule", "left_seconds")
    }
    return RunOut(
        **own,
        scenario=run.version.scenario.slug,
        version=run.version.number,
        requested_by=run.requested_by_name,
        replay_of=run.replay_of_id,
        left_seconds=left_seconds(run),
        schedule=run.tick.schedule_id if hasattr(run, "tick") else None,
        place_in_line=line.places.get(run.pk) if line else None,
    )
