"""Pausing, hurrying and repeating runs, and what the API says of them."""

import uuid
from typing import Any

import numpy as np
import orjson
import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from controlplane.accounts.models import AuditEntry, User
from controlplane.errors import ActionError, InvalidInputError, NotFoundError
from controlplane.health.services import measurement_record
from controlplane.leases import WorkState
from controlplane.scenarios import selectors
from controlplane.scenarios.documents.services import scenario_clone
from controlplane.scenarios.generator.faultlog import packed
from controlplane.scenarios.models import ScenarioRun, ScenarioRunFaults
from controlplane.scenarios.runs.downstream import downstream_now
from controlplane.scenarios.runs.figures import delivered_before, packed_numbers
from controlplane.scenarios.runs.services import scenario_run_start
from controlplane.scenarios.runs.steering import (
    scenario_run_pause,
    scenario_run_replay,
    scenario_run_resume,
    scenario_run_speed,
)
from tests.pages import Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(operator_user: User) -> ScenarioRun:
    return scenario_run_start(actor=operator_user, slug="first-light", request_id=uuid.uuid4())


def _ended(run: ScenarioRun, **more: Any) -> ScenarioRun:
    now = timezone.now()
    values = {
        "state": WorkState.SUCCEEDED, "started_at": now, "finished_at": now, "anchor": now, "partitions": 4,
        "generated": 60_000, "acknowledged": 60_000, "digest": "d", "digests": ["d"],
    }  # fmt: skip
    ScenarioRun.objects.filter(pk=run.pk).update(**{**values, **more})
    run.refresh_from_db()
    return run


def test_a_run_is_paused_and_resumed_and_who_did_it_is_known(operator_user: User, run: ScenarioRun) -> None:
    paused = scenario_run_pause(actor=operator_user, run_id=run.pk)
    assert (paused.paused, paused.paused_by) == (True, "operator")
    assert scenario_run_pause(actor=operator_user, run_id=run.pk).paused_at == paused.paused_at
    assert scenario_run_resume(actor=operator_user, run_id=run.pk).paused is False
    assert AuditEntry.objects.filter(action__in=("scenario.pause", "scenario.resume")).count() == 3


def test_the_rate_is_changed_by_factor_or_by_events_a_second(operator_user: User, run: ScenarioRun) -> None:
    assert scenario_run_speed(actor=operator_user, run_id=run.pk, speed=2.5).speed == 2.5
    assert scenario_run_speed(actor=operator_user, run_id=run.pk, events_per_second=500).speed == 0.25


