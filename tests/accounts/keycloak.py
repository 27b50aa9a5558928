"""A real Keycloak for tests: pinned, fetched once, built once, started on loopback with a database in memory.

It is kept in `.jars/keycloak` of the checkout, or where KEYCLOAK_FOLDER says, and only tests fetch it (160 MB).
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from compose.local.install import jars
from compose.local.settings import ROOT
from tests.ports import free_port
from tests.waiting import wait_for

VERSION = "26.7.3"
SHA256 = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
FOLDER = Path(os.environ.get("KEYCLOAK_FOLDER") or ROOT / ".jars" / "keycloak")
REALM, CLIENT_ID, CLIENT_SECRET = "lake", "lakehouse", "client-secret-of-the-tests"
ADMIN = "keycloak-admin"
# What is compiled into it; a start that says the same needs no build.
BUILD = ("--db=dev-mem", "--cache=local")


def home() -> Path:
    """The folder of a Keycloak that has been built. Of several processes one fetches and builds it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    there = FOLDER / f"keycloak-{VERSION}"
    with (FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not there.exists():
            with tempfile.TemporaryDirectory(dir=FOLDER, prefix=".fetched-") as folder:
                unpacked = _fetched(Path(folder)) / there.name
                _run(unpacked, "build", *BUILD)
                unpacked.rename(there)
    return there


def _fetched(folder: Path) -> Path:
    archive = jars.fetch(f"org.keycloak:keycloak-quarkus-dist:{VERSION}", folder, packaging="zip")
    with archive.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == SHA256, f"{archive.name} is not the pinned one"
    shutil.unpack_archive(archive, folder, "zip")
    return folder


def _command(of: Path, *arguments: str) -> list[str]:
    return ["bash", str(of / "bin" / "kc.sh"), *arguments]


def _run(of: Path, *arguments: str) -> None:
    done = subprocess.run(_command(of, *arguments), capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass
class Keycloak:
    """A running one with the realm `lake`, managed by its own REST API."""

    address: str
    client: httpx.Client = field(repr=False)

    @property
    def issuer(self) -> str:
        return f"{self.address}/realms/{REALM}"

    def _admin(self, method: str, path: str, body: Any = None) -> Any:
        login = {"grant_type": "password", "client_id": "admin-cli", "username": ADMIN, "password": ADMIN}
        answer = self.client.post(f"{self.address}/realms/master/protocol/openid-connect/token", data=login)
        headers = {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}
        answer = self.client.request(method, f"{self.address}/admin/realms{path}", json=body, headers=headers)
        return answer.raise_for_status()

    def realm_made(self, document: dict[str, Any]) -> None:
        self._admin("POST", "", document)

    def groups_set(self, username: str, *groups: str) -> None:
        """Put a person into these groups and no others."""
        (person,) = self._admin("GET", f"/{REALM}/users?username={username}&exact=true").json()
        known = {group["name"]: group["id"] for group in self._admin("GET", f"/{REALM}/groups").json()}
        for name, number in known.items():
            self._admin("PUT" if name in groups else "DELETE", f"/{REALM}/users/{person['id']}/groups/{number}")

    def sessions_of(self, username: str) -> int:
        """How many sessions the person has at Keycloak."""
        (person,) = self._admin("GET", f"/{REALM}/users?username={username}&exact=true").json()
        return len(self._admin("GET", f"/{REALM}/users/{person['id']}/sessions").json())


@contextmanager
def running(log: Path) -> Iterator[Keycloak]:
    """A Keycloak on a free port; it takes some 20 seconds of a processor and 420 MB."""
    port = free_port()
    variables = {
        **os.environ,
        "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
        "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN,
        "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx320m",
        # It lives for a minute: the better compiler would cost more than it brings.
        "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
    }
    options = ("--http-enabled=true", "--hostname-strict=false", "--http-host=127.0.0.1", f"--http-port={port}")
    command = _command(home(), "start", "--optimized", *options)
    with log.open("w") as out, httpx.Client(trust_env=False, timeout=180) as client:
        process = subprocess.Popen(command, env=variables, stdout=out, stderr=out)
        try:
            keycloak = Keycloak(f"http://127.0.0.1:{port}", client)
            wait_for(lambda: _answers(keycloak, process, log), "Keycloak", within=300)
            yield keycloak
        finally:
            process.terminate()
            process.wait(60)


def _answers(keycloak: Keycloak, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert process.poll() is None, log.read_text()[-3000:]
    try:
        return keycloak.client.get(f"{keycloak.address}/realms/master", timeout=10).status_code == 200
    except httpx.TransportError:
        return False
