"""MinIO under the running stream is killed, frozen, full, robbed of its bucket and of its user.

Each time the pages say what is wrong, answer quickly meanwhile, and in the end no record is lost or there twice.
"""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from minio.minioadmin import MinioAdmin
from pyiceberg.catalog import Catalog

from compose.local.credentials import environment, load_secrets
from compose.local.parts.minio import provide
from spark_jobs.object_store import ObjectStore
from tests.kafka import committed_records
from tests.minio.disk import filled
from tests.pages import Page
from tests.stack import Stack
from tests.system.api import ControlPlane
from tests.waiting import wait_for

pytestmark = [pytest.mark.stack, pytest.mark.minio]

# What pytest's `record_property` is; `tests/conftest.py` prints every "fault" at the end of a run.
Record = Callable[[str, object], None]
# What the API answers meanwhile: only a table's metadata lies in the storage, and can't be had without it.
ANSWERS = {
    **dict.fromkeys(("/health", "/stream", "/dag-runs", "/scenario-runs", "/validations", "/tables"), 200),
    "/tables/silver/events": 503,
}
# What a killed server is called, from the supervisor's view, then from that of who asks it.
KILLED = re.compile(
    r"It (is starting|is stopped|was restarted and has not responded yet)\."
    r"|No object storage answers at|The object storage at \S+ is (not ready|still starting)"
)
LONG = 100.0
# A quarter of a minute of traffic, with records that are sent twice.
SCENARIO = {
    "name": "Under a fault",
    "seed": 7,
    "duration_seconds": 15,
    "traffic": {"stages": [{"events_per_second": 1000}]},
    "faults": [{"kind": "duplicate", "rate": 0.01, "delay_seconds": 2}],
}


@pytest.fixture(scope="module")
def scenario(control_plane: ControlPlane) -> str:
    return str(control_plane.post("/scenarios", {"document": SCENARIO})["slug"])


@contextmanager
def traffic(control_plane: ControlPlane, scenario: str) -> Iterator[None]:
    """The block happens while a scenario sends; it ends when all of it is on the topic."""
    run = control_plane.post(f"/scenarios/{scenario}/runs")

    def state() -> str:
        return str(control_plane.get(f"/scenario-runs/{run['id']}")["state"])

    wait_for(lambda: state() == "running", "the scenario is running", within=30)
    yield
    wait_for(lambda: state() == "succeeded", "the scenario has sent everything", within=90, every=1)


def said(control_plane: ControlPlane, pages: httpx.Client, words: str) -> str:
    """Wait until the part says it, and give the whole sentence; no answer may wait for the storage meanwhile, and the
    Overview has to say it too."""

    def look() -> str:
        summary = str(control_plane.part("storage")["summary"])
        assert words in summary, summary
        return summary

    found = wait_for(look, f"the page says {words!r}", within=30)
    for page, status in ANSWERS.items():
        began = time.monotonic()
        answer = control_plane.http.get(page)
        took = time.monotonic() - began
        assert took < 2, f"{page} took {took:.1f} s"
        assert answer.status_code == status, f"{page}: {answer.status_code} {answer.text[:300]}"
    assert words in on_the_overview(pages)
    return found


def on_the_overview(pages: httpx.Client) -> str:
    """What somebody reads of the storage on the first page."""
    page = pages.get("/")
    assert page.status_code == 200, f"{page.status_code} {page.text[:300]}"
    return Page(page.text).part("part-storage").text


def everything_is_in_bronze_once(stack: Stack, lake: Catalog) -> None:
    topic = _records_on_the_topic(stack)

    def look() -> bool:
        rows = lake.load_table("bronze.events").scan(selected_fields=("partition", "offset")).to_arrow()
        places = set(zip(rows["partition"].to_pylist(), rows["offset"].to_pylist(), strict=True))
        assert rows.num_rows == len(places), f"{rows.num_rows - len(places)} rows are there twice"
        assert len(places) == topic, f"{len(places)} of {topic} records are in bronze"
        return True

    wait_for(look, "every record of the topic is in bronze, once", within=LONG, every=1)


def _records_on_the_topic(stack: Stack) -> int:
    return committed_records(stack.kafka, stack.connections["topic"])


