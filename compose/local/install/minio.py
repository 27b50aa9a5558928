"""The MinIO server: one that a person names, one on the PATH, or one built from its published source where Go is.

MinIO publishes no package of its server; its Go module is built once into `.minio/<version>/` of the checkout, which
every installation of it shares.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from compose.local.errors import InstallationError
from compose.local.settings import Settings

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
GO_FOLDERS = ("/usr/local/go/bin", "/usr/lib/go/bin")
WITHOUT = (
    "Install Go (Debian: `apt-get install golang`, or from go.dev), add `minio` to the PATH, set "
    "MINIO_BINARY, or set S3_ENDPOINT to the address of an existing S3 storage."
)


def find(settings: Settings) -> Path | None:
    """The server to run; None when it has to be built first.

    Raises `InstallationError` for a named one that is none.
    """
    if settings.minio_binary:
        named = Path(settings.minio_binary).expanduser()
        if not _is_server(named):
            raise InstallationError(
                f"MINIO_BINARY is {named}, which is not a MinIO server.", "Set it to the `minio` program."
            )
        return named.resolve()
    on_path = shutil.which("minio")
    if on_path and _is_server(Path(on_path)):
        return Path(on_path).resolve()
    own = built(settings)
    return own if own.exists() else None


def built(settings: Settings) -> Path:
    """Where the server of this release lies once it is built."""
    return settings.root / ".minio" / VERSION / "minio"


def build(settings: Settings) -> None:
    """Build the server: some minutes and 2 GB of sources and objects in Go's own caches the first time.

    Raises `InstallationError` without Go, or when it fails.
    """
    go = _go()
    if go is None:
        raise InstallationError(
            "STORAGE is minio, but neither a MinIO server nor Go to build one is installed.", WITHOUT
        )
    target = built(settings)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".build-") as folder:
        # Of this machine, whatever a person's shell is set to build for.
        variables = {name: value for name, value in os.environ.items() if name not in ("GOOS", "GOARCH", "GOFLAGS")}
        done = subprocess.run(
            [go, "install", "-trimpath", f"{MODULE}@{VERSION}"],
            env={**variables, "GOBIN": folder, "CGO_ENABLED": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
            raise InstallationError(
                f"Could not build MinIO: {last[0]}.",
                "Check the connection to the Go module proxy and the free disk space, then run this again. Or: "
                + WITHOUT,
            )
        (Path(folder) / "minio").replace(target)


def _go() -> str | None:
    return shutil.which("go") or shutil.which("go", path=os.pathsep.join(GO_FOLDERS))


def _is_server(binary: Path) -> bool:
    """Other programs go by that name too, so it is asked."""
    try:
        said = subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return said.returncode == 0 and said.stdout.startswith("minio version")
