"""Files for spreadsheets and programs: as many rows come out as went in, each cell in its place, for every reader.

tests/bi/test_exports.py holds that nothing else writes CSV.
"""

import csv
import io
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from streamlit.config import get_option

from bi.csv_cells import cell, csv_lines
from bi.exports import as_csv
from bi.serving import OPTIONS
from controlplane.accounts.auditing import exporting
from controlplane.accounts.models import AuditEntry
from tests.payloads import texts

SEED = 20261129
# Everything that some program takes for the end of a line, a field or a text, or for a formula.
LETTERS = (
    "\r", "\n", "\r\n", "\0", "\x01", "\x08", "\t", "\x0b", "\x0c", "\x1a", "\x1b", "\x1c", "\x1d", "\x1e", "\x1f",
    "\x7f", "\x85", "\u2028", "\u2029", "\ufeff", "\u200b", "\u202e", '"', '""', "'", ",", ";", "|", "=", "+", "-", "@",
    "\uff1d", " ", "a", "ä", "\U0001f6d2", "\\", "\\n", "%0d", "#", "NA", "null",
)  # fmt: skip
Rows = list[list[str]]
_NOT_MISSING = {"strings_can_be_null": False, "quoted_strings_can_be_null": False}


def _texts() -> list[str]:
    chance = random.Random(SEED)
    drawn = ["".join(chance.choices(LETTERS, k=chance.randrange(1, 12))) for _ in range(600)]
    known = [
        text for text in (*texts.CELLS, *texts.LINES, *texts.SHOWN) if not any("\ud800" <= a <= "\udfff" for a in text)
    ]
    return [*LETTERS, *(f"a{letter}b" for letter in LETTERS), *known, *drawn]


TEXTS = _texts()


def _audit(rows: Rows) -> str:
    at = datetime(2026, 11, 29, tzinfo=UTC)
    entries = [AuditEntry(sequence=n, at=at, actor_name=row[0], target=row[1]) for n, row in enumerate(rows)]
    lines = csv_lines([exporting.COLUMNS]).encode() + exporting._as_csv(entries)
    # Its other columns are of the product's making.
    return lines.decode()


def _dashboard(rows: Rows) -> str:
    frame = pd.DataFrame(
        {"user": [row[0] for row in rows], "resource": [row[1] for row in rows], "n": range(len(rows))}
    )
    return as_csv(frame).decode()


def _lines(rows: Rows) -> str:
    return csv_lines([["user", "resource"], *rows])


EXPORTS: dict[str, Callable[[Rows], str]] = {"audit": _audit, "dashboard": _dashboard, "any": _lines}


def _by_csv(text: str) -> Rows:
    return list(csv.reader(io.StringIO(text, newline="")))


def _by_csv_of_lines(text: str) -> Rows:
    """Text that was split into lines before, at everything that Unicode calls one."""
    return list(csv.reader(text.splitlines(keepends=True)))


def _by_pandas(text: str) -> Rows:
    frame = pd.read_csv(io.BytesIO(text.encode()), dtype=str, keep_default_na=False, na_filter=False)
    return [list(frame.columns), *frame.values.tolist()]


def _by_pyarrow(text: str) -> Rows:
    names = _by_csv(text)[0]
    table = pacsv.read_csv(
        io.BytesIO(text.encode()),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), **_NOT_MISSING),
    )
    return [names, *([*row.values()] for row in table.to_pylist())]


def _by_a_spreadsheet(text: str) -> Rows:
    """Rows end at CR, LF or CRLF outside of quotes, NUL ends a text."""
    rows: Rows = [[""]]
    quoted, at = False, 0
    while at < len(text):
        letter = text[at]
        if quoted:
            if letter == '"' and text[at + 1 : at + 2] == '"':
                rows[-1][-1] += '"'
                at += 1
            elif letter == '"':
                quoted = False
            else:
                rows[-1][-1] += letter
        elif letter == '"' and not rows[-1][-1]:
            quoted = True
        elif letter == ",":
            rows[-1].append("")
        elif letter in "\r\n\x0b\x0c\x85\u2028\u2029\0":
            at += letter == "\r" and text[at + 1 : at + 2] == "\n"
            rows.append([""])
        else:
            rows[-1][-1] += letter
        at += 1
    assert rows.pop() == [""]
    return rows


READERS = (_by_csv, _by_csv_of_lines, _by_pandas, _by_pyarrow, _by_a_spreadsheet)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", EXPORTS)
def test_every_reader_gets_the_rows_that_went_in(name: str, read: Callable[[str], Rows]) -> None:
    rows = [[text, TEXTS[-1 - n]] for n, text in enumerate(TEXTS)]
    head, *found = read(EXPORTS[name](rows))
    assert len(found) == len(rows) > 800
    places = [head.index("user"), head.index("resource")]
    for row, line in zip(rows, found, strict=True):
        assert len(line) == len(head)
        assert [line[at] for at in places] == [cell(text).replace("\0", "\u2400") for text in row]


@pytest.mark.parametrize("name", EXPORTS)
def test_no_cell_begins_a_formula_and_every_line_ends_alike(name: str) -> None:
    text = EXPORTS[name]([[one, "x"] for one in TEXTS])
    head, *found = _by_csv(text)
    at = head.index("user")
    for row in found:
        begins = row[at].lstrip("".join(letter for letter in row[at] if letter.isspace() or not letter.isprintable()))
        assert begins[:1] not in {"=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"}, row[at]
    assert "\0" not in text
    assert text.endswith("\r\n")


def test_streamlit_offers_no_csv_of_its_own() -> None:
    assert OPTIONS["client.disableDataExport"] is True
    # Raises where this Streamlit has no such setting.
    assert get_option("client.disableDataExport") is not None


def test_half_a_character_spoils_no_file() -> None:
    assert csv_lines([["a\ud800b", "\udfff"]]).encode() == "a\ufffdb,\ufffd\r\n".encode()


def test_a_line_of_json_is_a_row() -> None:
    at = datetime(2026, 11, 29, tzinfo=UTC)
    entries = [AuditEntry(sequence=n, at=at, actor_name=text, target=text) for n, text in enumerate(TEXTS)]
    lines = exporting._as_json_lines(entries).split(b"\n")
    assert lines.pop() == b""
    assert [line.count(b"\r") for line in lines] == [0] * len(TEXTS)
    assert [json.loads(line)["sequence"] for line in lines] == list(range(len(TEXTS)))
