"""The whole system in containers, really started: `make test-compose`. It takes minutes: `make test` leaves it out."""

import json
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest

from compose.containers.first_start import OWNERS
from compose.local.settings import ROOT
from tests.containers.composition import services, variables
from tests.containers.engine import NEEDED, Engine
from tests.containers.ports import PROTOCOLS, listening, protocol
from tests.pages import Page
from tests.stack import signed_in
from tests.waiting import wait_for

SERVICES = services()
ONCE = {"first-start", "setup", "airflow-setup"}
# Its image can't be had without a registry of images, and no package has its software.
WITHOUT_STANDIN = {"grafana"}
SECOND_WORKER = "ecommerce-spark-worker-2"
RUNNING = [name for name in SERVICES if name not in ONCE | WITHOUT_STANDIN | {SECOND_WORKER, "tour"}]
# The order is by name, so not the one in which they need each other.
STARTED = sorted({*RUNNING, *ONCE})
HEALTHY_SECONDS = 300
AGAIN_SECONDS = 180


def _free_ports() -> dict[str, str]:
    """A port of the tests' own for each that the file publishes.

    Below those that systems give to outgoing connections: the images are built in between, and one of these could be
    taken meanwhile.
    """
    names = [name for name in variables() if name.endswith("_PORT")]
    free = (port for port in random.sample(range(20_000, 30_000), 1_000) if _is_free(port))
    return {name: str(next(free)) for name in names}


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def listening_before() -> set[str]:
    return _listening()


@pytest.fixture(scope="module")
def engine(listening_before: set[str]) -> Iterator[Engine]:
    """Every service started at once, in no particular order."""
    absent = [program for program in NEEDED if shutil.which(program) is None]
    assert not absent, f"Install {', '.join(absent)} (Debian has packages of these names), and run this as root."
    kept = os.environ.get("CONTAINERS_FOLDER")
    made = Engine(Path(kept or tempfile.mkdtemp(prefix="lakehouse-containers-")), _free_ports())
    try:
        made.build(SERVICES)
        made.compose("up", "-d", "--no-build", *STARTED)
        yield made
    finally:
        _keep_logs(made)
        made.remove()


