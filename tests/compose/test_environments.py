"""A program that gets a selection of the installation's variables gets every one that its code reads."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bi.places import READ
from compose.local.credentials import draw_secrets, environment
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
