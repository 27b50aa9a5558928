"""supervisord, which keeps the processes of an installation on one machine."""

import configparser
import socket
import xmlrpc.client
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from controlplane.health.ports import Process, SupervisorUnreachableError

TIMEOUT_SECONDS = 0.3


class _SocketConnection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_SECONDS)
        try:
            self.sock.connect(self._path)
        except OSError:
            self.sock.close()
            raise


class _SocketTransport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> HTTPConnection:
        connection = _SocketConnection(self._path)
        self._connection = host, connection  # what the transport closes in the end
        return connection


class Supervisord:
    """The supervisord with the given configuration file. Without the file nothing is supervised."""

    def __init__(self, configuration: Path) -> None:
        self._configuration = configuration

    def processes(self) -> dict[str, Process]:
        path = self._socket()
        if path is None:
            return {}
        try:
            with xmlrpc.client.ServerProxy("http://localhost", transport=_SocketTransport(path)) as server:
                told = server.supervisor.getAllProcessInfo()
        except (OSError, HTTPException, xmlrpc.client.Error) as error:
            raise SupervisorUnreachableError(f"{type(error).__name__}: {error}") from error
        assert isinstance(told, list)
        return {str(one["name"]): _process(one) for one in told if isinstance(one, dict)}

    def _socket(self) -> str | None:
        # The file also holds passwords, which may contain any character: no interpolation.
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(self._configuration.read_text())
            return parser.get("supervisorctl", "serverurl").removeprefix("unix://")
        except (OSError, configparser.Error):
            return None


def _process(told: dict[Any, Any]) -> Process:
    return Process(
        name=str(told["name"]),
        running=told["statename"] == "RUNNING",
        starting=told["statename"] in ("STARTING", "BACKOFF"),
        started_at=_moment(told["start"]),
        stopped_at=_moment(told["stop"]),
        exit_status=int(told["exitstatus"]),
        said=str(told["spawnerr"] or ""),
    )


def _moment(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(int(seconds), UTC) if seconds else None
