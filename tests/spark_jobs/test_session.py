"""Opening and losing sessions."""

import gc
import socket
import weakref

import pytest
from pyspark.sql.connect.client.reattach import ExecutePlanResponseReattachableIterator

from spark_jobs.connections import starts
from spark_jobs.errors import SparkUnreachable
from spark_jobs.session import connect
from tests.containers.composition import services


@pytest.mark.parametrize(
    ("operated_with", "command"), [("make", "make up"), ("compose", "docker compose up -d spark-connect")]
)
def test_a_server_that_is_not_there_is_said_with_the_command_of_the_place(
    monkeypatch: pytest.MonkeyPatch, operated_with: str, command: str
) -> None:
    monkeypatch.setenv("OPERATED_WITH", operated_with)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(SparkUnreachable, match=rf"Start it \(`{command}`\) or set SPARK_REMOTE"):
        connect(f"sc://127.0.0.1:{port}")


@pytest.mark.parametrize("service", ["spark-connect", "ecommerce-minio", "setup"])
def test_what_starts_it_in_containers_is_a_service_of_the_file(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    monkeypatch.setenv("OPERATED_WITH", "compose")
    assert starts(service).removeprefix("docker compose up -d ") in services()


@pytest.mark.stack
def test_a_lost_session_leaves_what_the_others_share_alone(spark_remote: str) -> None:
    """Spark's own way of losing one can hang the process (see spark_jobs.session)."""
    kept, lost = (connect(spark_remote, user_id="tests") for _ in range(2))
    assert kept.range(3).count() == 3
    pool = ExecutePlanResponseReattachableIterator._get_or_create_release_thread_pool()
    gone, client = weakref.ref(lost), lost.client
    type(lost)._set_default_and_active_session(kept)  # type: ignore[attr-defined]
    del lost
    gc.collect()
    assert gone() is None
    assert not pool._shutdown
    assert kept.range(4).count() == 4
    kept.stop()
    client.close()  # else it looks for its server once more when Python ends
