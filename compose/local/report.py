"""The output about an installation: services, addresses, states, and how to sign in."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from compose.local import processes, progress
from compose.local.credentials import environment, load_secrets
from compose.local.parts import Part
from compose.local.parts.all import parts_of
from compose.local.settings import EXTERNAL, Settings
from compose.local.supervision import Process, Supervisor

# `manage.py first_admin` leaves it there while the password of credentials.json isn't the first admin's any more.
PASSWORD_CHANGED = "password.changed"  # noqa: S105 - a file's name
COLOURS = {"healthy": "green", "elsewhere": "cyan", "stopped": "dim", "starting": "yellow"}
# How a state is shown where its name differs: the names are part of `make status --json`.
SHOWN = {"unwell": "unhealthy", "elsewhere": "external"}


@dataclass(frozen=True)
class State:
    """State of one service. `state` is healthy, starting, unwell, restarting, stopped, failed or elsewhere; and
    unsupervised (it responds, but nothing would restart it) or unknown while the supervisor is not running."""

    part: str
    title: str
    state: str
    detail: str
    address: str
    pid: int
    uptime_seconds: int
    resident_bytes: int

    def as_json(self) -> dict[str, str | int]:
        """All of it, for other programs."""
        return asdict(self)


def states(settings: Settings) -> list[State]:
    """Current state of every service, the external ones (not checked) last."""
    if not (settings.data / "secrets.json").exists():
        return []
    drawn = load_secrets(settings.data)
    variables = environment(settings, drawn)
    supervisor = Supervisor(settings)
    known: dict[str, Process] | None = None
    if supervisor.is_running():
        known = {process.name: process for process in supervisor.processes()}
    elif not processes.of_installation(settings.data):
        known = {}
    parts = parts_of(settings, variables, drawn)
    with ThreadPoolExecutor(max_workers=len(parts) or 1) as threads:
        look = _unsupervised if known is None else lambda part: _state(part, known.get(part.name))
        own = list(threads.map(look, parts))
    external = [
        State(parts[0], variable, "elsewhere", "", _without_password(settings.given[variable]), 0, 0, 0)
        for variable, parts in EXTERNAL.items()
        if variable in settings.given
    ]
    return own + external


def _state(part: Part, process: Process | None) -> State:
    if process is None or process.state in ("STOPPED", "EXITED", "STOPPING"):
        return State(part.name, part.title, "stopped", "", part.address, 0, 0, 0)
    if process.state in ("FATAL", "BACKOFF", "UNKNOWN"):
        word = "restarting" if process.state == "BACKOFF" else "failed"
        return State(part.name, part.title, word, process.problem, part.address, 0, 0, 0)
    missing = part.healthy(process.started)
    uptime = max(0, int(time.time() - process.started))
    word = "healthy" if not missing else "starting" if uptime < part.start_limit_seconds else "unwell"
    memory = processes.resident_bytes(process.pid)
    return State(part.name, part.title, word, missing, part.address, process.pid, uptime, memory)


def _unsupervised(part: Part) -> State:
    """State of a service without a supervisor while processes of the installation still run."""
    missing = part.healthy(0.0)
    word, detail = ("unknown", missing) if missing else ("unsupervised", "")
    return State(part.name, part.title, word, detail, part.address, 0, 0, 0)


def show_states(found: list[State], settings: Settings) -> None:
    """Print the table of `make status`."""
    console = progress.console()
    if not found:
        console.print(f"No installation in {settings.data}. Run `make up` to start one.")
        return
    table = _table("Service", "State", "Address", "Process", "Uptime", "Memory")
    for state in found:
        word = SHOWN.get(state.state, state.state) + (f": {state.detail}" if state.detail else "")
        table.add_row(
            state.part,
            f"[{COLOURS.get(state.state, 'red')}]{word}[/]",
            state.address,
            str(state.pid or ""),
            _duration(state.uptime_seconds) if state.pid else "",
            f"{state.resident_bytes / 1024**2:,.0f} MiB" if state.resident_bytes else "",
        )
    console.print(table)
    if any(state.state in ("unsupervised", "unknown") for state in found):
        console.print("The supervisor is not running, but some of its processes are. Run `make up` to restart it.")
    total = sum(state.resident_bytes for state in found) / 1024**3
    console.print(f"[dim]{total:.1f} GiB in total. Logs: {settings.logs}[/dim]")


def show_parts(settings: Settings, parts: list[Part], console: Console) -> None:
    """Print the table that closes `make up`."""
    table = _table("Service", "Description", "Address")
    for part in parts:
        table.add_row(part.name, part.title, part.address)
    for variable, names in EXTERNAL.items():
        if variable in settings.given:
            table.add_row(names[0], f"external ({variable})", _without_password(settings.given[variable]))
    console.print(table)
    console.print(f"[dim]Logs: {settings.logs}/<service>.log[/dim]")


def show_sign_in(settings: Settings, console: Console) -> None:
    """Print where to sign in. The password is for the eyes at the terminal; a log only learns where it is kept."""
    path = settings.data / "credentials.json"
    known = json.loads(path.read_text())
    how = f"password [bold]{known['password']}[/bold]" if console.is_terminal else f"the password in {path}"
    if (settings.data / PASSWORD_CHANGED).exists():
        how = "the password set in Settings"
    console.print(f"\nSign in at [bold]{known['browser_url']}[/bold] as [bold]{known['username']}[/bold] with {how}")
    if "grafana_password" in known:
        console.print(f"Grafana's {known['grafana_username']} has the password grafana_password in {path}.")
    console.print(f"[dim]Stored in {path}. Addresses for scripts: {settings.data / 'connections.json'}[/dim]")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        figures = column in ("Process", "Uptime", "Memory")
        table.add_column(column, overflow="fold", justify="right" if figures else "left")
    return table


def _duration(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds} s"


def _without_password(address: str) -> str:
    scheme, separator, rest = address.rpartition("://")
    return scheme + separator + rest.rpartition("@")[2]
