"""What happens to the installation once, for several tests to look at."""

import subprocess

import pytest
from pyiceberg.catalog import load_catalog

from tests.stack import Stack
from tests.system.api import ControlPlane
from tests.system.poison import send_poison
from tests.system.recorded import Played, play
from tests.waiting import wait_for


@pytest.fixture
def complaints() -> list[str]:
    """What the browser of a test complains of."""
    return []


@pytest.fixture(scope="session")
def poisoned(stack: Stack, toured: str, control_plane: ControlPlane) -> dict[tuple[int, int], str]:
    """Poison on the topic that the running stream has taken in: the reason of each, by partition and offset."""
    sent = send_poison(stack.kafka, stack.connections["topic"])
    with load_catalog("lake", **stack.connections["catalog"]) as lake:

        def in_bronze() -> bool:
            rows = lake.load_table("bronze.events").scan(selected_fields=("partition", "offset")).to_arrow()
            there = set(zip(rows["partition"].to_pylist(), rows["offset"].to_pylist(), strict=True))
            return set(sent) <= there

        wait_for(in_bronze, "bronze has the poison", within=60, every=1)
    # It may come by way of "failed": after the kills of other tests, Spark may end the query once (see `_failed` in
    # streaming.reconciling). What is meant here is that it goes on with the poison behind it.
    wait_for(lambda: control_plane.get("/stream")["state"] == "running", "the stream goes on", within=90, every=1)
    return sent


@pytest.fixture(scope="session")
def played(toured: str, control_plane: ControlPlane) -> Played:
    """A recording that was played twice."""
    return play(control_plane)


@pytest.fixture(scope="session")
def toured_again(stack: Stack, poisoned: object, played: Played) -> "subprocess.CompletedProcess[str]":
    """A second tour, on a topic that also has poison and a recording."""
    return stack.command("manage.py", "tour", timeout=1000)
