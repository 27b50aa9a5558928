"""Every rule in a real Prometheus that reads our `/metrics`: it fires on rows that tell its fault, and stops after.

The faults themselves are made on the whole system by `make test-monitoring` (watching.py).
"""

import contextlib
import http.server
import shutil
import subprocess
import threading
from collections import namedtuple
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from compose.monitoring import scrape
from controlplane.health import direct
from controlplane.health.adapters.null import NullBroker, NullSupervisor
from controlplane.health.models import PartState
from controlplane.health.parts import PARTS
from controlplane.health.reading import Reading
from controlplane.health.services import observation_record
from controlplane.ledger.models import Statement
from controlplane.monitoring.adapters.null import NullTaskCounter
from controlplane.monitoring.ports import TaskCounts
from controlplane.orchestration.models import DagRun
from controlplane.quality.models import Validation
from controlplane.streaming.models import Stream
from controlplane.streaming.selectors import stream_get
from controlplane.web.database import DatabaseWatch
from tests.adapters import Adapters
from tests.ports import free_port
from tests.waiting import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(720)]
TOKEN = "told-to-prometheus-only"
ALERTS = {
    rule["alert"]
    for path in scrape.RULES.glob("*.yml")
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
}
Usage = namedtuple("Usage", "total used free")


class Queue(NullTaskCounter):
    waiting = 0

    def read(self, queues: tuple[str, ...]) -> TaskCounts:
        super().read(queues)
        return TaskCounts(waiting=dict.fromkeys(queues, self.waiting))


class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()

    def log_message(self, *words: Any) -> None:
        pass


class World:
    """What Prometheus reads of: rows, and what stands in for the few things that are no rows."""

    def __init__(
        self, queue: Queue, adapters: Adapters, monkeypatch: pytest.MonkeyPatch, target: int, url: str
    ) -> None:
        self.queue, self.adapters, self.patch, self.target, self.url = queue, adapters, monkeypatch, target, url
        self.answering: http.server.HTTPServer | None = None

    def is_well(self) -> None:
        self._tell(state="running", end=10, part=PartState.UP, spoiled=2, difference=0, good=True)
        self.queue.waiting, self.queue.problem = 0, ""
        self._disk(free=50)
        self._database(answers=True)
        if self.answering is None:
            self.answering = http.server.HTTPServer(("127.0.0.1", self.target), Quiet)
            threading.Thread(target=self.answering.serve_forever, daemon=True).start()

    def is_broken(self) -> None:
        self._tell(state="failed", end=60_000, part=PartState.DOWN, spoiled=50, difference=-3, good=False)
        self.queue.waiting = 61
        self._disk(free=5)
        self.end()

    def ask_pages(self, *, broken: bool) -> None:
        self._database(answers=not broken)
        httpx.get(f"{self.url}/sign-in/", trust_env=False)
        self._database(answers=True)

    def end(self) -> None:
        if self.answering is not None:
            self.answering.shutdown()
            self.answering.server_close()
            self.answering = None

    def _database(self, *, answers: bool) -> None:
        self.adapters.use(
            database_watch=DatabaseWatch(accepts=lambda: answers, refusal=lambda: None if answers else "")
        )

    def _disk(self, free: int) -> None:
        self.patch.setattr(
            "controlplane.monitoring.sources.disks.shutil.disk_usage", lambda at: Usage(100, 100 - free, free)
        )

    def _tell(self, *, state: str, end: int, part: PartState, spoiled: int, difference: int, good: bool) -> None:
        stream_get()
        Stream.objects.update(desired="running", state=state, end_offsets={"0": 0})
        for known in PARTS:
            detail: dict[str, Any] = {}
            if known.name == "kafka":
                detail = {"partitions": [{"partition": 0, "begin": 0, "end": end}]}
            if known.name == "lake":
                told = {"files": 1, "bytes": 1, "snapshot_id": "1", "snapshot_at": timezone.now().isoformat()}
                rows = {"silver.events": 100 - spoiled, "silver.quarantine": spoiled}
                detail = {"tables": {name: told | {"records": count} for name, count in rows.items()}}
            state_now = part if known.name in ("spark",) else PartState.UP
            observation_record(part=known.name, reading=Reading(state_now, "As told.", detail))
        now = timezone.now()
        DagRun.objects.create(
            dag_id="medallion", run_id=str(uuid4()), state="succeeded" if good else "failed", requested_at=now,
            started_at=now, finished_at=now,
        )  # fmt: skip
        Validation.objects.create(
            id=uuid4(), suite="silver.events", table="lake.silver.events", success=good, published=good,
            started_at=now - timedelta(seconds=1), finished_at=now, expectations_failed=0, path=str(uuid4()),
            modified_at=now,
        )  # fmt: skip
        line = {"key": "bronze", "title": "bronze", "difference": difference, "holds": difference == 0}
        Statement.objects.create(state="succeeded", taken_at=now, document={"lines": [line]}, balanced=good)


