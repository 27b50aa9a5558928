"""compose.yaml as Compose reads it: with the default of every variable, or with those of a test."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from compose.local.settings import ROOT

FILE = ROOT / "compose" / "compose.yaml"
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+):-([^}]*)\}")


def text(given: Mapping[str, str] | None = None) -> str:
    """The file, its variables put in."""
    known = given or {}
    return VARIABLE.sub(lambda found: known.get(found[1]) or found[2], FILE.read_text())


def services() -> dict[str, dict[str, Any]]:
    """The services by name, merged and with defaults."""
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(text())["services"]
    return loaded


def variables() -> dict[str, set[str]]:
    """Each variable that the file reads, with the defaults that it has there."""
    found: dict[str, set[str]] = {}
    for name, default in VARIABLE.findall(FILE.read_text()):
        found.setdefault(name, set()).add(default)
    return found
