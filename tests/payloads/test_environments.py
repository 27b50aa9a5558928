"""The environment and the command of each program, as `make up` starts it: no secret that it has no use for."""

from pathlib import Path

import pytest

from compose.local.credentials import HOST_NAMES, environment, load_secrets, spark_ui_token
from compose.local.parts.all import parts_of
from compose.local.settings import load
from tests.payloads.needs import NEEDS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("storage", ["folder", "minio"])
def test_a_program_gets_the_secrets_that_it_needs(storage: str, tmp_path: Path) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path), "STORAGE": storage}, root=ROOT)
    drawn = load_secrets(settings.data)
    secrets = {name: value for name, value in drawn.items() if name not in HOST_NAMES}
    secrets["spark_ui_token"] = spark_ui_token(drawn)
    held, shown = {}, {}
    for part in parts_of(settings, environment(settings, drawn), drawn):
        values = "\n".join(part.environment.values())
        held[part.name] = {name for name, value in secrets.items() if value in values}
        shown[part.name] = {name for name, value in secrets.items() if value in " ".join(part.command)}
    without = set() if storage == "minio" else {"minio_pipeline"}
    assert held == {name: NEEDS.get(name, set()) - without for name in held}
    assert shown == {name: set() for name in shown}
