"""What is held of a running stack: its figures, and the ids that its log lines carry."""

import statistics
import time
from functools import partial
from uuid import uuid4

import httpx

from tests.stack import Stack
from tests.system.api import ControlPlane
from tests.waiting import wait_for

GOAL_SECONDS = 0.2
SCENARIO = {
    "name": "A story",
    "seed": 7,
    "duration_seconds": 2,
    "traffic": {"stages": [{"events_per_second": 50}]},
}


def metrics_are_told_fast(stack: Stack) -> None:
    """Who has the token is told every figure, within GOAL_SECONDS; the lake is warm."""
    token = (stack.data / "metrics.token").read_text().strip()
    assert (stack.data / "metrics.token").stat().st_mode & 0o777 == 0o600
    took = []
    with httpx.Client(base_url=stack.credentials["url"], trust_env=False, timeout=10) as client:
        assert client.get("/metrics").status_code == 401
        for _ in range(9):
            began = time.perf_counter()
            answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
            took.append(time.perf_counter() - began)
            assert answer.status_code == 200
    print(f"/metrics: {1000 * statistics.median(took):.0f} ms, {len(answer.text)} characters")
    # The fastest: other tests keep the machine busy beside this one, and a slow answer is slow every time.
    assert min(took) < GOAL_SECONDS
    assert 'lakehouse_source_success{source="stream"} 1.0' in answer.text
    assert "lakehouse_source_success{" in answer.text
    assert not [line for line in answer.text.splitlines() if "source_success{" in line and not line.endswith(" 1.0")]
    assert 'lakehouse_celery_tasks_total{outcome="succeeded",task="controlplane.streaming' in answer.text


def story(stack: Stack, named: str) -> list[str]:
    """What `make logs RUN=` tells, in the order of time."""
    done = stack.command("-m", "compose.local", "logs", "--run", named)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    times = [line[:23] for line in lines if line[:2] == "20"]
    assert times == sorted(times)
    return lines


def dag_run_is_one_story(stack: Stack, control_plane: ControlPlane) -> None:
    """The newest DAG run is told by Airflow and the worker under one id."""
    run = next(iter(control_plane.get("/dag-runs")["items"]))["run_id"]

    def told() -> bool:
        parts = {line[24:].split()[0] for line in story(stack, run) if line[:2] == "20"}
        assert {"airflow:silver_events", "worker"} <= parts, parts
        return True

    wait_for(told, "the story of the run is told by Airflow and the worker", within=30)


def scenario_run_is_one_story(stack: Stack, control_plane: ControlPlane) -> None:
    """A scenario run is told from the request to the generator under the id of the request."""
    slug = control_plane.post("/scenarios", {"document": SCENARIO})["slug"]
    request = f"story-{uuid4()}"
    headers = {"X-Request-ID": request, "Idempotency-Key": str(uuid4())}
    answer = control_plane.http.post(f"/scenarios/{slug}/runs", json={}, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["X-Request-ID"] == request
    run = answer.json()["id"]
    events = {
        ("web", f"POST /api/v1/scenarios/{slug}/runs: 201"),
        ("web", f"scenario.run {slug}: succeeded"),
        ("generator", f"run {run}: claimed, attempt 1"),
        ("generator", f"run {run}: succeeded."),
    }

    def told(named: str) -> bool:
        # Each of them once, and all under the id that the request brought along.
        lines = [line for line in story(stack, named) if f"request_id={request}" in line]
        found = [one for line in lines for one in events if line[24:].startswith(one[0]) and one[1] in line]
        assert sorted(found) == sorted(events), lines
        return True

    for named in (run, request):
        wait_for(partial(told, named), "web and generator tell the story of the run", within=60, every=1)
