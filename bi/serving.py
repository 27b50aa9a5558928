"""How Streamlit is served: below which path, under which host name, with which settings; and whether it answers."""

import socket
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path

# The control plane serves it there, and asks it under this host name.
BASE_PATH = "bi/app"
HOST = "bi"
# A table is sent as one message; the control plane passes on no larger one.
LARGEST_MESSAGE_MIB = 64

OPTIONS = {
    "server.baseUrlPath": BASE_PATH,
    # It refuses WebSockets under any other name and from any other origin, as the control plane does before it.
    "server.allowedHosts": [HOST],
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "server.maxMessageSize": LARGEST_MESSAGE_MIB,
    "server.headless": True,
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "viewer",
    # The table's own CSV button writes in the browser, with formulas and with carriage returns that end rows there.
    "client.disableDataExport": True,
    "client.showErrorDetails": "none",
}


class SocketConnection(HTTPConnection):
    """HTTP through a Unix socket."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__(HOST, timeout=seconds)
        self._path = path

    def connect(self) -> None:
        # Set before it connects, so that `close` closes it however that ends.
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def missing(path: Path, seconds: float) -> str:
    """Why the Streamlit that listens on this socket is not healthy, "" if it is."""
    with closing(SocketConnection(path, seconds)) as connection:
        try:
            connection.request("GET", f"/{BASE_PATH}/_stcore/health")
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            return f"does not answer yet ({type(error).__name__})"
    return "" if status == 200 else f"answers with status {status}"
