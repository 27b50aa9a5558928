"""The web server itself, on the tests' database, for what a test client can't show."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
from django.db import connection

from compose.local.settings import ROOT
from tests.ports import free_port
from tests.waiting import wait_for


@contextmanager
def web_server(folder: Path, *, port: int | None = None, **more: str) -> Iterator[str]:
    """The address of a web server: see `web_process`."""
    with web_process(folder, port=port, **more) as (address, _):
        yield address


@contextmanager
def web_process(folder: Path, *, port: int | None = None, **more: str) -> Iterator[tuple[str, int]]:
    """The address and the process id of a web server, whose log is the file `log` of the folder.

    Args:
        port: by default a free one.
        more: variables of the server, beside those that it needs.
    """
    database, port = connection.settings_dict, port or free_port()
    address = f"http://127.0.0.1:{port}"
    where = f"{quote(database['HOST'] or '', safe='')}:{database['PORT'] or 5432}"
    variables = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{database['USER']}:{database['PASSWORD']}@{where}/{database['NAME']}",
        "DATABASE_POOL": "1",
        # Static files by their plain names: nothing was collected.
        "DJANGO_DEBUG": "1",
        "LAKEHOUSE_DATA": str(folder),
        "PUBLIC_URL": address,
        **more,
    }
    command = ("-m", "uvicorn", "controlplane.asgi:application", "--port", str(port), "--no-proxy-headers")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=variables, stdout=log, stderr=log)
        try:
            wait_for(lambda: httpx.get(f"{address}/sign-in/").status_code == 200, "the web server", within=60)
            yield address, process.pid
        finally:
            process.terminate()
            process.wait(30)
