"""Where an installed package lies, without importing it: some of ours take seconds, or print warnings."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def folder_of(package: str) -> Path:
    """The folder of an installed top-level package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is not installed in this environment.")
    return Path(next(iter(spec.submodule_search_locations)))
