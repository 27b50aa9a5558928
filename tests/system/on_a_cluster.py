"""The stream and every job run on a Spark standalone master with two workers, and the tour passes there.

Run by `make test-cluster`; not part of `make test`, for the five minutes it takes. An installation is pointed at the
cluster and back, by `make up` alone.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from dotenv import dotenv_values

from tests.stack import Stack
from tests.system.api import ControlPlane
from tests.system.spark_cluster import Cluster, cluster

pytestmark = pytest.mark.stack
WORKERS = 2


@pytest.fixture(scope="module")
def on_a_cluster(
    stack: Stack, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """The installation with its Spark work done by a cluster; afterwards by the Connect server itself again."""
    folder: Path = tmp_path_factory.mktemp("spark-cluster")
    with cluster(folder, WORKERS) as made:
        try:
            _up(stack, SPARK_MASTER=made.address)
            yield made
        finally:
            _up(stack)
            control_plane.wait_all_up(within=120)


def _up(stack: Stack, **more: str) -> None:
    done = stack.command("-m", "compose.local", "up", timeout=600, TOUR="0", **more)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tour_passes_on_two_workers(stack: Stack, on_a_cluster: Cluster) -> None:
    tour = stack.command("manage.py", "tour", timeout=1000)
    assert tour.returncode == 0, tour.stdout + tour.stderr
    assert "Ledger balanced" in tour.stdout
    # The master gave the application a core of each worker, and each has worked.
    (application,) = on_a_cluster.state()["activeapps"]
    assert (application["name"], application["cores"]) == ("lakehouse", WORKERS)
    assert sum(worker["coresused"] for worker in on_a_cluster.workers()) == WORKERS
    executors = f"http://127.0.0.1:{stack.settings.port('SPARK_UI_PORT')}/api/v1/applications/{application['id']}"
    headers = {"Authorization": f"Bearer {dotenv_values(stack.data / 'environment')['SPARK_UI_TOKEN']}"}
    told = httpx.get(f"{executors}/executors", headers=headers, timeout=20, trust_env=False).json()
    done = {one["id"]: one["completedTasks"] for one in told if one["id"] != "driver"}
    print(f"tasks completed by executor: {done}")
    assert len(done) == WORKERS
    assert all(tasks > 0 for tasks in done.values()), done
    assert next(one["completedTasks"] for one in told if one["id"] == "driver") == 0
