"""The settings of this container: addresses from its environment, secrets from its data folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dotenv import dotenv_values

from compose.local.credentials import environment, write_private
from compose.local.settings import PASSED_ON, Settings, load

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - of the container; compose.yaml publishes on loopback, and only what a person opens


def settings() -> Settings:
    """Of this container. Everything that compose.yaml or the first start has set counts as given by a person."""
    data = Path(os.environ["LAKEHOUSE_DATA"])
    known = {name: value for name, value in dotenv_values(data / "environment").items() if value is not None}
    return replace(load({**known, **os.environ}), listen=EVERY_ADDRESS, host=socket.gethostname())


def variables(of: Settings, drawn: Mapping[str, str]) -> dict[str, str]:
    """What the programs read. Nothing is made up here: an address that is missing would point to loopback."""
    return environment(of, drawn)


def write_environment(folder: Path, names: Mapping[str, str]) -> None:
    """Write what `settings` reads: the variables, marked as given."""
    unknown = set(names) - set(PASSED_ON)
    assert not unknown, f"{unknown} would not be read"
    lines = {**names, "LAKEHOUSE_GIVEN": ",".join(sorted(names))}
    write_private(folder / "environment", "".join(f"{name}='{value}'\n" for name, value in lines.items()))
