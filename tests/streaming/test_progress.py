"""Spark's progress reports: any value at the place of any number gives a row that the database accepts, or none."""

import itertools
import json
from copy import deepcopy
from typing import Any

import pytest

from controlplane.streaming.adapters.spark_progress import LARGEST, LONGEST_ID, MOST_PHASES, batches_of
from controlplane.streaming.models import StreamBatch
from controlplane.streaming.ports import BatchProgress

REPORT: dict[str, Any] = {
    "id": "8c57e1ec-94b5-4c99-b100-f694162df0b9",
    "runId": "ae505c5a-a64e-4896-8c28-c7cbaf926f16",
    "batchId": 12,
    "timestamp": "2026-11-30T12:00:00.000Z",
    "durationMs": {"triggerExecution": 900, "addBatch": 700},
    "sources": [
        {
            "numInputRows": 50,
            "processedRowsPerSecond": 55.5,
            "endOffset": {"shop.events": {"0": 40, "1": 10}},
            "latestOffset": {"shop.events": {"0": 45, "1": 12}},
        }
    ],
}
NUMBERS = (
    ("batchId",),
    ("durationMs", "triggerExecution"),
    ("sources", 0, "numInputRows"),
    ("sources", 0, "processedRowsPerSecond"),
    *itertools.product(("sources",), (0,), ("endOffset", "latestOffset"), ("shop.events",), ("0", "1")),
)
TEXTS = (("id",), ("runId",), ("timestamp",))
OBJECTS = (
    ("durationMs",), ("sources",), ("sources", 0), ("sources", 0, "endOffset"), ("sources", 0, "latestOffset"),
    ("sources", 0, "endOffset", "shop.events"), ("sources", 0, "latestOffset", "shop.events"),
)  # fmt: skip
MISSING = object()
# As JSON: Python's reader accepts NaN and the infinities, which Spark writes.
VALUES: dict[str, str | object] = {
    "NaN": "NaN", "Infinity": "Infinity", "-Infinity": "-Infinity", "null": "null", "missing": MISSING,
    "empty text": '""', "text": '"x"', "number as text": '"12"', "true": "true", "list": "[]", "object": "{}",
    "nested": '{"0": {"0": [1]}}', "-1": "-1", "-0.0": "-0.0", "1.5": "1.5", "1e400": "1e400", "1e-400": "1e-400",
    "2^53+1": str(2**53 + 1), "2^63-1": str(2**63 - 1), "2^63": str(2**63), "-2^63": str(-(2**63)),
    "2^64": str(2**64), "10^400": str(10**400), "10^5000": "1" + "0" * 5000, "1.8e308": "1.8e308", "9.3e18": "9.3e18",
    "NUL": '"\\u0000"', "surrogate": '"\\ud800"', "65 characters": json.dumps("x" * (LONGEST_ID + 1)),
    "year 1": '"0001-01-01T00:00:00+14:00"', "year 9999": '"9999-12-31T23:59:59-14:00"',
}  # fmt: skip


def report(*changes: tuple[tuple[Any, ...], str | object]) -> str:
    """The report with JSON values at these places."""
    changed = deepcopy(REPORT)
    marks: dict[str, str] = {}
    for number, (place, value) in enumerate(changes):
        holder: Any = changed
        for step in place[:-1]:
            holder = holder[step]
        if value is MISSING:
            del holder[place[-1]]
        else:
            holder[place[-1]] = mark = f"mark {number}"
            marks[json.dumps(mark)] = str(value)
    text = json.dumps(changed)
    for mark, value in marks.items():
        text = text.replace(mark, value)
    return text


def stored(batch: BatchProgress) -> StreamBatch:
    """The row of a batch, as the database returns it."""
    row = StreamBatch.objects.create(
        query_id=batch.ref.query_id,
        batch_id=batch.batch_id,
        run_id=batch.ref.run_id,
        started_at=batch.started_at,
        input_rows=batch.input_rows,
        rows_per_second=batch.rows_per_second,
        lag_max=batch.lag_max,
        lag_total=batch.lag_total,
        durations=batch.durations,
        end_offsets=batch.end_offsets,
    )
    found = StreamBatch.objects.get(pk=row.pk)
    row.delete()
    return found


