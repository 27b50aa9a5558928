"""One run's story, gathered from the logs of all parts."""

import json
from pathlib import Path

import pytest

from compose.local import logbook

RUN = "0b6f3a9e-1111-4222-8333-444455556666"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    logs = tmp_path / "logs"
    logs.mkdir()

    def line(second: int, event: str, **more: object) -> str:
        said = {"event": event, "level": "info", "timestamp": f"2026-01-01T10:00:{second:02}.5Z", **more}
        return json.dumps(said) + "\n"

    (logs / "web.log").write_text(
        line(0, "POST /api/v1/dag-runs: 202", request_id="asked-for-it")
        + line(1, "something else", request_id="another")
        + line(0, "dag_run.trigger", request_id="asked-for-it", run_id=f"manual__{RUN}")
    )
    (logs / "worker.log").write_text(line(5, "DAG run", run_id=RUN) + "Traceback\n  of nobody\n")
    (logs / "spark.log").write_text(f"2026-01-01T11:00:03,250+01:00 WARN Query: {RUN} is slow\n2026-01-01 noise\n")
    tasks = tmp_path / "airflow" / "logs" / "dag_id=medallion" / f"run_id=manual__{RUN}" / "task_id=silver_events"
    tasks.mkdir(parents=True)
    (tasks / "attempt=1.log").write_text(line(4, "Built 5 rows"))
    other = tasks.parents[1] / "run_id=manual__other" / "task_id=silver_events"
    other.mkdir(parents=True)
    (other / "attempt=1.log").write_text(line(4, "Of another run"))
    return tmp_path


@pytest.mark.parametrize("named", [RUN, f"manual__{RUN}"])
def test_a_story_is_told_in_the_order_of_time_over_all_parts(data: Path, named: str) -> None:
    told = [
        (entry.at.strftime("%S.%f")[:4], entry.part, entry.fields.get("event")) for entry in logbook.story(data, named)
    ]
    assert told == [
        ("00.5", "web", "POST /api/v1/dag-runs: 202"),
        ("00.5", "web", "dag_run.trigger"),
        ("03.2", "spark", None),
        ("04.5", "airflow:silver_events", "Built 5 rows"),
        ("05.5", "worker", "DAG run"),
    ]


def test_a_request_has_a_story_too(data: Path) -> None:
    assert [entry.text for entry in logbook.story(data, "another")] == ["info    something else  [request_id=another]"]


def test_nobody_knows_what_never_was(data: Path) -> None:
    assert logbook.story(data, "nothing") == []


def test_lines_of_json_are_made_readable_and_others_left(data: Path) -> None:
    said = '{"event": "it broke", "level": "error", "timestamp": "2026-01-01T10:00:00Z", "exception": "Traceback"}'
    assert logbook.readable(said) == "2026-01-01T10:00:00Z error   it broke\n    Traceback"
    for line in ("plain", '{"not": "a log"}', "{cut", "[1]"):
        assert logbook.readable(line) == line
