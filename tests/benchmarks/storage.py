"""`make bench-storage`: tables in MinIO against tables in a folder, in one run on one machine.

Two installations of their own, one after the other, do the same: a tour, then the stream reads the backlog on the
topic. A ratio above 1 means that MinIO was faster.

Bronze keeps the headers of every record. Another figure compares the stream's rate for records with the headers of a
scenario run with that for the same records without headers, with tables in a folder.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from compose.local import kafka_access
from compose.local.credentials import load_secrets
from compose.local.errors import InstallationError
from compose.local.settings import FOLDER, MINIO, Settings
from tests.benchmarks.figures import Figures
from tests.benchmarks.installation import Measured, main, new_installation
from tests.benchmarks.startup import PORT_OFFSET, tour_seconds

GOAL = 0.8
RECORDS = 600_000
# What a record of a scenario run has, and as many bytes as one of its events.
HEADERS: list[tuple[str, str | bytes | None]] = [
    ("scenario-run", b"6b2f0c0a-6b56-4f5a-9a5e-0f4d8f1b2c3d"),
    ("sequence", b"123456"),
]
VALUE = json.dumps({"event_type": "view", "padding": "x" * 340}).encode()
# The first round compiles what the second one runs.
ROUNDS = 2
PATIENCE_SECONDS = 300
SCENARIO = {
    "name": "As much as goes",
    "seed": 1,
    "duration_seconds": RECORDS // 2000,
    "max_events": RECORDS,
    "traffic": {"stages": [{"events_per_second": 2000}]},
}


@dataclass(frozen=True)
class Speed:
    """Of one installation: rows per second through the stream, and seconds from first event to published gold.

    `with_headers` and `without` are rows per second of records that differ in their headers only, if measured.
    """

    ingest: float
    tour: float
    with_headers: float = 0.0
    without: float = 0.0


def measure(settings: Settings, figures: Figures) -> None:
    """Report both ratios."""
    folder, minio = (_speed(settings.root, storage) for storage in (FOLDER, MINIO))
    ingest = f"folder: {folder.ingest:,.0f} rows/s, MinIO: {minio.ingest:,.0f} rows/s"
    tour = f"folder: {folder.tour:.0f} s, MinIO: {minio.tour:.0f} s"
    headers = f"with headers: {folder.with_headers:,.0f} rows/s, without: {folder.without:,.0f} rows/s"
    headers_share = folder.with_headers / folder.without
    figures.at_least("ingest.headers", headers_share, "of the rows/s without headers", GOAL, headers)
    figures.at_least("storage.ingest", minio.ingest / folder.ingest, "of the folder's rows/s", GOAL, ingest)
    figures.at_least("storage.tour", folder.tour / minio.tour, "of the folder's speed", GOAL, tour)


def _speed(root: Path, storage: str) -> Speed:
    with new_installation(root, PORT_OFFSET, STORAGE=storage, TOUR="0") as measured:
        measured.command("up")
        words = [str(measured.settings.python), "manage.py", "tour"]
        tour = subprocess.run(words, cwd=root, env=measured.environ, capture_output=True, text=True, check=False)
        seconds = tour_seconds(tour.stdout + tour.stderr, tour.returncode)
        ingest = _ingest(measured)
        if storage == MINIO:
            return Speed(ingest, seconds)
        with_headers, without = (_ingest_plain(measured.settings, headers) for headers in (HEADERS, []))
        return Speed(ingest, seconds, with_headers, without)


def _ingest(measured: Measured) -> float:
    """Rows per second in the batches with which the stream reads the backlog, of the last of `ROUNDS`."""
    settings, environ = measured.settings, measured.environ
    document = measured.folder / "scenario.json"
    document.write_text(json.dumps(SCENARIO))
    words = [str(settings.python), "-m", "controlplane.scenarios.generator", str(document), "--to", "kafka"]
    words += ["--rate", "max", "--quiet"]

    def send() -> None:
        sent = subprocess.run(words, cwd=settings.root, env=environ, capture_output=True, text=True, check=False)
        if sent.returncode:
            raise InstallationError(f"The generator failed:\n{sent.stdout}{sent.stderr}")

    return [_backlog_rate(settings, send) for _ in range(ROUNDS)][-1]


def _ingest_plain(settings: Settings, headers: list[tuple[str, str | bytes | None]]) -> float:
    """Rows per second of a backlog of equal records with these headers."""
    from confluent_kafka import Producer

    servers = f"127.0.0.1:{settings.port('KAFKA_PORT')}"
    account = kafka_access.account(servers, load_secrets(settings.data), kafka_access.ADMIN).librdkafka()
    topic = json.loads((settings.data / "connections.json").read_text())["topic"]

    def send() -> None:
        producer = Producer({**account, "acks": "all", "linger.ms": 10})
        for number in range(RECORDS):
            while True:
                try:
                    producer.produce(topic, VALUE, str(number % 20_000), headers=headers)
                    break
                except BufferError:  # the queue is full
                    producer.poll(0.1)
            producer.poll(0)
        if producer.flush(PATIENCE_SECONDS):
            raise InstallationError("Kafka did not accept the records of the benchmark.")

    return [_backlog_rate(settings, send) for _ in range(ROUNDS)][-1]


def _backlog_rate(settings: Settings, send: Callable[[], None]) -> float:
    """Rows per second in the batches with which the stream reads the records that `send` sends while it is stopped."""
    known = json.loads((settings.data / "credentials.json").read_text())
    headers = {"Authorization": f"Bearer {known['api_token']}"}
    with httpx.Client(base_url=f"{known['url']}/api/v1", headers=headers, timeout=30, trust_env=False) as api:
        _ask(api, "stop", "stopped")
        seen = {batch["started_at"] for batch in _batches(api)}
        send()
        _ask(api, "start", "running")
        return _rate(api, seen)


def _ask(api: httpx.Client, what: str, state: str) -> None:
    api.post(f"/stream/{what}", json={}).raise_for_status()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while api.get("/stream").raise_for_status().json()["state"] != state:
        if time.monotonic() > deadline:
            raise InstallationError(f"The stream is not {state} after {PATIENCE_SECONDS} s.")
        time.sleep(0.5)


def _rate(api: httpx.Client, before: set[str]) -> float:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        batches = [batch for batch in _batches(api) if batch["started_at"] not in before]
        rows = sum(batch["input_rows"] for batch in batches)
        if rows >= RECORDS:
            return float(rows / sum(batch["durations"]["triggerExecution"] / 1000 for batch in batches))
        time.sleep(1)
    raise InstallationError(f"The stream has not read {RECORDS:,} records within {PATIENCE_SECONDS} s.")


def _batches(api: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/stream/batches", params={"limit": 100}).raise_for_status().json()["items"]
    return found


if __name__ == "__main__":
    sys.exit(main("bench-storage", measure))
