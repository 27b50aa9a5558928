"""`make bench-up`: how long an installation takes to start, what it costs when idle, and how fast its pages answer.

The measured installation is one of its own, on ports of its own, and is deleted afterwards. It prints one JSON line a
figure. `BENCH_COLD=1` also measures a fresh clone with empty caches: several minutes, and gigabytes of downloads.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from compose.local import checks, processes
from compose.local.errors import InstallationError
from compose.local.settings import Settings, load
from compose.local.supervision import Supervisor

PORT_OFFSET = 4000
PAGES = (
    *("/", "/scenarios/", "/scenarios/first-light/", "/scenarios/runs/", "/stream/", "/runs/", "/quality/"),
    *("/lakehouse/", "/lakehouse/silver/events/", "/ledger/", "/bi/", "/activity/", "/people/", "/settings/"),
)
SETTLING_SECONDS = 60
IDLE_SECONDS = 60


def run(settings: Settings) -> int:
    """Print every figure; returns 0 only when all of them hold."""
    if Supervisor(settings).is_running():
        print("Another installation is running beside this measurement: its figures will look worse.", file=sys.stderr)
    held = [_cold(settings)] if os.environ.get("BENCH_COLD") == "1" else []
    with tempfile.TemporaryDirectory(prefix="lakehouse-bench-") as folder:
        environ = plain_environment() | {"LAKEHOUSE_DATA": f"{folder}/data", "PORT_OFFSET": str(PORT_OFFSET)}
        measured = load(environ, root=settings.root)
        try:
            held += _measure(measured, environ)
        finally:
            checks.stop_everything(measured)
    return 0 if all(held) else 1


def _measure(settings: Settings, environ: dict[str, str]) -> list[bool]:
    command(settings.root, environ | {"TOUR": "0"}, "up")
    tour_seconds, pages = _tour_with_pages(settings, environ)
    held = [_figure("tour.first_event_to_published_gold", tour_seconds, "s", 150)]
    held += [_figure(f"page.median {page}", median, "ms", 200) for page, median in pages.items()]
    # As the tour leaves it: the stream runs, and nothing comes.
    time.sleep(SETTLING_SECONDS)
    cores, resident, proportional = idle_cost(settings.data, IDLE_SECONDS)
    held.append(_figure("idle.cpu", 100 * cores, "% of one core", 30))
    held.append(_figure("idle.resident", resident / 1024**3, "GiB", 6))
    held.append(_figure("idle.resident_shared_once", proportional / 1024**3, "GiB", 6))
    command(settings.root, environ, "down")
    held.append(_figure("up.again", command(settings.root, environ | {"TOUR": "0"}, "up"), "s", 75))
    return held


def _cold(settings: Settings) -> bool:
    """A clone of what is committed, in a home of its own: nothing that this machine has cached is found."""
    with tempfile.TemporaryDirectory(prefix="lakehouse-cold-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", settings.root.as_uri(), str(clone)], check=True)
        caches = {"UV_CACHE_DIR": "uv", "PIP_CACHE_DIR": "pip", "npm_config_cache": "npm", "XDG_CACHE_HOME": "cache"}
        environ = plain_environment() | {name: str(home / place) for name, place in caches.items()}
        environ |= {"HOME": str(home), "PORT_OFFSET": str(PORT_OFFSET)}
        try:
            return _figure("up.cold_with_tour", command(clone, environ, "up"), "s", 480)
        finally:
            checks.stop_everything(load({}, root=clone))


def _tour_with_pages(settings: Settings, environ: dict[str, str]) -> tuple[float, dict[str, float]]:
    """Seconds from the first event to published gold, and each page's median milliseconds while that went on."""
    took: dict[str, list[float]] = {page: [] for page in PAGES}
    with _signed_in(settings) as client:
        for page in PAGES:
            client.get(page)
        command = [str(settings.python), "manage.py", "tour"]
        tour = subprocess.Popen(command, cwd=settings.root, env=environ, stdout=subprocess.PIPE, text=True)
        while tour.poll() is None:
            for page in PAGES:
                began = time.perf_counter()
                answer = client.get(page)
                if answer.status_code == 200:
                    took[page].append((time.perf_counter() - began) * 1000)
                time.sleep(0.2)
    said = tour.stdout.read() if tour.stdout else ""
    found = re.search(r"First event to published gold: (\d+) s", said)
    if tour.returncode or not found:
        raise InstallationError(f"The tour does not hold:\n{said}")
    absent = [page for page, times in took.items() if not times]
    if absent:
        raise InstallationError(f"Pages that never answered 200: {', '.join(absent)}.")
    return float(found.group(1)), {page: statistics.median(times) for page, times in took.items()}


@contextmanager
def _signed_in(settings: Settings) -> Iterator[httpx.Client]:
    known = json.loads((settings.data / "credentials.json").read_text())
    with httpx.Client(base_url=known["url"], timeout=30, trust_env=False, headers={"Referer": known["url"]}) as client:
        form = client.get("/sign-in/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
        fields = {"username": known["username"], "password": known["password"], "next": "/"}
        answer = client.post("/sign-in/", data=fields | {"csrfmiddlewaretoken": token.group(1) if token else ""})
        if answer.status_code != 302:
            raise InstallationError(f"Signing in answered with status {answer.status_code}.")
        yield client


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


def command(root: Path, environ: dict[str, str], *words: str) -> float:
    """Run one of our commands; returns the seconds it took."""
    began = time.monotonic()
    done = subprocess.run(
        [shutil.which("python3") or sys.executable, "-m", "compose.local", *words],
        cwd=root,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InstallationError(f"`make {words[0]}` failed:\n{done.stdout}{done.stderr}")
    return time.monotonic() - began


def plain_environment() -> dict[str, str]:
    kept = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "JAVA_HOME")
    prefixes = ("SSL_", "PIP_", "UV_", "npm_config_", "http", "HTTP", "no_proxy", "NO_PROXY")
    return {name: value for name, value in os.environ.items() if name in kept or name.startswith(prefixes)}


def _figure(name: str, value: float, unit: str, goal: float) -> bool:
    holds = value <= goal
    line = {"name": name, "value": round(value, 2), "unit": unit, "peer": None, "goal": goal, "holds": holds}
    print(json.dumps(line), flush=True)
    return holds
