"""What `make up` leaves behind: files, addresses, processes."""

import json
import os
import signal
import stat
from typing import Any

import httpx
import psutil
import pytest
from pyiceberg.catalog import Catalog

from compose.local.cleaning import WRITTEN
from compose.local.credentials import HOST_NAMES
from tests.stack import Stack
from tests.system.api import ControlPlane

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("name", ["credentials.json", "connections.json", "environment", "secrets.json"])
def test_what_is_secret_is_the_owners_alone(stack: Stack, name: str) -> None:
    assert stat.S_IMODE((stack.data / name).stat().st_mode) == 0o600


def test_the_contract_of_the_credentials_and_connections(stack: Stack, stack_lake: Catalog, toured: str) -> None:
    assert set(stack.credentials) == {"url", "browser_url", "username", "password", "api_token"}
    assert {
        "kafka", "topic", "spark_remote", "catalog", "airflow", "redis", "database", "bi", "kafka_clients"
    } <= set(stack.connections)  # fmt: skip
    assert ("silver", "events") in stack_lake.list_tables("silver")


def test_nothing_listens_beyond_loopback(stack: Stack) -> None:
    listening = [
        (_command_line(process), connection.laddr)
        for process in stack.processes()
        for connection in _connections(process)
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert [one for one in listening if one[1].ip not in ("127.0.0.1", "::1", "::ffff:127.0.0.1")] == []


def test_no_secret_shows_in_a_process_list_or_a_log(stack: Stack, toured: str) -> None:
    drawn = json.loads((stack.data / "secrets.json").read_text())
    # Host names are told to whoever runs `make up` or signs in.
    secrets = {value for name, value in drawn.items() if name not in HOST_NAMES and len(value) >= 16}
    secrets |= {stack.credentials["password"], stack.credentials["api_token"]}
    assert len(secrets) >= 5
    command_lines = "\n".join(_command_line(process) for process in stack.processes())
    assert "supervisord" in command_lines
    assert [secret[:4] for secret in secrets if secret in command_lines or secret in toured] == []
    tasks = stack.data / "airflow" / "logs"
    assert list(tasks.rglob("*.log")), "the logs of Airflow's tasks are elsewhere now"
    for log in sorted(one for folder in (stack.data / "logs", tasks) for one in folder.rglob("*")):
        if log.is_file():
            text = log.read_text(errors="replace")
            assert [secret[:4] for secret in secrets if secret in text] == [], f"a secret stands in {log.name}"


def test_make_clean_knows_everything_that_lies_in_the_data_folder(stack: Stack, toured: str) -> None:
    assert {path.name for path in stack.data.iterdir()} - set(WRITTEN) == set()


def test_make_up_beside_itself_changes_nothing(stack: Stack) -> None:
    before = stack.pids()
    again = stack.command("-m", "compose.local", "up", timeout=300, TOUR="0")
    assert again.returncode == 0, again.stdout + again.stderr
    assert stack.pids() == before


def test_a_killed_program_comes_back(stack: Stack, control_plane: ControlPlane) -> None:
    """`make test-faults` kills every one."""
    killed = stack.pids()["worker"]
    os.kill(killed, signal.SIGKILL)
    stack.wait_running("worker", other_than=killed)
    control_plane.wait_all_up(within=120)


def test_every_part_answers_at_its_address(stack: Stack) -> None:
    answer = httpx.get(stack.connections["airflow"] + "/api/v2/monitor/health", timeout=60, trust_env=False)
    assert answer.status_code == 200
    # Streamlit has no address of its own; tests/bi/test_bi_page.py asks it on its socket and through the gateway.
    assert stack.connections["bi"] == f"{stack.credentials['browser_url']}/bi/"


def _command_line(process: psutil.Process) -> str:
    """Its arguments; none where it has ended since it was listed."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def _connections(process: psutil.Process) -> list[Any]:
    """Its sockets; none where it has ended since it was listed."""
    try:
        return list(process.net_connections("inet"))
    except psutil.NoSuchProcess:
        return []