def test_killed_again_and_again_while_the_stream_writes(
    stack: Stack,
    stack_lake: Catalog,
    toured: str,
    control_plane: ControlPlane,
    pages: httpx.Client,
    scenario: str,
    record_property: Record,
) -> None:
    seen: set[str] = set()

    def look() -> str:
        sentence = on_the_overview(pages)
        assert KILLED.search(sentence), sentence
        return sentence

    kills = 3
    with traffic(control_plane, scenario):
        for _ in range(kills):
            killed = stack.pids()["minio"]
            os.kill(killed, signal.SIGKILL)
            record_property("fault", "minio killed under the stream")
            seen.add(wait_for(look, "the Overview says that it is down", within=20, every=0.1))
            stack.wait_running("minio", other_than=killed, within=60)
            control_plane.wait_part("storage", "up", within=30)
    everything_is_in_bronze_once(stack, stack_lake)
    control_plane.wait_all_up(within=LONG)
    print(f"The page said: {sorted(seen)}")


def test_frozen_while_the_stream_writes(
    stack: Stack,
    stack_lake: Catalog,
    toured: str,
    control_plane: ControlPlane,
    pages: httpx.Client,
    scenario: str,
    record_property: Record,
) -> None:
    frozen = stack.pids()["minio"]
    with traffic(control_plane, scenario):
        os.kill(frozen, signal.SIGSTOP)
        record_property("fault", "minio frozen under the stream")
        try:
            sentence = said(control_plane, pages, "takes connections but gave no answer within 3 s. It is frozen")
        finally:
            os.kill(frozen, signal.SIGCONT)
    everything_is_in_bronze_once(stack, stack_lake)
    control_plane.wait_all_up(within=LONG)
    print(f"The page said: {sentence}")


def test_a_full_disk_while_the_stream_writes(
    stack: Stack,
    stack_lake: Catalog,
    toured: str,
    control_plane: ControlPlane,
    pages: httpx.Client,
    scenario: str,
    disk: Path,
    record_property: Record,
) -> None:
    if not disk.is_mount():
        pytest.skip("NOT TESTED: a full disk. It takes root and the right to mount a small file system.")
    with traffic(control_plane, scenario), filled(disk):
        record_property("fault", "minio's disk full under the stream")
        sentence = said(control_plane, pages, "is full. Free some space there")
    everything_is_in_bronze_once(stack, stack_lake)
    control_plane.wait_all_up(within=LONG)
    print(f"The page said: {sentence}")


def test_a_missing_bucket(
    stack: Stack,
    toured: str,
    control_plane: ControlPlane,
    pages: httpx.Client,
    disk: Path,
    record_property: Record,
) -> None:
    (disk / "lakehouse").rename(disk / "elsewhere")
    record_property("fault", "the bucket missing")
    try:
        sentence = said(control_plane, pages, "There is no bucket lakehouse at")
    finally:
        (disk / "elsewhere").rename(disk / "lakehouse")
    control_plane.wait_all_up(within=LONG)
    print(f"The page said: {sentence}")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda admin, store: admin.user_add(store.access_key, "another-secret"), "refuses the secret key"),
        (lambda admin, store: admin.user_disable(store.access_key), "access key"),
        (lambda admin, store: admin.user_remove(store.access_key), "does not know the access key"),
    ],
    ids=["another secret", "disabled", "removed"],
)
def test_a_key_that_is_wrong(
    stack: Stack,
    toured: str,
    control_plane: ControlPlane,
    pages: httpx.Client,
    admin: MinioAdmin,
    store: ObjectStore,
    fault: Callable[[MinioAdmin, ObjectStore], object],
    words: str,
    record_property: Record,
) -> None:
    fault(admin, store)
    record_property("fault", f"the pipeline's user is wrong: {words}")
    try:
        sentence = said(control_plane, pages, words)
    finally:
        # The step of `make up` that makes the user anew.
        drawn = load_secrets(stack.data)
        provide(stack.settings, environment(stack.settings, drawn), drawn)
    control_plane.wait_all_up(within=LONG)
    print(f"The page said: {sentence}")


def test_after_all_that_the_ledger_balances(stack: Stack, toured: str, control_plane: ControlPlane) -> None:
    run = control_plane.post("/dag-runs", {"dag_id": "medallion"})
    wait_for(
        lambda: control_plane.get(f"/dag-runs/{run['run_id']}")["state"] == "succeeded",
        "the medallion run succeeds",
        within=240,
        every=1,
    )
    ledger = stack.command("manage.py", "ledger", "--json")
    assert ledger.returncode == 0, ledger.stdout + ledger.stderr
