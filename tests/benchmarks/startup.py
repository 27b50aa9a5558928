"""`make bench-up`: how long an installation takes to start, what it costs when idle, and how fast its pages answer.

The measured installation is one of its own, on ports of its own, and is deleted afterwards. It prints one JSON line per
figure. `BENCH_COLD=1` also measures a fresh clone with empty caches: several minutes, and gigabytes of downloads.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil

from compose.local import checks, processes
from compose.local.errors import InstallationError
from compose.local.settings import Settings, load
from tests.benchmarks.figures import Figures
from tests.benchmarks.installation import Measured, command, main, new_installation, plain_environment
from tests.stack import signed_in

PORT_OFFSET = 4000
# They are there from the first minute, and are measured while the tour goes on.
PAGES = (
    *("/", "/scenarios/", "/scenarios/first-light/", "/scenarios/new/"),
    *("/scenarios/runs/", "/scenarios/schedules/", "/scenarios/recordings/", "/stream/", "/runs/", "/quality/"),
    *("/lakehouse/", "/ledger/", "/bi/", "/activity/", "/people/", "/settings/", "/runbooks/", "/search/?q=light"),
)
# Of the pages of single things, which are there after it, so many answers each.
ANSWERS = 15
SETTLING_SECONDS = 60
IDLE_SECONDS = 60


def measure(settings: Settings, figures: Figures) -> None:
    """Report every figure of an installation; with `BENCH_COLD=1` also the start of a fresh clone."""
    if os.environ.get("BENCH_COLD") == "1":
        figures.at_most("up.cold_with_tour", _cold_start_seconds(settings), "s", 480)
    with new_installation(settings.root, PORT_OFFSET) as measured:
        _measure(measured, figures)


def _measure(measured: Measured, figures: Figures) -> None:
    settings = measured.settings
    measured.command("up", TOUR="0")
    seconds, pages = _tour_with_pages(settings, measured.environ)
    pages |= _pages_of_things(settings)
    figures.at_most("tour.first_event_to_published_gold", seconds, "s", 150)
    for page, median in pages.items():
        figures.at_most(f"page.median {page}", median, "ms", 200)
    # As the tour leaves it: the stream runs, and no records arrive.
    time.sleep(SETTLING_SECONDS)
    cores, resident, proportional = idle_cost(settings.data, IDLE_SECONDS)
    figures.at_most("idle.cpu", 100 * cores, "% of one core", 30)
    figures.at_most("idle.resident", resident / 1024**3, "GiB", 6)
    figures.at_most("idle.resident_shared_once", proportional / 1024**3, "GiB", 6)
    measured.command("down")
    figures.at_most("up.again", measured.command("up", TOUR="0"), "s", 75)


def _cold_start_seconds(settings: Settings) -> float:
    """Duration of `make up` with the tour in a fresh clone, with a home folder and caches that are empty."""
    with tempfile.TemporaryDirectory(prefix="lakehouse-cold-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", settings.root.as_uri(), str(clone)], check=True)
        caches = {"UV_CACHE_DIR": "uv", "PIP_CACHE_DIR": "pip", "npm_config_cache": "npm", "XDG_CACHE_HOME": "cache"}
        environ = plain_environment() | {name: str(home / place) for name, place in caches.items()}
        environ |= {"HOME": str(home), "PORT_OFFSET": str(PORT_OFFSET)}
        try:
            return command(clone, environ, "up")
        finally:
            checks.stop_everything(load({}, root=clone))


def _tour_with_pages(settings: Settings, environ: dict[str, str]) -> tuple[float, dict[str, float]]:
    """Seconds from the first event to published gold, and each page's median milliseconds while that went on."""
    took: dict[str, list[float]] = {page: [] for page in PAGES}
    with _pages(settings) as client:
        for page in PAGES:
            _milliseconds(client, page)
        words = [str(settings.python), "manage.py", "tour"]
        tour = subprocess.Popen(words, cwd=settings.root, env=environ, stdout=subprocess.PIPE, text=True)
        try:
            while tour.poll() is None:
                for page in PAGES:
                    took[page].append(_milliseconds(client, page))
                    time.sleep(0.2)
        finally:
            tour.terminate()
    said = tour.stdout.read() if tour.stdout else ""
    seconds = tour_seconds(said, tour.returncode)
    return seconds, {page: statistics.median(times) for page, times in took.items()}


