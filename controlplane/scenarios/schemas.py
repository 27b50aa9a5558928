"""What the API takes and gives."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import Field, WithJsonSchema

from controlplane.names import NAME
from controlplane.scenarios.generator.document import LARGEST_SEED
from controlplane.scenarios.models import RunState, ScenarioRun
from controlplane.scenarios.runs.context import left_seconds
from controlplane.scenarios.runs.queue import Line, line_now
from controlplane.scenarios.runs.steering import FASTEST, SLOWEST
from controlplane.web.api_input import LEFT_OUT, Body, OneOf, Text, not_null


class VersionOut(Schema):
    number: int
    digest: str
    created_at: datetime
    created_by: str = Field(description="Empty for the library's.")
    document: dict[str, Any]


class ScenarioOut(Schema):
    slug: str
    name: str
    description: str
    teaches: str
    builtin: bool
    created_by: str = Field(description="Empty for a built-in one.")
    runs: int = Field(description="How often it was run.")
    version: int = Field(description="The newest version's number.")


class ScenarioDetail(ScenarioOut):
    versions: list[VersionOut]


class ScenarioList(Schema):
    items: list[ScenarioOut]
    next: str | None = None


_TEXT = {"type": "string", "contentMediaType": "application/yaml", "description": "YAML or JSON."}
# Where the API's description has the JSON Schema of `GET /scenario-schema`; pydantic takes no reference into it.
DOCUMENT = {"type": "object", "title": "ScenarioDocument"}
_DOCUMENT = {"anyOf": [_TEXT, DOCUMENT]}


class ScenarioIn(Body):
    document: Annotated[str | dict[str, Any], WithJsonSchema(_DOCUMENT)]
    slug: Text | None = Field(default=None, description="Add a version to this scenario instead of making one.")


class RunIn(Body):
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] | None = Field(
        default=None, description="By default the document's."
    )
    version: Annotated[int, Field(ge=1)] | None = Field(default=None, description="By default the newest.")


class RunOut(Schema):
    """One run. `truth` is complete once the run has ended."""

    id: UUID
    scenario: str
    version: int
    seed: int
    schedule: UUID | None = Field(description="The schedule that started it.")
    replay_of: UUID | None
    replay_matches: bool | None
    state: RunState
    message: str
    place_in_line: int | None = Field(description="It waits for a free place: 1 is the next one.")
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
    left_seconds: float | None = Field(description="How long still at its present speed; null when that is unknown.")
    found: int = Field(description="Of the acknowledged: in the topic already when the run was taken up again.")
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
    """One of the two."""

    speed: Annotated[float, Field(ge=SLOWEST, le=FASTEST)] = Field(
        default=LEFT_OUT, json_schema_extra=not_null, description="Times as fast as the document says."
    )
    events_per_second: Annotated[float, Field(gt=0)] = Field(
        default=LEFT_OUT,
        json_schema_extra=not_null,
        description=f"So many now, {SLOWEST:g} to {FASTEST:g} times the document's; the shape of the traffic stays.",
    )


class CloneIn(Body):
    name: str = Field(json_schema_extra={"minLength": 1, "maxLength": 80, "pattern": NAME})
    version: Annotated[int, Field(ge=1)] | None = Field(default=None, description="By default the newest.")


class DocumentIn(Body):
    document: str | dict[str, Any] = Field(description="The scenario: YAML or JSON text, or an object, right or not.")
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] | None = None


class ProblemOut(Schema):
    field: str
    message: str
    remedy: str


class CheckedOut(Schema):
    """`preview` is None exactly when there are problems."""

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
    sequence: int = Field(description="The record's header of that name, and bronze's column.")
    kind: str


class FaultList(Schema):
    items: list[FaultOut]
    next: int | None = Field(description="Send it as `after` for the next page.")


def run_out(run: ScenarioRun, line: Line | None = None) -> RunOut:
    """The run for programs; a list reads the line once for all."""
    if line is None and run.state == RunState.WAITING:
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
