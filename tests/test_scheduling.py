"""How tests are distributed over the workers."""

import ast

import pytest

from compose.local.settings import ROOT
from tests.scheduling import FIRST, ModuleScheduling, sendable


@pytest.mark.parametrize(
    ("nodeid", "unit"),
    [
        ("tests/web/test_values.py::test_anything[a-b]", "tests/web/test_values.py"),
        ("tests/web/test_values.py::test_anything[a@b]", "tests/web/test_values.py"),
        ("tests/system/test_tour.py::test_it[a@b]@stack", "stack"),
        ("tests/system/test_tour.py::test_it@stack", "stack"),
    ],
)
def test_a_test_belongs_to_its_group_or_its_module(nodeid: str, unit: str) -> None:
    scheduling = object.__new__(ModuleScheduling)
    assert scheduling._split_scope(nodeid) == unit


def _texts() -> set[str]:
    """Every text in the tests' code but in the list itself."""
    files = [path for path in (ROOT / "tests").rglob("*.py") if path.name != "scheduling.py"]
    trees = [ast.walk(ast.parse(path.read_text())) for path in files]
    return {node.value for tree in trees for node in tree if isinstance(node, ast.Constant) and type(node.value) is str}


def test_what_begins_first_exists() -> None:
    modules = {unit for unit in FIRST if unit.startswith("tests/")}
    assert [unit for unit in modules if not (ROOT / unit).is_file()] == []
    assert set(FIRST) - modules - _texts() == set()


def test_a_report_has_text_that_can_be_sent() -> None:
    report = {
        "longrepr": {"reprcrash": ("\ud800", 3)},
        "sections": [("out", "a\udcffb")],
        "duration": 1.5,
        "when": None,
    }
    assert sendable(report) == {
        "longrepr": {"reprcrash": ("\\ud800", 3)},
        "sections": [("out", "a\\udcffb")],
        "duration": 1.5,
        "when": None,
    }