@pytest.mark.parametrize(
    "wrong",
    [{}, {"speed": 1.0, "events_per_second": 5.0}, {"speed": 0.0}, {"speed": -1.0}, {"speed": float("nan")},
     {"speed": 1e9}, {"events_per_second": float("inf")}, {"events_per_second": -5.0}],
)  # fmt: skip
def test_impossible_rates_are_refused_and_nothing_is_kept(
    operator_user: User, run: ScenarioRun, wrong: dict[str, float]
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        scenario_run_speed(actor=operator_user, run_id=run.pk, **wrong)
    assert refused.value.message.startswith(("speed:", "events_per_second:"))
    run.refresh_from_db()
    assert run.speed == 1.0


def test_only_a_run_that_is_under_way_can_be_steered_and_only_by_an_operator(
    operator_user: User, viewer_user: User, run: ScenarioRun
) -> None:
    for act in (scenario_run_pause, scenario_run_resume):
        with pytest.raises(PermissionDenied):
            act(actor=viewer_user, run_id=run.pk)
        with pytest.raises(NotFoundError):
            act(actor=operator_user, run_id=uuid.uuid4())
    _ended(run)
    for act in (scenario_run_pause, scenario_run_resume):
        with pytest.raises(ActionError, match="has already ended"):
            act(actor=operator_user, run_id=run.pk)
    with pytest.raises(ActionError, match="has already ended"):
        scenario_run_speed(actor=operator_user, run_id=run.pk, speed=2)


def test_a_replay_is_of_the_same_events_and_asked_for_once(operator_user: User, run: ScenarioRun) -> None:
    _ended(run, generated=1234, undelivered=packed_numbers([5, 9]))
    request_id = uuid.uuid4()
    replay = scenario_run_replay(actor=operator_user, run_id=run.pk, request_id=request_id)
    assert scenario_run_replay(actor=operator_user, run_id=run.pk, request_id=request_id) == replay
    assert (replay.version, replay.seed, replay.anchor) == (run.version, run.seed, run.anchor)
    assert (replay.total, replay.partitions, replay.replay_of) == (1234, 4, run)
    (prior,) = delivered_before(replay)
    assert (prior.end, prior.failed.tolist()) == (1234, [5, 9])
    with pytest.raises(ActionError, match="already in progress"):
        scenario_run_replay(actor=operator_user, run_id=run.pk, request_id=uuid.uuid4())
    # A replay of a replay repeats the first run, and knows of both.
    _ended(replay, generated=1234)
    third = scenario_run_replay(actor=operator_user, run_id=replay.pk, request_id=uuid.uuid4())
    assert third.replay_of == run
    assert len(delivered_before(third)) == 2


def test_what_has_sent_nothing_or_goes_on_can_not_be_repeated(operator_user: User, run: ScenarioRun) -> None:
    with pytest.raises(ActionError, match="not ended"):
        scenario_run_replay(actor=operator_user, run_id=run.pk, request_id=uuid.uuid4())
    _ended(run, generated=0)
    with pytest.raises(ActionError, match="sent no records"):
        scenario_run_replay(actor=operator_user, run_id=run.pk, request_id=uuid.uuid4())


def test_a_clone_is_ones_own(operator_user: User) -> None:
    version = scenario_clone(actor=operator_user, slug="flash-sale", name="My sale")
    assert (version.scenario.slug, version.scenario.builtin, version.content.name) == ("my-sale", False, "My sale")
    original = selectors.newest_version("flash-sale").content
    assert version.content.digest() == original.digest()
    with pytest.raises(NotFoundError):
        scenario_clone(actor=operator_user, slug="flash-sale", name="Other", version=99)


def test_which_record_carries_which_fault_is_listed_without_what_was_not_delivered(
    operator_user: User, run: ScenarioRun
) -> None:
    kinds = list(dict.fromkeys(fault.kind for fault in run.version.content.faults))
    for number, sequences in enumerate(([3, 7, 900], [2000, 2001])):
        body = packed(np.array(sequences, np.int64), np.array([1, 2, 1][: len(sequences)], np.int64))
        ScenarioRunFaults.objects.create(
            run=run, number=number, first=1500 * number, until=1500 * (number + 1), count=len(sequences), body=body
        )
    _ended(run, undelivered=packed_numbers([7]))
    every = selectors.run_faults(run)
    assert every == [(3, kinds[0]), (900, kinds[0]), (2000, kinds[0]), (2001, kinds[1])]
    assert selectors.run_faults(run, kind=kinds[1]) == [(2001, kinds[1])]
    assert selectors.run_faults(run, after=900, size=1) == [(2000, kinds[0])]


def test_the_pipeline_behind_is_measured_and_the_unknown_stays_unknown() -> None:
    since = timezone.now()
    assert set(downstream_now(since).values()) == {None}
    measurement_record(
        {"kafka.records": 1000.0, "bronze.lag": 0.0, "silver.records": 500.0, "quarantine.records": 10.0}
    )
    first = downstream_now(timezone.now())
    assert (first["bronze_lag_records"], first["bronze_lag_seconds"]) == (0, 0)
    between = timezone.now()
    measurement_record(
        {"kafka.records": 2000.0, "bronze.lag": 900.0, "silver.records": 580.0, "quarantine.records": 30.0}
    )
    found = downstream_now(between)
    assert found["bronze_lag_records"] == 900
    assert found["bronze_lag_seconds"] is not None
    assert found["bronze_lag_seconds"] > 0
    assert found["quarantine_percent"] == pytest.approx(20)


class Api:
    """The REST API as a signed-in person's browser speaks it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get(self, path: str) -> Any:
        answer = self._client.get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.content
        return answer.json()

    def post(self, path: str, body: Any = None) -> Any:
        return self._client.post(f"/api/v1{path}", orjson.dumps(body or {}), content_type="application/json")


@pytest.fixture
def api(operator: Visitor) -> Api:
    return Api(operator)


def test_the_api_publishes_the_schema_the_faults_and_the_metrics(api: Api) -> None:
    assert api.get("/scenario-schema")["title"] == "Scenario"
    faults = {fault["kind"]: fault for fault in api.get("/scenario-faults")}
    assert faults["negative_price"]["reason"] == "invalid_price"
    assert faults["dropped"]["outcome"] == "missing"
    assert "search" not in faults["negative_price"]["event_types"]
    assert {metric["metric"] for metric in api.get("/scenario-metrics")} >= {"bronze_lag_seconds", "failed_percent"}


def test_the_api_previews_a_document_or_names_every_problem(api: Api) -> None:
    document = {"name": "P", "duration_seconds": 10, "traffic": {"stages": [{"events_per_second": 100}]}}
    good = api.post("/scenario-preview", {"document": document}).json()
    assert good["problems"] == []
    assert (good["preview"]["total"], len(good["preview"]["samples"])) == (1000, 20)
    wrong = {**document, "seeed": 3, "duration_seconds": -1}
    bad = api.post("/scenario-preview", {"document": wrong}).json()
    assert bad["preview"] is None
    assert {(problem["field"], problem["remedy"]) for problem in bad["problems"]} == {
        ("seeed", "Did you mean seed?"), ("duration_seconds", "Must be at least 0.1."),
    }  # fmt: skip


def test_the_api_steers_repeats_reports_and_compares(api: Api, run: ScenarioRun) -> None:
    path = f"/scenario-runs/{run.pk}"
    assert api.post(f"{path}/pause").json()["paused"] is True
    assert api.post(f"{path}/resume").json()["paused"] is False
    assert api.post(f"{path}/speed", {"speed": 3}).json()["speed"] == 3
    assert api.post(f"{path}/speed", {"speed": -3}).status_code == 422
    assert api.post(f"{path}/replay").status_code == 409
    _ended(run)
    replay = api.post(f"{path}/replay")
    assert (replay.status_code, replay.json()["replay_of"]) == (201, str(run.pk))
    assert api.get(f"{path}/faults") == {"items": [], "next": None}
    assert api.get(f"{path}/faults?kind=truncated") == {"items": [], "next": None}
    assert api.get(f"{path}/report")["document"]["name"] == "First light"
    compared = api.get(f"{path}/compare/{replay.json()['id']}")
    assert compared["document"] == []
    assert {row["field"] for row in compared["outcome"]} >= {"state", "generated"}
    assert api.post("/scenarios/first-light/clone", {"name": "Mine"}).status_code == 201


def test_a_kind_of_fault_that_is_none_is_not_taken_for_one_that_never_struck(
    operator: Visitor, run: ScenarioRun
) -> None:
    answer = operator.get(f"/api/v1/scenario-runs/{run.pk}/faults?kind=truncate")
    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == "kind: Unknown value 'truncate'."
