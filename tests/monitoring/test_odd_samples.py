"""A value without a meaning has no sample, and hides no other."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controlplane.health.models import Observation, PartState
from controlplane.monitoring.sources import parts, runs, stream
from controlplane.monitoring.sources.families import counters, gauge, gauges, moment
from controlplane.orchestration.models import DagRun
from controlplane.orchestration.services import MEDALLION
from controlplane.web.moments import FIRST, LAST

ABSENT: tuple[Any, ...] = (
    None, float("nan"), float("inf"), float("-inf"), 10**400, -(10**400), "12", "", [], {}, Decimal("NaN"),
    Decimal("sNaN"), Decimal("Infinity"), Decimal("1e400"),
)  # fmt: skip
SAMPLES: tuple[tuple[Any, float], ...] = (
    (0, 0.0), (-1, -1.0), (True, 1.0), (1.5, 1.5), (2**53 + 1, 2.0**53), (2**63, 2.0**63), (-(2**63), -(2.0**63)),
    (1.7e308, 1.7e308), (Decimal("0.1"), 0.1),
)  # fmt: skip


@pytest.mark.parametrize("value", ABSENT, ids=repr)
def test_a_value_that_is_no_number_is_absent(value: Any) -> None:
    assert gauge("g", "A gauge.", value).samples == []
    for family in (gauges, counters):
        made = family("f", "A family.", ("key",), {("odd",): value, ("plain",): 7})
        assert [(sample.labels["key"], sample.value) for sample in made.samples] == [("plain", 7.0)]


@pytest.mark.parametrize(("value", "sample"), SAMPLES, ids=repr)
def test_every_other_number_is_a_sample(value: Any, sample: float) -> None:
    assert [one.value for one in gauge("g", "A gauge.", value).samples] == [sample]


@pytest.mark.parametrize("at", [FIRST, LAST])
def test_both_ends_of_the_calendar_are_moments(at: Any) -> None:
    assert [one.value for one in moment("m", "A moment.", at).samples] == [at.timestamp()]


ODD: tuple[Any, ...] = (None, {}, [], "x", 7, [None], [{}], [[]], {"a": None}, [{"partition": {}}], [{"task_id": []}])


@pytest.mark.django_db
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_odd_json_hides_no_other_metric(odd: Any) -> None:
    now = timezone.now()
    run = DagRun.objects.create(dag_id=MEDALLION, run_id="a", state="succeeded", started_at=now, finished_at=now)
    DagRun.objects.filter(pk=run.pk).update(tasks=odd if odd is not None else [])
    for part, detail in (("kafka", {"partitions": odd}), ("airflow", {"parts": odd})):
        Observation.objects.create(part=part, state=PartState.UP, observed_at=now, changed_at=now, detail=detail)
    names = {family.name for source in (stream, runs, parts) for family in source.figures()}
    assert {"lakehouse_stream_batch_records", "lakehouse_dag_run_last_success", "lakehouse_part_up"} <= names


@pytest.mark.django_db
def test_a_readable_partition_beside_odd_ones_has_its_samples() -> None:
    listed = [
        {"partition": 0, "begin": 1, "end": 5}, {"partition": 1, "begin": None, "end": 5}, {"partition": 2},
        {"partition": 3, "begin": 0, "end": float(2**60)}, None, {"partition": "4", "begin": 0, "end": 1},
    ]  # fmt: skip
    now = timezone.now()
    detail = {"partitions": listed}
    Observation.objects.create(part="kafka", state=PartState.UP, observed_at=now, changed_at=now, detail=detail)
    found = {family.name: family.samples for family in stream.figures()}
    ends = {sample.labels["partition"]: sample.value for sample in found["lakehouse_topic_end_offset"]}
    assert ends == {"0": 5.0, "3": 2.0**60}
