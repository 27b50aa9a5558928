"""A run on the real stack while its broker goes away and comes back."""

import os
import signal
from typing import Any

import pytest

from controlplane.scenarios.generator.kafka import found_in_topic
from tests.stack import Stack
from tests.system.api import ControlPlane
from tests.waiting import wait_for

EVENTS = 24_000
DOCUMENT = {
    "name": "Broker killed",
    "duration_seconds": 24,
    "traffic": {"stages": [{"events_per_second": 1000}]},
}


@pytest.mark.stack
def test_a_broker_that_is_killed_during_a_run_costs_time_and_no_record(
    stack: Stack, control_plane: ControlPlane, record_property: Any
) -> None:
    kept = control_plane.post("/scenarios", {"document": DOCUMENT})
    run = control_plane.post(f"/scenarios/{kept['slug']}/runs")
    address = f"/scenario-runs/{run['id']}"
    wait_for(lambda: control_plane.get(address)["acknowledged"] > 3000, "the run is on its way", within=60)
    killed = stack.pids()["kafka"]
    os.kill(killed, signal.SIGKILL)
    record_property("fault", "kafka killed during a scenario run")
    assert control_plane.get(address)["acknowledged"] < EVENTS
    stack.wait_running("kafka", other_than=killed, within=60)

    ended = wait_for(
        lambda: (now := control_plane.get(address))["finished_at"] and now, "the run ends by itself", within=180
    )
    assert (ended["state"], ended["generated"], ended["acknowledged"], ended["failed"]) == (
        "succeeded",
        EVENTS,
        EVENTS,
        0,
    ), ended["message"]
    everything = dict.fromkeys(range(len(ended["digests"])), 0)
    found = found_in_topic(stack.kafka, stack.connections["topic"], run["id"], everything)
    assert (found.sequences.tolist(), found.twice) == (list(range(EVENTS)), ended["sent_twice"])
    control_plane.wait_all_up(within=120)
