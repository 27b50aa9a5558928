"""The exporters of PostgreSQL and Redis: Debian's, whatever is on PATH, or built by Go where Go is at hand."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from compose.local.settings import Settings

# Part -> names of its program, Debian's first.
NAMES = {
    "postgres-exporter": ("prometheus-postgres-exporter", "postgres_exporter"),
    "redis-exporter": ("prometheus-redis-exporter", "redis_exporter"),
}
MODULES = {
    "postgres-exporter": "github.com/prometheus-community/postgres_exporter/cmd/postgres_exporter@v0.17.1",
    "redis-exporter": "github.com/oliver006/redis_exporter@v1.67.0",
}


def find(settings: Settings, names: tuple[str, ...]) -> Path | None:
    """The first program of these names on PATH or among those that were built here."""
    for name in names:
        found = shutil.which(name) or shutil.which(name, path=str(_tools(settings)))
        if found:
            return Path(found)
    return None


def missing(settings: Settings) -> list[str]:
    """Parts whose exporter is wanted, not there, and could be built."""
    if not settings.monitoring or shutil.which("go") is None:
        return []
    return [part for part, names in NAMES.items() if find(settings, names) is None]


def build(settings: Settings, part: str) -> None:
    """Build one with Go. That it could not be had is said by who looks for it: the system runs without."""
    _tools(settings).mkdir(exist_ok=True)
    environ = {**os.environ, "GOBIN": str(_tools(settings)), "CGO_ENABLED": "0"}
    subprocess.run(["go", "install", MODULES[part]], env=environ, capture_output=True, check=False)


def _tools(settings: Settings) -> Path:
    return settings.root / ".tools"