@pytest.fixture
def world(
    monkeypatch: pytest.MonkeyPatch, adapters: Adapters, settings: Settings, live_server: LiveServer
) -> Iterator[World]:
    settings.METRICS_TOKEN = TOKEN
    queue, broker, supervisor = Queue(), NullBroker(), NullSupervisor()
    adapters.use(task_counter=queue, broker=broker, process_supervisor=supervisor)
    direct.forget()
    made = World(queue, adapters, monkeypatch, free_port(), str(live_server.url))
    made.is_well()
    yield made
    made.end()


@pytest.fixture
def firing(world: World, tmp_path: Path) -> Iterator[Any]:
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("No rule is seen to fire here: there is no prometheus on PATH.")
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "rules.yml").write_text(scrape.rules("http://x", "1s")["lakehouse.yml"])
    jobs = [
        scrape.job("controlplane", world.url.removeprefix("http://"), token_file=str(tmp_path / "token")),
        scrape.job("kafka", f"127.0.0.1:{world.target}"),
    ]
    fast = scrape.configuration(jobs, str(tmp_path / "rules.yml")).replace("10s", "1s").replace("8s", "1s")
    (tmp_path / "prometheus.yml").write_text(fast)
    port = free_port()
    command = [binary, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    with subprocess.Popen(
        [*command, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"], stderr=subprocess.DEVNULL
    ) as process:

        def look() -> set[str]:
            said = httpx.get(f"http://127.0.0.1:{port}/api/v1/alerts", trust_env=False).json()
            return {one["labels"]["alertname"] for one in said["data"]["alerts"] if one["state"] == "firing"}

        def scraped() -> bool:
            query = {"query": 'up{job="controlplane"} == 1'}
            return bool(
                httpx.get(f"http://127.0.0.1:{port}/api/v1/query", params=query, trust_env=False).json()["data"][
                    "result"
                ]
            )

        try:
            wait_for(scraped, "Prometheus reads /metrics", within=30)
            yield look
        finally:
            process.terminate()


def test_every_alert_fires_and_stops(world: World, firing: Any) -> None:
    wait_for(lambda: not firing(), "nothing fires while all is well", within=20)
    for _ in range(3):
        world.ask_pages(broken=False)
    world.is_broken()

    def all_fire() -> bool:
        world.ask_pages(broken=True)
        missing = ALERTS - {"FiguresMissing"} - firing()
        assert not missing, missing
        return True

    wait_for(all_fire, "every alert fires", within=60, every=0.5)
    world.queue.problem = "no broker"
    wait_for(lambda: "FiguresMissing" in firing(), "FiguresMissing fires", within=30)
    world.is_well()
    # That pages fail is forgotten after two minutes only; that it stops is for the long test.
    wait_for(lambda: firing() <= {"PagesFailing"}, "all others stop", within=30)
    with contextlib.suppress(httpx.HTTPError):
        world.ask_pages(broken=False)