def test_a_report_is_read_as_it_is() -> None:
    [batch] = batches_of([report()])
    assert (batch.batch_id, batch.input_rows, batch.rows_per_second) == (12, 50, 55.5)
    assert (batch.lag_max, batch.lag_total) == (5, 7)
    assert batch.durations == {"triggerExecution": 900, "addBatch": 700}
    assert batch.end_offsets == {"0": 40, "1": 10}


@pytest.mark.django_db
@pytest.mark.parametrize("place", [*NUMBERS, *TEXTS, *OBJECTS], ids=lambda place: ".".join(map(str, place)))
def test_no_value_raises_or_is_out_of_range(place: tuple[Any, ...]) -> None:
    for name, value in VALUES.items():
        found = batches_of([report((place, value)), report()])
        assert found[-1] == batches_of([report()])[0], name
        for batch in found[:-1]:
            row = stored(batch)
            assert 0 <= row.lag_max <= row.lag_total <= LARGEST, name
            assert 0 <= row.input_rows <= LARGEST, name
            assert 0.0 <= row.rows_per_second < float("inf"), name
            assert row.seconds >= 0, name
            assert all(0 <= offset <= LARGEST for offset in row.offsets.values()), name


@pytest.mark.parametrize("place", [*TEXTS, ("batchId",)], ids=lambda place: ".".join(map(str, place)))
def test_a_report_that_does_not_name_its_batch_is_left_out(place: tuple[Any, ...]) -> None:
    for name in ("null", "missing", "list", "object", "NaN", "NUL"):
        assert batches_of([report((place, VALUES[name]))]) == [], name


@pytest.mark.parametrize("name", ["65 characters", "NUL", "surrogate", "empty text"])
@pytest.mark.parametrize("place", [("id",), ("runId",)])
def test_an_id_that_no_query_has_is_left_out(place: tuple[Any, ...], name: str) -> None:
    assert batches_of([report((place, VALUES[name]))]) == []
    assert len(batches_of([report((place, json.dumps("x" * LONGEST_ID)))])) == 1


@pytest.mark.django_db
def test_the_largest_lags_fit_their_columns() -> None:
    none, most = {str(number): 0 for number in range(3)}, {str(number): LARGEST for number in range(3)}
    ends, latest = ("sources", 0, "endOffset"), ("sources", 0, "latestOffset")
    [batch] = batches_of([report((ends, json.dumps({"t": none})), (latest, json.dumps({"t": most})))])
    row = stored(batch)
    assert (row.lag_max, row.lag_total) == (LARGEST, LARGEST)


@pytest.mark.parametrize("unread", ["NaN", "null", "-1", "2^63", "text", "missing"])
def test_a_partition_without_an_offset_has_no_lag(unread: str) -> None:
    for side in ("endOffset", "latestOffset"):
        [batch] = batches_of([report((("sources", 0, side, "shop.events", "0"), VALUES[unread]))])
        assert (batch.lag_max, batch.lag_total) == (2, 2), side


@pytest.mark.django_db
def test_names_of_phases_and_partitions_can_be_stored() -> None:
    phases = {**{f"phase {number}": number for number in range(1000)}, "triggerExecution": 1}
    odd = {"triggerExecution": 900, "\x00": 1, "\ud800": 2, "x" * 100_000: 3}
    for durations in (odd, phases):
        [batch] = batches_of([report((("durationMs",), json.dumps(durations)))])
        assert len(stored(batch).phases) == min(len(durations), MOST_PHASES)
    ends = {"0": 40, "\x00": 1, "-1": 1, "1.5": 1, "\u0661": 1, "0" * 100: 1}
    [batch] = batches_of([report((("sources", 0, "endOffset", "shop.events"), json.dumps(ends)))])
    assert stored(batch).offsets == {"0": 40}
