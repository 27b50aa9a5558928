"""The settings of this container: addresses from its environment, secrets from its data folder."""

from __future__ import annotations

import json
import os
import socket
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dotenv import dotenv_values

from compose.local.credentials import environment, write_private
from compose.local.errors import InstallationError
from compose.local.settings import EVERY_ADDRESS, PASSED_ON, Settings, load


def settings() -> Settings:
    """Of this container. Everything set by compose.yaml or the first start counts as set by the user.

    Raises `InstallationError` while the first start has not written the secrets.
    """
    data = Path(os.environ["LAKEHOUSE_DATA"])
    if not (data / "environment").exists():
        raise InstallationError("The service first-start has not written this container's secrets yet.")
    known = {name: value for name, value in dotenv_values(data / "environment").items() if value is not None}
    # Inside the container: compose.yaml publishes only the pages for users, on loopback.
    return replace(load({**known, **os.environ}, whole=False), listen=EVERY_ADDRESS, host=socket.gethostname())


def secrets(data: Path) -> dict[str, str]:
    """The secrets of this container from the first start; those of other containers are empty."""
    path = data / "secrets.json"
    return defaultdict(str, json.loads(path.read_text()) if path.exists() else {})


def variables(of: Settings) -> dict[str, str]:
    """What the programs of this container read."""
    return environment(of, secrets(of.data))


def write_environment(folder: Path, names: Mapping[str, str]) -> None:
    """Write the variables for `settings`, marked as set by the user."""
    unknown = set(names) - set(PASSED_ON)
    assert not unknown, f"{unknown} would not be read"
    lines = {**names, "LAKEHOUSE_GIVEN": ",".join(sorted(names))}
    write_private(folder / "environment", "".join(f"{name}='{value}'\n" for name, value in lines.items()))
