"""Every place of a running installation where text can be read, and what stands there."""

import json
import re
import stat
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import psutil
import psycopg
import redis
from dotenv import dotenv_values
from psycopg import sql

from compose.local.credentials import database_url, load_secrets
from tests.payloads.needs import A_JOB
from tests.stack import Stack
from tests.system.api import ControlPlane

# Addresses differ in ids and numbers only: so many of each shape are read.
PAGES_EACH = 2
LARGEST_FILE = 64 * 2**20


def files(folder: Path, pattern: str = "*") -> Iterator[tuple[str, str]]:
    """(name, text) of the files of a folder; what is rotated away meanwhile is left out."""
    for path in sorted(folder.rglob(pattern)):
        try:
            if path.is_file() and not path.is_symlink():
                yield str(path.relative_to(folder)), path.read_bytes().decode("latin-1")
        except FileNotFoundError:
            continue


def readable_by_others(data: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of the files whose mode lets the group or everybody read."""
    for path in data.rglob("*"):
        try:
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode) and mode & 0o044 and path.stat().st_size < LARGEST_FILE:
                yield str(path.relative_to(data)), path.read_bytes().decode("latin-1")
        except FileNotFoundError:
            continue


def command_lines(stack: Stack) -> Iterator[tuple[str, str]]:
    """(process, its arguments)."""
    for process in stack.processes():
        try:
            yield f"{process.name()} {process.pid}", " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue


def environments(stack: Stack) -> Iterator[tuple[str, str]]:
    """(part, an environment): those of the parts that the supervisor runs, and of all that they have started."""
    parts = {pid: name for name, pid in stack.pids().items()}
    for process in stack.processes():
        try:
            owner = next((parts[one.pid] for one in (process, *process.parents()) if one.pid in parts), "supervisord")
            said = Path(f"/proc/{process.pid}/environ").read_bytes().decode("latin-1")
            is_a_job = "spark_jobs" in process.cmdline()
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            continue
        yield A_JOB if is_a_job else owner, said


def redis_values(stack: Stack) -> Iterator[tuple[str, str]]:
    """(key, value) of everything in Redis: queues, messages that a worker has taken, results."""
    known = dotenv_values(stack.data / "environment")
    with redis.Redis.from_url(str(known["REDIS_URL"])) as client:
        for key in client.scan_iter(count=1000):
            kind = client.type(key)
            read = {
                b"string": lambda key: client.get(key),
                b"list": lambda key: client.lrange(key, 0, -1),
                b"hash": lambda key: client.hgetall(key),
                b"set": lambda key: client.smembers(key),
                b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
                b"stream": lambda key: client.xrange(key),
            }.get(kind)
            if read:
                yield key.decode("latin-1"), repr(read(key))


def database_rows(stack: Stack, database: str) -> Iterator[tuple[str, str]]:
    """(table, its rows as text)."""
    address = database_url(stack.settings, load_secrets(stack.data), database)
    with psycopg.connect(address) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            query = sql.SQL("SELECT row::text FROM {} AS row").format(sql.Identifier(schema, table))
            yield f"{database}.{table}", "\n".join(row[0] or "" for row in connection.execute(query))


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "data-source", "hx-get", "src") and value:
                self.found.append(value)


def pages(client: httpx.Client) -> Iterator[tuple[str, str]]:
    """(address, answer) of every page that links lead to from the first one, with the headers but cookies."""
    base = str(client.base_url)
    waiting, known, shapes = ["/"], {"/"}, Counter[str]()
    while waiting:
        path = waiting.pop(0)
        parts = urlsplit(path)
        # Of a query its names count: lists that are sorted and paged have as many addresses as combinations.
        named = ",".join(sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}))
        shape = re.sub(r"[0-9a-f]{8,}|\d+|[0-9a-f-]{36}", "#", parts.path) + f"?{named}"
        shapes[shape] += 1
        if shapes[shape] > PAGES_EACH:
            continue
        try:
            answer = client.get(path)
        except httpx.TimeoutException as error:
            raise AssertionError(f"{path} doesn't answer") from error
        # A page that writes its session sets the cookie again, for the browser that has it.
        headers = [(name, value) for name, value in answer.headers.multi_items() if name != "set-cookie"]
        yield path, f"{headers}\n{answer.text}"
        if "html" not in answer.headers.get("Content-Type", ""):
            continue
        links = _Links()
        links.feed(answer.text)
        for link in links.found:
            parts = urlsplit(urljoin(f"{base}{path}", link))
            wanted = parts.path + (f"?{parts.query}" if parts.query else "")
            ours = parts.netloc in (urlsplit(base).netloc, client.headers.get("Host", ""))
            # Streamlit's page is a script; what it sends comes through a WebSocket.
            left_out = parts.path.startswith(("/static/", "/bi/app/", "/spark/static/")) or "/live/" in parts.path
            if ours and wanted not in known and not left_out:
                known.add(wanted)
                waiting.append(wanted)


def api_answers(api: ControlPlane) -> Iterator[tuple[str, str]]:
    """(operation, answer) of every GET of the API, with what its lists name for the parameters."""
    description = api.http.get("/openapi.json").json()
    yield "openapi.json", json.dumps(description)
    ids = _known_ids(api)
    for path, operations in description["paths"].items():
        if "get" not in operations:
            continue
        for values in ids:
            try:
                filled = path.removeprefix("/api/v1").format(**values)
            except KeyError:
                continue
            answer = api.http.get(filled)
            yield f"GET {filled}", f"{answer.headers}\n{answer.text}"


def _known_ids(api: ControlPlane) -> list[dict[str, Any]]:
    """Values of the parameters of addresses."""

    def first(path: str, name: str) -> str:
        items = api.get(path)["items"]
        return str(items[0][name]) if items else "none"

    run = first("/scenario-runs", "id")
    known = {
        "slug": first("/scenarios", "slug"), "number": 1, "run_id": run, "username": "admin", "namespace": "silver",
        "name": "events", "job_id": first("/spark-jobs", "id"), "validation_id": first("/validations", "id"),
        "schedule_id": run, "sha256": "0" * 64, "digest": "0" * 16, "task_id": "silver_events", "version": 1,
        "key": "x", "part": "web",
    }  # fmt: skip
    return [known, {**known, "run_id": first("/dag-runs", "run_id")}]


def airflow_answers(stack: Stack) -> Iterator[tuple[str, str]]:
    """(address, answer) of what Airflow tells its users of runs: rendered templates, the DAG, its configuration."""
    known = dotenv_values(stack.data / "environment")
    with httpx.Client(base_url=str(stack.connections["airflow"]), timeout=30, trust_env=False) as client:
        told = {"username": str(known["AIRFLOW_USERNAME"]), "password": str(known["AIRFLOW_PASSWORD"])}
        token = client.post("/auth/token", json=told).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        paths = ["/dags", "/dags/medallion/details", "/dagSources/medallion", "/config", "/connections", "/variables"]
        paths += ["/eventLogs?limit=100", "/importErrors", "/plugins", "/dags/medallion/dagRuns"]
        for run in client.get("/api/v2/dags/medallion/dagRuns").json()["dag_runs"][:3]:
            paths.append(f"/dags/medallion/dagRuns/{run['dag_run_id']}/taskInstances")
        for path in paths:
            answer = client.get(f"/api/v2{path}")
            yield path, answer.text
