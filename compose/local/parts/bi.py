"""The gold views in Streamlit, on a Unix socket; users reach them through the control plane, after sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bi.places import READ
from bi.serving import missing
from compose.local import health
from compose.local.parts import Part
from compose.local.settings import Settings
from compose.local.sockets import private_folder, socket_path


def part(settings: Settings, variables: Mapping[str, str]) -> Part:
    """The dashboards' server."""
    socket = socket_of(variables)
    return Part(
        name="bi",
        title="Streamlit",
        command=(
            *(str(settings.python), "-m", "uvicorn", "bi.server:application", "--uds", str(socket)),
            *("--ws-max-size", str(2**20), "--ws-per-message-deflate", "false"),
            # Longer than the control plane keeps a connection that it doesn't use.
            *("--timeout-keep-alive", "60", "--timeout-graceful-shutdown", "3"),
            *("--no-server-header", "--no-access-log", "--log-level", "warning"),
        ),
        directory=settings.root,
        environment={
            **{name: variables[name] for name in READ if name in variables},
            "PYTHONPATH": str(settings.root),
        },
        healthy=lambda _: missing(socket, health.TIMEOUT_SECONDS),
        reads=tuple(settings.root / name for name in ("bi", "locks/controlplane.txt")),
        address=f"{variables['PUBLIC_URL']}/bi/",
    )


def bi_socket(data: Path) -> Path:
    """Where it listens in this data folder."""
    return socket_path(data / "bi" / "bi.sock")


def socket_of(variables: Mapping[str, str]) -> Path:
    """Where it is told to listen."""
    return Path(variables["BI_URL"].removeprefix("unix://"))


def prepare(variables: Mapping[str, str]) -> None:
    """Make the folder of its socket."""
    private_folder(socket_of(variables).parent)
