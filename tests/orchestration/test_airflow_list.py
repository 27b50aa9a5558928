"""The list of runs against the real Airflow: a burst into a paused DAG, runs of odd ids and times, and deleted ones."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.stack import Stack
from tests.system.api import ControlPlane
from tests.waiting import wait_for

pytestmark = pytest.mark.stack
AT_ONCE = 40
WITHIN = 60.0
# What Airflow lets an id be made of, by its `allowed_run_id_pattern`. Paths resolve `.`, and in Airflow's own paths `~`
# means every run.
ODD = (".", "~", "+", ":", "-", "a.~+:-_", "x" * 250)


class Airflow:
    """Airflow's own API, as a person with its password uses it."""

    def __init__(self, connections: dict[str, Any]) -> None:
        self.url = connections["airflow"].rstrip("/")
        login = {"username": connections["airflow_username"], "password": connections["airflow_password"]}
        token = httpx.post(f"{self.url}/auth/token", json=login, timeout=30).json()["access_token"]
        self.client = httpx.Client(
            base_url=f"{self.url}/api/v2/dags/medallion", headers={"Authorization": f"Bearer {token}"}, timeout=60
        )

    def trigger(self, run_id: str, logical_date: str | None = None) -> None:
        body = {"dag_run_id": run_id, "logical_date": logical_date}
        answer = self.client.post("/dagRuns", json=body)
        assert answer.status_code in (200, 201), answer.text

    def pause(self, paused: bool) -> None:
        self.client.patch(f"{self.url}/api/v2/dags/medallion", json={"is_paused": paused}).raise_for_status()

    def delete(self, run_id: str) -> None:
        # httpx resolves a dot as browsers do.
        segment = "%2E" if run_id == "." else quote(run_id, safe="")
        url = httpx.URL(f"{self.url}/").copy_with(raw_path=f"/api/v2/dags/medallion/dagRuns/{segment}".encode())
        answer = self.client.request("DELETE", url)
        assert answer.status_code in (204, 404), answer.text


@pytest.fixture
def api(stack: Stack) -> Iterator[ControlPlane]:
    control_plane = ControlPlane(stack.credentials["url"], stack.credentials["api_token"])
    yield control_plane
    control_plane.http.close()


@pytest.fixture
def paused(stack: Stack) -> Iterator[tuple[Airflow, set[str]]]:
    """Airflow with the DAG paused, and the ids of the runs that the test triggers; they are gone afterwards."""
    airflow, made = Airflow(stack.connections), set[str]()
    try:
        airflow.pause(True)
        yield airflow, made
    finally:
        for run_id in made:
            airflow.delete(run_id)
        airflow.pause(False)
        airflow.client.close()


def test_every_run_of_a_burst_is_listed_by_its_id_and_said_to_wait_for_a_paused_dag(
    stack: Stack, paused: tuple[Airflow, set[str]], api: ControlPlane
) -> None:
    airflow, made = paused
    mark = uuid.uuid4().hex[:8]
    burst = [f"burst-{mark}-{number}" for number in range(AT_ONCE)]
    made |= {*burst, *ODD, f"past-{mark}"}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(airflow.trigger, [*burst, *ODD]))
    airflow.trigger(f"past-{mark}", "2001-01-01T00:00:00Z")

    def listed() -> dict[str, Any]:
        found, cursor = {}, ""
        while True:
            page = api.get("/dag-runs", limit=200, cursor=cursor)
            found |= {row["run_id"]: row for row in page["items"] if row["gone_at"] is None}
            cursor = page["next"] or ""
            if not cursor:
                return found

    wait_for(lambda: made <= set(listed()), "every run is listed", within=WITHIN)
    rows = listed()
    for run_id in made:
        said = api.get(rows[run_id]["url"].replace("/runs/dag/", "/dag-runs/").removesuffix("/"))
        assert (said["dag_id"], said["run_id"], said["state"]) == ("medallion", run_id, "waiting")
    wait_for(lambda: all(listed()[run_id]["dag_paused"] for run_id in made), "the DAG is seen paused", within=WITHIN)
    wait_for(
        lambda: all("is paused in Airflow" in listed()[run_id]["message"] for run_id in made), "they say why they wait",
        within=WITHIN,
    )  # fmt: skip
    # Its own tasks, and nobody else's: Airflow's path for the run `~` would be that of every run.
    wait_for(lambda: all(listed()[run_id]["tasks"] for run_id in ODD), "their tasks are read", within=WITHIN)
    rows = listed()
    names = {run_id: [task["task_id"] for task in rows[run_id]["tasks"]] for run_id in ODD}
    assert len({tuple(sorted(tasks)) for tasks in names.values()}) == 1
    assert all(len(tasks) == len(set(tasks)) for tasks in names.values())

    gone = {burst[0], ".", "~"}
    for run_id in gone:
        airflow.delete(run_id)
    wait_for(lambda: not gone & set(listed()), "deleted runs say so", within=WITHIN)
    said = api.get(rows["."]["url"].replace("/runs/dag/", "/dag-runs/").removesuffix("/"))
    assert said["gone_at"] is not None
    assert said["message"] == "Deleted in Airflow before it ended."
    assert made - gone <= set(listed())
