"""supervisord: its configuration, and the requests to it through its socket."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from compose.local import orphans
from compose.local.credentials import write_private
from compose.local.errors import InstallationError
from compose.local.parts import Part
from compose.local.processes import MARK
from compose.local.settings import Settings
from compose.local.sockets import private_folder, socket_path

# What a program may inherit from the shell that ran `make up`; everything else it is given, so that two people who
# start the same installation start the same thing.
INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "JAVA_HOME")
INHERITED_PREFIXES = ("SSL_", "AWS_", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

NOT_READ = frozenset({"node_modules", "__pycache__"})


@dataclass(frozen=True)
class Process:
    """What supervisord knows of one program. `state` is its word, e.g. RUNNING, STARTING, BACKOFF, FATAL, STOPPED."""

    name: str
    state: str
    pid: int
    started: float
    problem: str


def write_configuration(settings: Settings, parts: Iterable[Part]) -> Path:
    """Write `supervisord.conf` for these parts and return its path."""
    folder = settings.logs
    folder.mkdir(mode=0o700, exist_ok=True)
    socket = supervisor_socket(settings.data)
    sections = [
        _section("unix_http_server", {"file": socket, "chmod": "0700"}),
        _section(
            "supervisord",
            {
                "logfile": folder / "supervisord.log",
                "logfile_maxbytes": "5MB",
                "logfile_backups": "1",
                "pidfile": settings.data / "supervisord.pid",
                "childlogdir": folder,
                "directory": settings.data,
                "umask": "077",
                "minfds": "4096",
                **({"user": "root"} if os.geteuid() == 0 else {}),
            },
        ),
        _section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        # So that `supervisorctl -c <this file>` works for whoever knows it.
        _section("supervisorctl", {"serverurl": f"unix://{socket}"}),
        _section(
            f"eventlistener:{orphans.NAME}",
            {
                "command": f"{_escaped(str(settings.python))} -m compose.local.orphans",
                "environment": f"PYTHONPATH={_escaped(str(settings.root))}",
                "events": orphans.EVENTS,
                "directory": settings.root,
                "stderr_logfile": folder / "supervisord-orphans.log",
                "stderr_logfile_maxbytes": "1MB",
                "stderr_logfile_backups": "0",
            },
        ),
        *(_program(part, folder) for part in parts),
    ]
    path = settings.data / "supervisord.conf"
    write_private(path, "\n".join(sections))
    return path


def _program(part: Part, logs: Path) -> str:
    # setproctitle would write over the environment, by which a left-over process is recognised.
    own = {"PYTHONUNBUFFERED": "1", "SPT_NOENV": "1", "LAKEHOUSE_READS": _digest(part.reads)}
    # glibc keeps freed memory in an arena a thread otherwise: hundreds of megabytes over all parts.
    own["MALLOC_ARENA_MAX"] = "2"
    environment = {**part.environment, **own}
    return _section(
        f"program:{part.name}",
        {
            "command": " ".join(_escaped(word) for word in part.command),
            "directory": part.directory,
            "environment": ",".join(f"{name}={_escaped(value)}" for name, value in environment.items()),
            "autostart": "false",
            "autorestart": "true",
            # A service whose database is unreachable exits repeatedly: restart it, with growing delays.
            "startsecs": "3",
            "startretries": "1000",
            "stopsignal": part.stop_signal,
            "stopwaitsecs": part.stop_seconds,
            "stopasgroup": "true" if part.stop_group else "false",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": logs / f"{part.name}.log",
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "2",
            **({"user": part.user} if part.user else {}),
        },
    )


def _digest(places: Iterable[Path]) -> str:
    """Of everything that a program read when it started: with another one, its section differs, and it is restarted."""
    seen = hashlib.sha256()
    for place in places:
        files = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
        for file in sorted(file for file in files if not NOT_READ & set(file.parts)):
            seen.update(f"{file}\n".encode() + file.read_bytes())
    return seen.hexdigest()


def _section(name: str, values: Mapping[str, Any]) -> str:
    return f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


def _escaped(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def supervisor_socket(data: Path) -> Path:
    """Where supervisord listens.

    Raises `InstallationError` if another program listens there: its responses would be trusted.
    """
    path = socket_path(data / "supervisor.sock")
    if path.parent != data:
        private_folder(path.parent)
    return path


class Supervisor:
    """The supervisord of one installation; every method asks it for its current state."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def is_running(self) -> bool:
        """Whether it responds."""
        try:
            self._call("getState")
        except (OSError, xmlrpc.client.Error):
            return False
        return True

    def start(self, configuration: Path) -> None:
        """Start it in the background, without any program, and wait until it responds."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if name in INHERITED or name.startswith(INHERITED_PREFIXES)
        } | {MARK: str(self._settings.data)}
        command = [str(self._settings.python.parent / "supervisord"), "-c", str(configuration)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
        deadline = time.monotonic() + 15
        while done.returncode == 0 and time.monotonic() < deadline:
            if self.is_running():
                return
            time.sleep(0.1)
        last = (done.stdout + done.stderr).strip().splitlines()[-1:] or ["it does not respond"]
        raise InstallationError(
            f"The supervisor did not start: {last[0]}.", f"See {self._settings.logs}/supervisord.log."
        )

    def reload(self) -> list[str]:
        """Take up a changed configuration; returns the programs that were stopped because theirs has changed."""
        added, changed, removed = self._call("reloadConfig")[0]
        was_running = [process.name for process in self.processes() if process.state in ("RUNNING", "STARTING")]
        for name in (*changed, *removed):
            self._call("stopProcessGroup", name)
            self._call("removeProcessGroup", name)
        for name in (*added, *changed):
            self._call("addProcessGroup", name)
        return [name for name in changed if name in was_running]

    def processes(self) -> list[Process]:
        """Every part that it knows, in the order of the configuration."""
        return [
            Process(
                name=info["name"],
                state=info["statename"],
                pid=info["pid"],
                started=float(info["start"]),
                problem=info["spawnerr"],
            )
            for info in self._call("getAllProcessInfo")
            if info["name"] != orphans.NAME
        ]

    def start_program(self, name: str) -> None:
        """Ask for a program to be started; one that runs already is left alone."""
        try:
            self._call("startProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise InstallationError(f"{name} could not be started: {fault.faultString}.") from fault

    def stop_program(self, name: str) -> None:
        """Stop a program and wait until it has ended."""
        self._stop(name, wait=True)

    def _stop(self, name: str, *, wait: bool) -> None:
        try:
            self._call("stopProcess", name, wait)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise

    def shutdown(self, last: Iterable[str], patience_seconds: float) -> None:
        """Stop every program side by side, those of `last` after the others, and then itself."""
        names = [process.name for process in self.processes()]
        deadline = time.monotonic() + patience_seconds
        for wave in ([name for name in names if name not in last], [name for name in names if name in last]):
            for name in wave:
                self._stop(name, wait=False)
            while time.monotonic() < deadline and any(
                process.pid for process in self.processes() if process.name in wave
            ):
                time.sleep(0.1)
        self._call("shutdown")
        while time.monotonic() < deadline and self.is_running():
            time.sleep(0.1)

    def _call(self, method: str, *arguments: object) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{supervisor_socket(self._settings.data)}")
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)