def _keep_logs(engine: Engine) -> None:
    if folder := os.environ.get("LAKEHOUSE_TEST_LOGS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, told in engine.containers().items():
            done = engine.run("podman", "logs", told["Id"], check=False)
            (Path(folder) / f"{name}.log").write_text(done.stdout + done.stderr)


@pytest.fixture(scope="module")
def healthy(engine: Engine) -> Engine:
    """All of it well, by the health checks of the file."""
    for name in RUNNING:
        wait_for(lambda name=name: _is_healthy(engine, name), f"{name} is healthy", within=HEALTHY_SECONDS, every=2)
    return engine


def _is_healthy(engine: Engine, name: str) -> bool:
    """podman runs health checks with systemd only, so they are asked for here."""
    told = engine.containers()[name]
    asked = engine.run("podman", "healthcheck", "run", told["Id"], check=False, timeout=60)
    assert asked.returncode == 0, f"{name}: {told['State']['Status']}, {asked.stdout} {asked.stderr}"
    return True


@pytest.fixture(scope="module")
def toured(engine: Engine) -> str:
    """Right after everything was started, as the README has it: the tour itself waits until the parts are up."""
    return _take_the_tour(engine)


def _take_the_tour(engine: Engine) -> str:
    """What it depends on runs already; podman-compose would build and start that anew."""
    done = engine.compose("--profile", "tour", "run", "--rm", "--no-deps", "-T", "tour", timeout=1800, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    return done.stdout


def test_the_tour_passes_inside(toured: str) -> None:
    assert "Ledger balanced" in toured
    assert re.search(r"Sign in at http://lakehouse-[a-z0-9]{10}\.localhost:", toured)


def _known(engine: Engine, name: str) -> dict[str, Any]:
    """A file that people read from the control plane's container: credentials.json or connections.json."""
    return dict(json.loads(_inside(engine, "web", "cat", f"/var/lib/lakehouse/{name}.json")))


def _spark(engine: Engine, port: str, path: str, *, token: bool = True) -> httpx.Response:
    """A page of Spark's, asked for with the token that the control plane has."""
    given = _inside(engine, "web", "cat", "/var/lib/lakehouse/environment")
    found = re.search(r"^SPARK_UI_TOKEN='(.+)'$", given, flags=re.MULTILINE)
    assert found is not None
    headers = {"Authorization": f"Bearer {found[1]}"} if token else {}
    return httpx.get(f"http://127.0.0.1:{engine.given[port]}{path}", headers=headers, timeout=20, trust_env=False)


def _of_the_application(engine: Engine, path: str) -> Any:
    """What Spark's own API says of the application, to a browser that has signed in."""
    with signed_in(_known(engine, "credentials"), timeout=20, follow_redirects=True) as browser:
        return browser.get(f"/spark/api/v1{path}").raise_for_status().json()


def test_a_browser_reaches_what_is_published(healthy: Engine) -> None:
    paths = {
        "WEB_PORT": "/sign-in/",
        "AIRFLOW_PORT": "/api/v2/monitor/health",
        "MINIO_CONSOLE_PORT": "/",
    }
    for name, path in paths.items():
        address = f"http://127.0.0.1:{healthy.given[name]}{path}"
        assert httpx.get(address, follow_redirects=True, timeout=20, trust_env=False).status_code == 200, name


def test_sparks_pages_ask_for_a_token(healthy: Engine) -> None:
    for port in ("SPARK_MASTER_UI_PORT", "SPARK_WORKER_UI_PORT"):
        assert _spark(healthy, port, "/", token=False).status_code == 403, port
        assert _spark(healthy, port, "/").status_code == 200, port
    # The application's pages are published by the control plane alone.
    asked = "import httpx; print(httpx.get('http://spark-connect:4040/api/v1/version', trust_env=False).status_code)"
    assert _inside(healthy, "web", "python", "-c", asked).strip() == "403"
    assert _of_the_application(healthy, "/version")["spark"]


def test_a_runbook_is_shown_to_who_is_signed_in(healthy: Engine) -> None:
    known = _known(healthy, "credentials")
    port = healthy.given["WEB_PORT"]
    assert known["url"] == f"http://127.0.0.1:{port}"
    assert re.fullmatch(rf"http://lakehouse-[a-z0-9]{{10}}\.localhost:{port}", known["browser_url"])
    with signed_in(known, timeout=20, follow_redirects=True) as browser:
        page = Page(browser.get("/runbooks/part-down/").text)
    written = (ROOT / "docs" / "runbooks" / "part-down.md").read_text()
    assert page.heading == written.partition("\n")[0].removeprefix("# ")
    assert page.headings == re.findall(r"^## (.+)$", written, flags=re.MULTILINE)


def test_what_is_uploaded_lies_on_the_disk_meanwhile(healthy: Engine) -> None:
    said = _inside(healthy, "web", "python", "-c", "import tempfile; print(tempfile.gettempdir())")
    assert said.strip() == "/var/lib/lakehouse/controlplane"


def _inside(engine: Engine, name: str, *command: str) -> str:
    return engine.run("podman", "exec", engine.containers()[name]["Id"], *command).stdout


def test_kafka_answers_from_outside(healthy: Engine, toured: str) -> None:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    outside = {"bootstrap.servers": f"127.0.0.1:{healthy.given['KAFKA_OUTSIDE_PORT']}"}
    for account in _known(healthy, "connections")["kafka_clients"].values():
        client = AdminClient({**account, **outside})
        assert "ecommerce.events" in client.list_topics(timeout=20).topics
    stranger = AdminClient({**outside, "log_level": 0})
    with pytest.raises(KafkaException):
        stranger.list_topics(timeout=5)


def test_the_work_is_done_by_the_worker(healthy: Engine, toured: str) -> None:
    told = _spark(healthy, "SPARK_WORKER_UI_PORT", "/json/").json()
    assert told["executors"], "no executor runs on the worker"


def test_the_tables_are_in_minio(healthy: Engine, toured: str) -> None:
    listed = _inside(healthy, "ecommerce-minio", "bash", "-c", "cd /data/lakehouse/warehouse && echo */*")
    assert {"bronze/events", "silver/events", "gold/hourly_sales"} <= set(listed.split())


def test_prometheus_sees_every_part(healthy: Engine, toured: str) -> None:
    def look() -> bool:
        active = _prometheus(healthy, "targets")["activeTargets"]
        down = {one["labels"]["job"]: one["lastError"] for one in active if one["health"] != "up"}
        assert active
        assert not down, down
        return True

    wait_for(look, "every target is up", within=90, every=3)


def test_the_master_and_its_workers_tell_their_figures(healthy: Engine, toured: str) -> None:
    query = "metrics_master_aliveWorkers_Value or metrics_worker_coresUsed_Value"
    result = _prometheus(healthy, f"query?query={quote(query)}")["result"]
    found = {(one["metric"]["job"], float(one["value"][1])) for one in result}
    assert found == {("spark-master", 1.0), ("spark-worker", 2.0)}


def test_prometheus_is_shown_to_operators_by_the_web_application(healthy: Engine) -> None:
    address = f"http://127.0.0.1:{healthy.given['WEB_PORT']}/prometheus/-/ready"
    assert httpx.get(address, timeout=20, trust_env=False).status_code == 401
    with signed_in(_known(healthy, "credentials"), timeout=20) as browser:
        assert browser.get("/prometheus/-/ready").status_code == 200


def _prometheus(engine: Engine, path: str) -> dict[str, Any]:
    """An answer of Prometheus's API, which is not published."""
    options = ("ca-certificate=authority.pem", "certificate=client.pem", "private-key=client.key")
    shown = [f"--{name}=/run/secrets/{file}" for name, file in (one.split("=") for one in options)]
    address = f"https://localhost:9090/prometheus/api/v1/{path}"
    return dict(json.loads(_inside(engine, "prometheus", "wget", "-q", "-O", "-", *shown, address))["data"])


def test_nothing_listens_beyond_loopback(healthy: Engine, listening_before: set[str]) -> None:
    beyond = {one for one in _listening() - listening_before if not re.match(r"(::ffff:)?127\.|::1:", one)}
    bridge = {address.address for addresses in psutil.net_if_addrs().values() for address in addresses}
    # The name server of the containers' network listens on its bridge, port 53, which no other machine can reach.
    assert {one for one in beyond if not one.endswith(":53")} == set(), bridge


def _listening() -> set[str]:
    return {
        f"{one.laddr.ip}:{one.laddr.port}"
        for one in psutil.net_connections(kind="tcp")
        if one.status == psutil.CONN_LISTEN
    }


def test_another_account_of_the_host_gets_nothing_without_a_credential(healthy: Engine, toured: str) -> None:
    """Every account of the host reaches the containers' addresses, as with every engine that runs as root."""
    asked, unknown = [], []
    for name, told in healthy.containers().items():
        if name not in RUNNING:
            continue
        (network,) = told["NetworkSettings"]["Networks"].values()
        for port in sorted(listening(told["State"]["Pid"])):
            kind = protocol(name, port)
            (asked if kind else unknown).append((network["IPAddress"], port, kind))
            print(f"{name} listens on port {port}: {kind}")
    assert unknown == [], "Say in tests/containers/ports.py what these ports are."
    assert {protocol(name, port) for name in RUNNING for port in PROTOCOLS.get(name, {})} == {
        kind for *_, kind in asked
    }
    command = [sys.executable, "-m", "tests.containers.stranger"]
    done = subprocess.run(
        command, cwd=ROOT, input=json.dumps(asked), capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert json.loads(done.stdout) == {}


def test_every_container_runs_as_its_own_user_within_its_limit(healthy: Engine) -> None:
    for name, told in healthy.containers().items():
        if name in RUNNING:
            process = psutil.Process(told["State"]["Pid"])
            assert set(process.uids()) == {int(SERVICES[name]["user"].split(":")[0])}, name
            assert told["HostConfig"]["Memory"] > 0, name


def test_what_each_needs_is_well_below_its_limit(healthy: Engine, toured: str) -> None:
    """The most that each had after start and tour, with the files that it read and wrote; printed, for the README."""
    most = {name: _most_memory(told) for name, told in healthy.containers().items() if name in RUNNING}
    limits = {name: told["HostConfig"]["Memory"] for name, told in healthy.containers().items() if name in RUNNING}
    for name, had in sorted(most.items(), key=lambda item: -item[1]):
        print(f"{name}: {had >> 20} of {limits[name] >> 20} MiB")
    print(f"all: {sum(most.values()) >> 20} of {sum(limits.values()) >> 20} MiB")
    assert {name: f"{had >> 20} MiB" for name, had in most.items() if had > 0.95 * limits[name]} == {}


def _most_memory(told: dict[str, Any]) -> int:
    """Bytes, by the control group of the container (its second version, or the first)."""
    group = told["State"]["CgroupPath"].lstrip("/")
    for known in (
        Path("/sys/fs/cgroup") / group / "memory.peak",
        Path("/sys/fs/cgroup/memory") / group / "memory.max_usage_in_bytes",
    ):
        if known.is_file():
            return int(known.read_text())
    raise AssertionError(f"No control group says what {group} had.")


def test_no_secret_is_shown_by_the_engine(healthy: Engine) -> None:
    """Neither in a container's configuration nor in an image: everything that `inspect` tells."""
    mounted = healthy.run("podman", "volume", "inspect", "ecommerce_drawn").stdout
    drawn = json.loads((Path(json.loads(mounted)[0]["Mountpoint"]) / "secrets.json").read_text())
    images = healthy.run("podman", "images", "-q").stdout.split()
    told = json.dumps(healthy.containers()) + healthy.run("podman", "inspect", *set(images)).stdout
    told += healthy.compose("config").stdout
    assert len(drawn) > 10
    assert [name for name, value in drawn.items() if value in told] == []
    arguments = " ".join(" ".join(_arguments(process)) for process in psutil.process_iter())
    assert [name for name, value in drawn.items() if value in arguments] == []


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def test_each_volume_is_closed_to_others(healthy: Engine) -> None:
    for name, owner in OWNERS.items():
        (told,) = json.loads(healthy.run("podman", "volume", "inspect", f"ecommerce_{name}").stdout)
        status = Path(told["Mountpoint"]).stat()
        assert (status.st_uid, status.st_mode & 0o007) == (owner, 0), name


def test_one_container_after_another_is_killed_and_comes_back(healthy: Engine, toured: str) -> None:
    seed = int(os.environ.get("SEED") or secrets.randbelow(1_000_000))
    order = random.Random(seed).sample(RUNNING, len(RUNNING))
    print(f"seed {seed}")
    for number, name in enumerate(order, start=1):
        before = healthy.containers()[name]["State"]
        os.kill(before["Pid"], signal.SIGKILL)
        killed = time.monotonic()

        def is_back(name: str = name, before: int = before["Pid"]) -> bool:
            state = healthy.containers()[name]["State"]
            return bool(state["Running"] and state["Pid"] not in (0, before))

        wait_for(is_back, f"{name} runs again", within=60, every=1)
        wait_for(lambda name=name: _is_healthy(healthy, name), f"{name} is well again", within=AGAIN_SECONDS, every=2)
        print(f"killed {number} of {len(order)}: {name}, well again after {time.monotonic() - killed:.0f} s")
    for name in RUNNING:
        wait_for(lambda name=name: _is_healthy(healthy, name), f"{name} is well", within=AGAIN_SECONDS, every=2)


def test_after_all_that_the_tour_passes_on_two_workers(healthy: Engine, toured: str) -> None:
    """A second worker joins the cluster that runs, and gets its share."""
    healthy.compose("--profile", "two-workers", "up", "-d", "--no-build", "--no-deps", SECOND_WORKER)
    wait_for(lambda: _is_healthy(healthy, SECOND_WORKER), "the second worker is well", within=AGAIN_SECONDS, every=2)
    _take_the_tour(healthy)
    (application,) = _of_the_application(healthy, "/applications")
    executors = _of_the_application(healthy, f"/applications/{application['id']}/executors")
    done = {one["hostPort"].rpartition(":")[0]: one["completedTasks"] for one in executors if one["id"] != "driver"}
    assert len(done) == 2, done
    assert all(done.values()), done
