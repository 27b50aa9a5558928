"""Settings of the Streamlit server (path, host name, options), and its health check."""

import socket
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path

# The path under which the control plane serves Streamlit, and the host name of its requests.
BASE_PATH = "bi/app"
HOST = "bi"
# A table is sent as one message; the control plane forwards no larger messages.
LARGEST_MESSAGE_MIB = 64

OPTIONS = {
    "server.baseUrlPath": BASE_PATH,
    # Rejects WebSockets for other host names and from other origins, like the control plane in front of it.
    "server.allowedHosts": [HOST],
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "server.maxMessageSize": LARGEST_MESSAGE_MIB,
    "server.headless": True,
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "viewer",
    # The table's own CSV export runs in the browser and does not escape formulas and carriage returns.
    "client.disableDataExport": True,
    "client.showErrorDetails": "none",
}


class SocketConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__(HOST, timeout=seconds)
        self._path = path

    def connect(self) -> None:
        """Connect to the Unix socket."""
        # Set before connecting, so that `close` closes it in any case.
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def missing(path: Path, seconds: float) -> str:
    """Why the Streamlit on this socket is unhealthy; "" if it is healthy."""
    with closing(SocketConnection(path, seconds)) as connection:
        try:
            connection.request("GET", f"/{BASE_PATH}/_stcore/health")
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            return f"does not respond yet ({type(error).__name__})"
    return "" if status == 200 else f"responds with status {status}"
