"""The gold views in Streamlit."""

from __future__ import annotations

from collections.abc import Mapping

from compose.local import health
from compose.local.parts import Part
from compose.local.settings import Settings


def part(settings: Settings, variables: Mapping[str, str]) -> Part:
    """The dashboards' server."""
    port = settings.port("BI_PORT")
    options = {
        "server.headless": "true",
        "server.address": settings.listen,
        "server.port": str(port),
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": "127.0.0.1",
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
    }
    return Part(
        name="bi",
        title="Streamlit",
        command=(
            *(str(settings.python), "-m", "streamlit", "run", str(settings.root / "bi" / "app.py")),
            *(word for name, value in options.items() for word in (f"--{name}", value)),
        ),
        directory=settings.root,
        environment={**variables, "PYTHONPATH": str(settings.root)},
        healthy=lambda _: health.answers(f"http://127.0.0.1:{port}/_stcore/health"),
        reads=tuple(settings.root / name for name in ("bi", "locks/controlplane.txt")),
        address=f"http://127.0.0.1:{port}",
        ports={"BI_PORT": port},
    )
