"""A program that gets a selection of the installation's variables gets every one that its code reads."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bi.places import READ
from compose.local.credentials import HOST_NAMES, draw_secrets, environment, load_secrets, write_files
from compose.local.parts import controlplane
from compose.local.parts.airflow import TASKS_READ
from compose.local.settings import PASSED_ON, ROOT, load

# Airflow's tasks and Streamlit have no account of Kafka.
NOT_OURS = re.compile("KAFKA_.*")


def _modules(*begin: Path) -> set[Path]:
    """These files, and those of `spark_jobs` and `bi` that they import, at any depth."""
    waiting, found = list(begin), set(begin)
    while waiting:
        for name in _imported(waiting.pop()):
            path = ROOT.joinpath(*name.split("."))
            for module in (path.with_suffix(".py"), path / "__init__.py"):
                if module.exists() and module not in found:
                    found.add(module)
                    waiting.append(module)
    return found


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)


def _variables(modules: set[Path], data: Path) -> set[str]:
    """The installation's variables that stand in these modules."""
    known = {*PASSED_ON, *environment(load({"LAKEHOUSE_DATA": str(data)}), draw_secrets())}
    texts = {
        node.value
        for module in modules
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {name for name in texts & known if not NOT_OURS.fullmatch(name)}


@pytest.mark.parametrize(
    ("given", "folder"), [(TASKS_READ, "spark_jobs"), (READ, "bi")], ids=["Airflow's tasks", "Streamlit"]
)
def test_what_the_code_reads_is_given(given: tuple[str, ...], folder: str, tmp_path: Path) -> None:
    read = _variables(_modules(*(ROOT / folder).rglob("*.py")), tmp_path)
    assert {"WAREHOUSE", "S3_ENDPOINT"} <= read
    assert read - set(given) == set()


SIGN_ON = {"OIDC_ISSUER": "https://id.example", "OIDC_CLIENT_ID": "lake", "OIDC_CLIENT_SECRET": "of the provider"}


@pytest.mark.parametrize("name", controlplane.PROGRAMS)
def test_the_settings_accept_what_each_program_gets(name: str, tmp_path: Path) -> None:
    """Without the credentials that it does not use, also where every one of them is set."""
    more = {**SIGN_ON, "OIDC_DEFAULT_ROLE": "viewer", "PASSWORD_SIGN_IN": "admins", "EMAIL_URL": "smtp://127.0.0.1"}
    settings = load({"LAKEHOUSE_DATA": str(tmp_path), "STORAGE": "minio", **more})
    drawn = load_secrets(tmp_path)
    variables = write_files(settings, drawn)
    (part,) = (part for part in controlplane.parts(settings, variables) if part.name == name)
    # The settings read the installation's file too, which has all of them.
    shown = "import os, django; django.setup(); print('\\n'.join(os.environ.values()))"
    done = subprocess.run(
        [sys.executable, "-c", shown], cwd=ROOT, env=dict(part.environment), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    used = controlplane.credentials_of(name)
    unused = {variables[one] for one in controlplane.CREDENTIALS if one not in used and one != "S3_ACCESS_KEY"}
    assert [value for value in unused - {""} if value in done.stdout] == []


def test_every_variable_with_a_secret_is_in_the_list_of_credentials(tmp_path: Path) -> None:
    drawn = load_secrets(tmp_path)
    variables = environment(load({"LAKEHOUSE_DATA": str(tmp_path), "STORAGE": "minio"}), drawn)
    secrets = [value for name, value in drawn.items() if name not in HOST_NAMES]
    secret = {name for name, value in variables.items() if any(one in value for one in secrets)}
    named = {name for name in variables if re.search(r"(PASSWORD(?!_SIGN_IN)|SECRET|TOKEN|KEYS?)$", name)}
    assert (secret | named) - {"TLS_KEY", "S3_ACCESS_KEY"} <= set(controlplane.CREDENTIALS)
