"""docs/asvs.toml answers each requirement of ASVS 5.0.0, levels 1 and 2, once, and names tests and files that exist."""

import ast
from collections import Counter
from functools import cache

import pytest

from compose.local.settings import ROOT
from tests.docs.page import PAGE, STATUSES, Row, chapters, document, levels

ROWS = [row for rows in chapters().values() for row in rows]


def test_the_committed_page_is_what_the_source_makes() -> None:
    assert PAGE.read_text() == document(), "Run `python -m tests.docs.page`."


def test_the_list_of_requirements_is_whole() -> None:
    # As OWASP published 5.0.0.
    assert Counter(levels().values()) == {1: 70, 2: 183}


def test_every_requirement_has_one_answer_in_its_chapter() -> None:
    answered = [one for row in ROWS for one in row.ids]
    assert answered == list(levels())
    misplaced = [
        (title, one)
        for title, rows in chapters().items()
        for row in rows
        for one in row.ids
        if one.partition(".")[0] != title.partition(" ")[0]
    ]
    assert misplaced == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.ids[0])
def test_an_answer_names_what_there_is(row: Row) -> None:
    assert row.status in STATUSES
    assert row.asks
    assert "|" not in row.asks + row.why
    assert row.by or row.status != "met", "A requirement that is met has evidence."
    assert row.why or row.status == "met", "Say what is missing, or why it does not apply."
    assert [one for one in row.by if not _exists(one)] == []


def test_a_test_or_a_file_that_is_not_there_would_be_found() -> None:
    here = "tests/docs/test_asvs.py"
    names = (here, f"{here}::test_the_list_of_requirements_is_whole", f"{here}::test_nothing", f"{here}::_exists", "no")
    assert [_exists(one) for one in names] == [True, True, False, False, False]


def _exists(named: str) -> bool:
    path, _, test = named.partition("::")
    if not (ROOT / path).is_file():
        return False
    return not test or (test.startswith("test_") and test in _functions(path))


@cache
def _functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