def _pages_of_things(settings: Settings) -> dict[str, float]:
    """Each page's median milliseconds: of a table, a run of every kind, a validation, a recording, a schedule."""
    known = json.loads((settings.data / "credentials.json").read_text())
    authorization = {"Authorization": f"Bearer {known['api_token']}"}
    with httpx.Client(base_url=f"{known['url']}/api/v1", timeout=30, trust_env=False, headers=authorization) as api:
        recording = api.post("/recordings", files={"file": ("small.ndjson", _recorded())}).raise_for_status().json()
        daily = api.post("/scenarios/first-light/schedules", json={"cron": "0 3 * * *"}).raise_for_status().json()
        job = api.post("/spark-jobs", json={"job": "silver.events.gate"}).raise_for_status().json()
        newest = {
            path: api.get(path, params={"limit": 1}).raise_for_status().json()["items"][0]
            for path in ("/scenario-runs", "/dag-runs", "/validations")
        }
    pages = {
        "a table": "/lakehouse/silver/events/",
        "a scenario run": f"/scenarios/runs/{newest['/scenario-runs']['id']}/",
        "an Airflow run": f"/runs/dag/{newest['/dag-runs']['run_id']}/",
        "a Spark job": f"/runs/jobs/{job['id']}/",
        "a validation": f"/quality/{newest['/validations']['id']}/",
        "a recording": f"/scenarios/recordings/{recording['sha256']}/",
        "a schedule": f"/scenarios/schedules/{daily['id']}/",
    }
    with _pages(settings) as client:
        for address in pages.values():
            _milliseconds(client, address)
        return {
            title: statistics.median(_milliseconds(client, address) for _ in range(ANSWERS))
            for title, address in pages.items()
        }


def _recorded() -> bytes:
    """A small recording: ten minutes of views in our own form, a second apart."""
    began = datetime(2026, 11, 1, tzinfo=UTC)
    rows = (
        {
            "event_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"event {number}")),
            "event_type": "view",
            "event_time": (began + timedelta(seconds=number)).isoformat(),
            "user_id": f"u{number % 9}",
            "session_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"session {number % 9}")),
            "product_id": f"p{number}",
            "category": "shoes",
            "price": 10.5,
            "currency": "EUR",
            "country": "DE",
            "device": "mobile",
        }
        for number in range(600)
    )
    return b"\n".join(json.dumps(row).encode() for row in rows)


def _milliseconds(client: httpx.Client, page: str) -> float:
    """How long a page takes; raises when it is anything but the page."""
    began = time.perf_counter()
    answer = client.get(page)
    if answer.status_code != 200:
        raise InstallationError(f"{page} returned status {answer.status_code}.")
    return (time.perf_counter() - began) * 1000


def tour_seconds(said: str, code: int) -> float:
    """Time from the first event to published gold, from the output of the tour; raises if the tour failed."""
    found = re.search(r"First event to published gold: (\d+) s", said)
    if code or not found:
        raise InstallationError(f"The tour failed:\n{said}")
    return float(found.group(1))


def _pages(settings: Settings) -> AbstractContextManager[httpx.Client]:
    """A client of the pages, with a session of the first admin."""
    return signed_in(json.loads((settings.data / "credentials.json").read_text()), timeout=30)


def idle_cost(data: Path, seconds: float) -> tuple[float, int, int]:
    """What an installation uses over a while: cores, resident bytes, and the same with shared pages counted once."""
    before, began = _cpu_seconds(data), time.monotonic()
    time.sleep(seconds)
    cores = (_cpu_seconds(data) - before) / (time.monotonic() - began)
    resident = proportional = 0
    for process in processes.of_installation(data):
        try:
            memory = process.memory_full_info()
        except psutil.Error:
            continue
        resident += memory.rss
        proportional += getattr(memory, "pss", memory.rss)
    return cores, resident, proportional


def _cpu_seconds(data: Path) -> float:
    """Of every process, and of the children that each has had: those that came and went in between are in there."""
    total = 0.0
    for process in processes.of_installation(data):
        try:
            spent = process.cpu_times()
        except psutil.Error:
            continue
        total += spent.user + spent.system + spent.children_user + spent.children_system
    return total


if __name__ == "__main__":
    sys.exit(main("bench-up", measure))
