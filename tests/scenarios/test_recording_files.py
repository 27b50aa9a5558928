"""Odd files: each kind ends in an import of exactly its rows, or in a sentence with row, column and remedy.

Every file goes through the upload's own way: `look`, the mapping that fits, and reading it whole. The kinds are written
as variations of one small file, so that a neighbour is one more line.
"""

import csv
import decimal
import gzip
import io
import itertools
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from controlplane.scenarios.generator.document import READY, Columns
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.findings import Findings
from controlplane.scenarios.generator.recording.inspection import look, words
from controlplane.scenarios.generator.recording.preparing import prepare
from controlplane.scenarios.generator.recording.proposing import MOST_COLUMNS, Look, proposed, ready_for
from controlplane.scenarios.generator.recording.summary import Summary
from controlplane.scenarios.generator.recording.unpacking import plain

NAMES = ("event_time", "event_type", "user_id", "product_id", "price", "category", "extra")
MAPPING = Columns(
    event_time="event_time", event_type="event_type", user_id="user_id", product_id="product_id", price="price",
    category="category",
)  # fmt: skip
ROW = {
    "event_time": "2019-10-01T00:00:00Z", "event_type": "view", "user_id": "u1", "product_id": "p1", "price": "9.99",
    "category": "shoes", "extra": "x",
}  # fmt: skip


def rows_of(count: int, **changes: str) -> list[dict[str, str]]:
    """So many events, one second after the other; `changes` go into the second."""
    rows = [{**ROW, "event_time": f"2019-10-01T00:00:{n:02}Z", "user_id": f"u{n}"} for n in range(count)]
    rows[1] |= changes
    return rows


def as_csv(rows: list[dict[str, str]], *, ends: str = "\n", separator: str = ",", quoting: Any = 0) -> str:
    """The rows with their header."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=ends, delimiter=separator, quoting=quoting)
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return out.getvalue()


def as_ndjson(rows: list[dict[str, Any]], ends: str = "\n") -> str:
    """The rows as lines."""
    return "".join(json.dumps(row) + ends for row in rows)


def as_parquet(columns: dict[str, Any], **more: Any) -> bytes:
    """Three events with these columns beside them, or instead."""
    rows = rows_of(3)
    table: dict[str, Any] = {name: [row[name] for row in rows] for name in NAMES if name != "extra"}
    return parquet(pa.table({**table, **columns}), **more)


def parquet(table: pa.Table, **more: Any) -> bytes:
    """The table as a file."""
    out = io.BytesIO()
    pq.write_table(table, out, **more)
    return out.getvalue()


class Files:
    """Reads bodies as uploads are read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def look(self, body: bytes) -> Look:
        """What the page of a new recording is told. Nothing of it fails in the database or in JSON."""
        seen = look(self._written(body))
        shown = json.dumps([seen.columns, seen.rows])
        assert "\\u0000" not in shown
        assert "\\ud8" not in shown
        json.loads(shown)
        assert len(seen.columns) <= MOST_COLUMNS
        assert all(len(row) == len(seen.columns) for row in seen.rows)
        return seen

    def read(self, body: bytes, mapping: Columns = MAPPING) -> tuple[Summary, list[dict[str, Any]]]:
        """(the summary, the events in the order of their times)."""
        self.look(body)
        path = self._written(body)
        words(path, mapping.event_type)
        with_events = self._folder / "events.parquet"
        unpacked = plain(path, self._folder, 64 << 20)
        summary = prepare(unpacked, mapping, with_events, lambda rows: None)
        return summary, pq.read_table(with_events).to_pylist()

    def refusal(self, body: bytes, mapping: Columns = MAPPING) -> RecordingError:
        """What is said of a file that isn't taken."""
        with pytest.raises(RecordingError) as refused:
            self.read(body, mapping)
        assert_a_sentence(refused.value)
        return refused.value

    def said(self, body: bytes, mapping: Columns = MAPPING) -> str:
        """The column that a refusal names, empty where the file is taken."""
        try:
            self.read(body, mapping)
        except RecordingError as refused:
            assert_a_sentence(refused)
            return refused.column or str(refused)
        return ""

    def _written(self, body: bytes) -> Path:
        path = self._folder / "file"
        path.write_bytes(body)
        return path


def assert_a_sentence(error: RecordingError) -> None:
    """A refusal can be shown, is bounded, and says what to do."""
    text = str(error)
    assert text.isprintable(), text
    assert 10 < len(text) < 2500, text
    assert error.remedy, text
    assert error.message.endswith("."), text


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


USERS = [f"u{n}" for n in range(4)]


def _users(events: list[dict[str, Any]]) -> list[str]:
    return [event["user"] for event in events]


# How lines end, how fields are separated, what stands before and after.


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
def test_every_shape_of_csv_gives_its_rows(end: str, separator: str, files: Files) -> None:
    odd = f'a{separator}b;c "d",|e'
    shapes = itertools.product(
        (csv.QUOTE_MINIMAL, csv.QUOTE_ALL), ("", "\ufeff", "\n\n", "sep={}\r\n"), ("", "{0}{0}", "cut", " {0}\t{0}")
    )
    for quoting, before, after in shapes:
        text = as_csv(rows_of(4, category=odd), ends=end, separator=separator, quoting=quoting)
        text = before.format(separator) + (text.removesuffix(end) if after == "cut" else text + after.format(end))
        summary, events = files.read(text.encode())
        assert _users(events) == USERS
        assert [event["category"] for event in events] == ["shoes", odd, "shoes", "shoes"]
        assert [event["row"] for event in events] == [1, 2, 3, 4]
        assert (summary.read, len(summary.notes)) == (4, 1 if after == "cut" else 0)


def test_lines_of_several_ends_and_blank_lines_between(files: Files) -> None:
    ends = iter(("\n", "\r", "\r\n\r\n", "\n , ,,,,,\n".replace(" ", ""), "\r"))
    text = "".join(line + next(ends) for line in as_csv(rows_of(4)).splitlines())
    summary, events = files.read(text.encode())
    # Numbers are those that a spreadsheet shows under the header.
    assert [(event["user"], event["row"]) for event in events] == [("u0", 1), ("u1", 2), ("u2", 4), ("u3", 6)]
    assert summary.read == 4


@pytest.mark.parametrize("text", ["a\u2028b", "a\u2029b", "a\x85b", "a\x0bb", "a\x0cb", "a\x1eb", "a\nb", "a\rb"])
def test_what_is_no_end_of_a_line_stays_in_its_field(text: str, files: Files) -> None:
    for body in (as_csv(rows_of(4, category=text), ends="\r\n"), as_ndjson(rows_of(4, category=text))):
        _, events = files.read(body.encode())
        assert [event["category"] for event in events] == ["shoes", text, "shoes", "shoes"]


def test_a_carriage_return_outside_of_quotes_ends_a_row(files: Files) -> None:
    refused = files.refusal(as_csv(rows_of(4, category="a?b")).replace("?", "\r").encode())
    assert (refused.row, "Row 2: 6 fields instead of 7" in str(refused)) == (2, True)


@pytest.mark.parametrize(
    "name",
    ["brand;a;b;c;d;e;f;g;h;i;j", "x|y|z|", "tab\tbed", 'a "quoted" name', "two\nlines", " blank ", "12", "", "price2",
     "x" * 70_000, "e\u0301", "=1+1", "\ufeff", "b\x00", "é", "name.with.dots", "-", "null", "sep=;"],
    ids=range(19),
)  # fmt: skip
def test_a_column_that_nobody_maps_may_have_any_name(name: str, files: Files) -> None:
    names = [*NAMES[:-1], name]
    rows = [dict(zip(names, row.values(), strict=True)) for row in rows_of(4)]
    for body in (as_csv(rows), as_ndjson(rows)):
        if "\0" in name and not body.startswith("{"):
            assert "NUL bytes" in str(files.refusal(body.encode()))
        else:
            assert _users(files.read(body.encode())[1]) == USERS
    table = parquet(pa.table({key: [row[key] for row in rows] for key in names}))
    assert _users(files.read(table)[1]) == USERS


def test_a_header_of_many_columns_keeps_the_known_ones(files: Files) -> None:
    names = [f"column {number:05}" for number in range(20_000)]
    assert len(",".join(names)) > 1 << 16
    names = names[:5000]
    body = ",".join([*names, *NAMES]) + "\n"
    for row in rows_of(4):
        body += ",".join(["1"] * len(names) + [row[name] for name in NAMES]) + "\n"
    seen = files.look(body.encode())
    assert len(seen.columns) == MOST_COLUMNS
    assert {field: seen.columns.count(column) for field, column in proposed(seen).items()} == dict.fromkeys(
        ("event_time", "event_type", "user_id", "product_id", "price", "category"), 1
    )
    assert _users(files.read(body.encode())[1]) == USERS
    # The usual names come first, wherever they stand.
    only = as_parquet({f"column {number:05}": [1, 2, 3] for number in range(5000)})
    assert set(NAMES[:-1]) <= set(files.look(only).columns)


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_a_name_that_is_there_several_times_counts_only_where_it_is_mapped(count: int, files: Files) -> None:
    for name, mapped in (("extra", False), ("price", True)):
        names = [*NAMES, *[name] * count]
        lines = [",".join(names), *(",".join([*row.values(), *["7"] * count]) for row in rows_of(4))]
        tables = {"csv": "\n".join(lines).encode() + b"\n"}
        columns = [pa.array([row[key] for row in rows_of(4)]) for key in NAMES]
        table = pa.Table.from_arrays([*columns, *[pa.array([7] * 4)] * count], names=names)
        tables["parquet"] = parquet(table)
        members = [json.dumps(row)[:-1] + f', "{name}": 7' * count + "}\n" for row in rows_of(4)]
        tables["ndjson"] = "".join(members).encode()
        escaped = [
            json.dumps(row)[:-1] + f', "\\u00{ord(name[0]):x}{name[1:]}": 7' * count + "}\n" for row in rows_of(4)
        ]
        tables["escaped"] = "".join(escaped).encode()
        for kind, body in tables.items():
            if mapped:
                refused = files.refusal(body)
                twice = "duplicate name." if kind in ("ndjson", "escaped") else "duplicate column."
                assert (refused.column, twice in str(refused)) == ("price", True)
            else:
                assert _users(files.read(body)[1]) == USERS


@pytest.mark.parametrize(
    "body", ["a,b\n1,2\n", "a\n1\n", "event_time\n", "1\n2\n3\n", '"x"\n"y"\n', "hello", "\ufeffa"]
)
def test_too_few_columns_are_named(body: str, files: Files) -> None:
    refused = files.refusal(body.encode())
    assert "the file has only " in str(refused)


def test_a_file_without_columns_says_so(files: Files) -> None:
    for body in (b",,,\n1,2,3,4\n", b"{}\n{}\n", parquet(pa.table({})), parquet(pa.table({"a": [[1]]})), b'""\n'):
        refused = str(files.refusal(body))
        assert "the file has no columns" in refused or "only" in refused
        assert "only no columns" not in refused


# Quotes.


@pytest.mark.parametrize(
    ("field", "value"),
    [('"ca""t"', 'ca"t'), ('ca"t', 'ca"t'), ('12" vinyl', '12" vinyl'), ('""""', '"'), ('"a\nb"', "a\nb"),
     ('"a\r\nb"', "a\r\nb"), ('"a\rb"', "a\rb"), ('a""b', 'a""b'), ("'a", "'a"), ('"a,b;c|d"', "a,b;c|d"),
     ('"  a"', "a"), ("\\", "\\"), ('"\\"', "\\"), ('x"', 'x"'), ("“a”", "“a”")],
    ids=range(15),
)  # fmt: skip
@pytest.mark.parametrize("place", [1, 2100])
def test_a_quote_that_can_be_read_in_one_way_is_read(field: str, value: str, place: int, files: Files) -> None:
    lines = as_csv(rows_of(4)).splitlines()
    filler = [lines[1]] * (place - 1)
    odd = lines[2].replace("shoes", field)
    _, events = files.read("\n".join([lines[0], *filler, odd, *lines[3:]]).encode() + b"\n")
    assert [event["category"] for event in events if event["user"] == "u1"] == [value]
    assert len(events) == place + 2


@pytest.mark.parametrize(
    ("field", "says"),
    [('"ca"t"', "unescaped quote"), ('"cat" ', "unescaped quote"), ('"a"b', "unescaped quote"),
     ('"a" "b"', "unescaped quote"),
     ('"shoes', "quote"), ('"sho""es', "quote"), ('"', "quote"), ('"""', "quote")],
    ids=range(8),
)  # fmt: skip
@pytest.mark.parametrize("place", [1, 2100])
def test_a_quote_that_can_be_read_in_several_ways_is_named(field: str, says: str, place: int, files: Files) -> None:
    lines = as_csv(rows_of(4)).splitlines()
    odd = lines[2].replace("shoes", field)
    text = "\n".join([lines[0], *[lines[1]] * (place - 1), odd, *lines[3:]]) + "\n"
    refused = files.refusal(text.encode())
    assert (refused.row, refused.column) == (place, "category"), str(refused)
    assert says in str(refused)
    # One row is wrong, and those after it aren't taken for a part of it.
    assert "more" not in refused.message


@pytest.mark.parametrize("header", ['event_time,"bra"nd",x,y', '"event_time,x,y', 'a,"b" ,c', 'event_time,x,"'])
def test_a_header_with_an_odd_quote_says_which_column(header: str, files: Files) -> None:
    refused = files.refusal(f"{header}\n1,2,3,4\n".encode())
    assert refused.message.startswith("Header: ")
    assert "of column " in refused.message


@pytest.mark.parametrize("time", ["", "2019-10-01", "01.10.2019 12:00", "10/1/19", "1569888000", "1569888000000.5"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("count", [1, 2, 50])
def test_a_csv_file_without_a_header_says_so(time: str, separator: str, count: int, files: Files) -> None:
    rows = rows_of(max(2, count), **({"event_time": time} if time else {}))
    if time:
        rows = [{**row, "event_time": time} for row in rows]
    body = as_csv(rows[:count], separator=separator).partition("\n")[2]
    for written in (body.encode(), b"\xef\xbb\xbf" + body.encode(), gzip.compress(body.encode())):
        refused = files.refusal(written)
        assert refused.message.startswith("The file has no header: its first line is data (")
        assert "Add a first line with the name of each column" in refused.remedy


@pytest.mark.parametrize(
    "header",
    [
        "0,1,2,3", "1,2,3,4", "a,b,c,d", "2019-10-01,view,1,event_time", "2019-10-02,2019-10-03,1,2", "time,9,8,7",
        "2019,10,11,12", ",,x,y,z",
    ],
)  # fmt: skip
def test_odd_names_of_columns_are_no_data(header: str, files: Files) -> None:
    assert files.look(f"{header}\nu1,view,2019-10-01T00:00:00Z,7\nu2,view,2019-10-01T00:00:00Z,8\n".encode()).columns


def test_a_field_without_an_end_is_named_and_ends_the_reading(files: Files) -> None:
    body = (
        as_csv(rows_of(4))
        + as_csv(rows_of(4, category="x")).splitlines()[1].replace("shoes", '"shoes')
        + "\n" * 1_100_000
    )
    refused = files.refusal(body.encode())
    assert (refused.row, refused.column) == (5, "category")
    assert "longer than 1,048,576 characters" in str(refused)


# All problems at once.


def test_every_kind_of_problem_is_said_with_its_rows(files: Files) -> None:
    rows = rows_of(60)
    for number in (3, 5, 7, 9, 11, 13):
        rows[number - 1]["price"] = "cheap"
    rows[19]["event_time"] = "yesterday"
    rows[29]["user_id"] = ""
    lines = as_csv(rows).splitlines()
    lines[40] += ",more"
    lines[45] = lines[45].replace("shoes", '"sho"es"')
    lines[50] = lines[50].replace("shoes", "caf?")
    refused = files.refusal("\n".join(lines).encode().replace(b"caf?", b"caf\xe9") + b"\n")
    said = refused.message
    for part in (
        "Row 3, column price: invalid number 'cheap'. Also in rows 5, 7, 9 and 2 more.",
        "Row 20, column event_time: invalid timestamp 'yesterday'.",
        "Row 30, column user_id: the value is empty.",
        "Row 40: 8 fields instead of 7:",
        "Row 45, column category: unescaped quote within a quoted field:",
        "Row 50, column category: byte 4 (0xe9) is not valid UTF-8.",
    ):
        assert part in said, said
    assert (refused.row, refused.column) == (3, "price")
    assert [said.index(f"Row {row}") for row in (3, 20, 30, 40, 45, 50)] == sorted(
        said.index(f"Row {row}") for row in (3, 20, 30, 40, 45, 50)
    )


@pytest.mark.parametrize("write", [as_csv, as_ndjson])
def test_what_is_said_of_a_thoroughly_wrong_file_is_bounded(write: Any, files: Files) -> None:
    rows = [
        {"event_time": "n" * 90, "event_type": "o" * 90, "user_id": "p" * 90, "product_id": "q" * 90,
         "price": "r" * 90, "category": "s" * 600, "extra": ""}
    ] * 3000  # fmt: skip
    refused = files.refusal(write(rows).encode())
    assert len(str(refused)) < 1500
    assert "Also in rows 2, 3, 4 and 2,996 more" in str(refused)


def test_findings_are_bounded_however_many_there_are() -> None:
    findings = Findings()
    for number in range(1, 200):
        findings.add(f"kind {number}", "x" * 90 + ".", "Mend it.", rows=[number], column=f"column {number}")
        assert not findings.enough
    findings.add("kind", "is wrong.", "Mend it.", rows=[200])
    assert findings.enough
    with pytest.raises(RecordingError, match=r"\d+ more kinds of problem not shown\. Mend it\.$") as refused:
        findings.end()
    assert len(str(refused.value)) < 1000


# Ragged rows, encodings.


@pytest.mark.parametrize("fields", [1, 2, 6, 8, 9, 500])
def test_a_row_with_other_than_its_fields_is_named(fields: int, files: Files) -> None:
    lines = as_csv(rows_of(4)).splitlines()
    lines[3] = ",".join(["y"] * fields)
    refused = files.refusal("\n".join(lines).encode())
    assert refused.row == 3
    assert f"3: {fields} fields instead of 7: 'y" in str(refused)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("write", [as_csv, as_ndjson])
def test_wide_encodings_are_named(encoding: str, write: Any, files: Files) -> None:
    refused = files.refusal(write(rows_of(4)).encode(encoding))
    assert "UTF-" in str(refused)
    assert "UTF-8" in refused.remedy


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp437", "mac-roman"])
def test_bytes_that_are_no_utf_8_count_only_where_they_are_mapped(encoding: str, files: Files) -> None:
    for name, mapped in (("extra", False), ("category", True)):
        body = as_csv(rows_of(4, **{name: "café"})).encode(encoding)
        line = as_ndjson([{**row} for row in rows_of(4)]).replace('"x"', '"caf?"', 1) if not mapped else ""
        if mapped:
            refused = files.refusal(body)
            assert (refused.row, refused.column, "byte 4 (0x" in str(refused)) == (2, "category", True)
        else:
            assert _users(files.read(body)[1]) == USERS
            assert _users(files.read(line.replace("?", "é").encode(encoding))[1]) == USERS


@pytest.mark.parametrize("write", [as_csv, as_ndjson])
def test_a_nul_counts_only_where_it_is_mapped(write: Any, files: Files) -> None:
    assert _users(files.read(write(rows_of(4, extra="a\0b")).encode())[1]) == USERS
    refused = files.refusal(write(rows_of(4, category="a\0b")).encode())
    assert (refused.row, refused.column) == (2, "category")
    assert "NUL character" in str(refused)


# JSON.

MEMBERS = (
    "[" * 500 + "]" * 500, "[" * 5000 + "]" * 5000, '{"a":' * 2000 + "1" + "}" * 2000, "NaN", "-Infinity",
    "1e400", "1" * 10_000, "-0", "1E+2", '"\\ud800"', '"\\udfff\\ud800"', '"\\u0000"', '""', '{"a": 1, "a": 2}',
    '{"": {}}', "[]", "{}", "null", "true", '"}{"', '"\\"}"', "12345678901234567890123", "0.1e-400",
)  # fmt: skip


@pytest.mark.parametrize("value", MEMBERS, ids=range(len(MEMBERS)))
def test_a_member_that_nobody_maps_may_be_any_json(value: str, files: Files) -> None:
    text = as_ndjson(rows_of(4)).replace('"x"', value)
    assert _users(files.read(text.encode())[1]) == USERS
    # The same beside the first look.
    many = as_ndjson(rows_of(60)).replace("u59", "u59").replace('"x"', "1").rsplit("1}", 1)
    assert len(files.read((many[0] + value + "}" + many[1]).encode())[1]) == 60


@pytest.mark.parametrize(
    ("line", "says"),
    [("1", "object."), ('"text"', "object."), ("[1]", "object."), ("null", "object."),
     ("{", "the object does not end on this line"), ('{"a": 1', "the object does not end on this line"),
     ('{"a": 1}{"b": 2}', """unexpected '{"b": 2}' after the object"""),
     ('{"a": 1},', "unexpected ',' after the object"),
     ('{"a": 1} x', "unexpected 'x' after the object"), ('{"a": 1,}', "unexpected '}' at character 9"),
     ("{'a': 1}", "at character 2"), ('{"a": 01}', "unexpected '01}"), ('{"a": +1}', "unexpected '+1}"),
     ('{"a": .5}', "unexpected '.5}"), ('{"a": True}', "unexpected 'True}"),
     ('{"a" 1}', "unexpected '1' at character 6"),
     ('{"a": [1, 2}', "unexpected '}' at character 12"), ("}", "unexpected '}' at character 1"),
     ('{"a": "\x01"}', "at character 7"), ('{"a": "\\x"}', "at character 7"),
     ('{1: 2}', "unexpected '1' at character 2"), ("// x", "unexpected '// x"),
     ('{"a": 1, , "b": 2}', "unexpected ',' at character 10"), ('{"a":: 1}', "unexpected ':' at character 6"),
     ('{"a": [1,]}', "unexpected ']' at character 10")],
    ids=range(25),
)  # fmt: skip
def test_a_line_that_is_no_object_is_named(line: str, says: str, files: Files) -> None:
    lines = as_ndjson(rows_of(4)).splitlines()
    lines[2] = line
    refused = files.refusal("\n".join(lines).encode() + b"\n")
    assert refused.row == 3
    assert "Row 3: invalid JSON object" in str(refused)
    assert says in str(refused), str(refused)


def test_blank_lines_of_ndjson_are_no_rows(files: Files) -> None:
    lines = as_ndjson(rows_of(4)).splitlines()
    text = "\ufeff\n\r\n" + lines[0] + "\n\n" + lines[1] + "\r\n \t\r\n" + lines[2] + "\r" + lines[3]
    summary, events = files.read(text.encode())
    assert [(event["user"], event["row"]) for event in events] == [("u0", 3), ("u1", 5), ("u2", 7), ("u3", 8)]
    assert (summary.read, summary.notes) == (4, [])


def test_json_over_several_lines_is_told_how_to_become_lines(files: Files) -> None:
    for body in (json.dumps(rows_of(4)[0], indent=2), json.dumps(rows_of(4)), json.dumps(rows_of(4), indent=2)):
        assert "jq -c" in files.refusal(body.encode()).remedy


def test_mapped_members_are_taken_as_they_are_written(files: Files) -> None:
    rows: list[dict[str, Any]] = [
        {**ROW, "user_id": 9007199254740993, "price": 35.790000000000006, "category": True},
        {**ROW, "user_id": 12345678901234567890123, "price": 1e-2, "category": 1.5},
        {**ROW, "user_id": "u3", "price": "1e2", "category": None},
    ]
    _, events = files.read(as_ndjson(rows).encode())
    assert [(event["user"], event["cents"], event["category"]) for event in events] == [
        ("9007199254740993", 3579, "true"), ("12345678901234567890123", 1, "1.5"), ("u3", 10_000, "uncategorised"),
    ]  # fmt: skip
    text = as_ndjson(rows_of(4)).replace('"shoes"', '"\\ud800"', 1)
    refused = files.refusal(text.encode())
    assert (refused.row, refused.column, "surrogate" in str(refused)) == (1, "category", True)


# Numbers and times.


@pytest.mark.parametrize(
    ("text", "cents"),
    [("9.99", 999), ("+9.99", 999), ("9.", 900), (".5", 50), ("1e2", 10_000), ("1E-2", 1), ("0.30000000000000004", 30),
     (" 9.99 ", 999), ("0" * 30 + "9", 900), ("1000000", 100_000_000), ("9.9949999999", 999)],
    ids=range(11),
)  # fmt: skip
def test_a_price_may_be_written_in_many_ways(text: str, cents: int, files: Files) -> None:
    _, events = files.read(as_csv(rows_of(4, price=text)).encode())
    assert events[1]["cents"] == cents


@pytest.mark.parametrize(
    "text",
    ["1e400", "1e999", "-1e400", "NaN", "nan", "inf", "Infinity", "-Infinity", "9,99", "1,234.56", "1.234,56", "1 234",
     "1'234", "9.99 EUR", "$9", "0x10", "1_000", "९", "--1", "1e", "e5", "1.2.3", "free", "-", "٣", "1e1000000",
     "1\u00a0000"],
)  # fmt: skip
def test_what_is_no_number_is_named(text: str, files: Files) -> None:
    refused = files.refusal(as_csv(rows_of(4, price=text)).encode())
    assert (refused.row, refused.column) == (2, "price")
    assert "invalid number" in str(refused)
    assert "1234.56" in refused.remedy


@pytest.mark.parametrize(
    "text", ["0", "-1", "0.001", "1e300", "1e15", "99999999999999999999999", "1000000.01", "-1e300"]
)
def test_a_price_out_of_range_says_the_range(text: str, files: Files) -> None:
    refused = files.refusal(as_csv(rows_of(4, price=text)).encode())
    assert (refused.row, refused.column) == (2, "price")
    assert "must be 0.01 to 1,000,000" in str(refused)


DAY = datetime(2019, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["2019-10-01T00:00:30Z", "2019-10-01 00:00:30", "2019-10-01 00:00:30 UTC", "2019-10-01T02:00:30+02:00",
     "2019-09-30T12:00:30-1200", "2019-10-01T00:00:30.000000001Z", "1569888030", "1569888030000", "1569888030000000",
     "1569888030000000000", "1569888030.0", " 2019-10-01T00:00:30Z ", "2019-10-01T14:00:30+14:00"],
)  # fmt: skip
def test_a_time_may_be_written_in_many_ways(text: str, files: Files) -> None:
    _, events = files.read(as_csv(rows_of(4, event_time=text)).encode())
    assert [event["at"] for event in events if event["user"] == "u1"] == [int((DAY.timestamp() + 30) * 1e6)]


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2019-02-30T00:00:00Z", "2019-10-01", "01.10.2019 00:00:00", "10/01/2019 00:00",
     "2019-10-01T24:00:01Z", "2019-10-01T00:00:60Z", "2019-13-01T00:00:00Z", "0000-01-01T00:00:00Z",
     "0001-01-01T00:00:00+14:00",
     "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "-1", "0", "1",
     "99999999999999999999", "2019-10-01T00:00:00+25:00", "2019-10-01T00:00:00 CET", "1e9", "2019-W40-2", "12:00:00",
     "", "NaN",
     "1569888030,5"],
)  # fmt: skip
def test_what_is_no_time_is_named(text: str, files: Files) -> None:
    refused = files.refusal(as_csv(rows_of(4, event_time=text)).encode())
    assert (refused.row, refused.column) == (2, "event_time")
    assert ("invalid timestamp" if text else "is empty") in str(refused)
    assert "2026-11-24T12:00:00Z" in refused.remedy


@pytest.mark.parametrize("year", [2, 900, 1900, 1969, 1970, 2038, 2262, 2263, 9998])
def test_years_far_away_are_times(year: int, files: Files) -> None:
    rows = [{**row, "event_time": row["event_time"].replace("2019", f"{year:04}")} for row in rows_of(4)]
    summary, _ = files.read(as_csv(rows).encode())
    first = datetime(year, 10, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    assert (summary.first_us, summary.last_us - summary.first_us) == (first // timedelta(microseconds=1), 3_000_000)


def test_a_span_of_centuries_says_its_bound(files: Files) -> None:
    refused = files.refusal(as_csv(rows_of(4, event_time="9998-12-31T23:59:59Z")).encode())
    assert "the maximum is 380" in str(refused)


# gzip.


@pytest.mark.parametrize("name", ["csv", "ndjson", "parquet"])
def test_gzip_may_have_several_members(name: str, files: Files) -> None:
    body = {"csv": as_csv(rows_of(3)).encode(), "ndjson": as_ndjson(rows_of(3)).encode(), "parquet": as_parquet({})}[
        name
    ]
    half = len(body) // 2
    packed = gzip.compress(body[:half]) + gzip.compress(b"") + gzip.compress(body[half:]) + b"\0" * 512
    assert _users(files.read(packed)[1]) == USERS[:3]


@pytest.mark.parametrize("cut", [2, 5, 9, 10, 11, 30, -9, -8, -4, -1])
def test_a_gzip_file_that_is_cut_says_so(cut: int, files: Files) -> None:
    refused = files.refusal(gzip.compress(as_csv(rows_of(40)).encode(), mtime=0)[:cut])
    assert "truncated" in str(refused)


@pytest.mark.parametrize("after", [b"x", b"\0x", b"\x1f\x8b", b"event_time,event_type\n"])
def test_what_comes_after_a_gzip_file_is_not_ignored(after: bytes, files: Files) -> None:
    refused = files.refusal(gzip.compress(as_csv(rows_of(4)).encode()) + after)
    assert "gzip file" in str(refused)


@pytest.mark.parametrize(
    ("head", "says"),
    [(b"PK\x03\x04", "Excel"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel"), (b"\x28\xb5\x2f\xfd", "zstd"),
     (b"BZh91AY&SY\0", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"Obj\x01", "Avro"), (b"ORC\0", "ORC"), (b"PARE", "encrypted"),
     (b"SQLite format 3\0", "database"), (b"%PDF-1.7", "PDF"), (b"\0\0\0", "binary or UTF-16"),
     (b"\x89PNG\r\n\x1a\n\0", "")],
)  # fmt: skip
def test_other_files_are_named(head: bytes, says: str, files: Files) -> None:
    assert says in str(files.refusal(head + bytes(range(200)) * 3))


@pytest.mark.parametrize("name", ["ORC", "ORC_ID", "PAR1", "BZh", "PKG", "Obj", "PAREN"])
def test_a_column_may_be_called_like_another_format(name: str, files: Files) -> None:
    rows = [{name if name != "PAREN" else "PAR": "1", **row} for row in rows_of(4)]
    assert _users(files.read(as_csv(rows).encode())[1]) == USERS


# Parquet: every type in a column that nobody maps, and every type that makes sense in one that is mapped.


class _Odd(pa.ExtensionType):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(pa.int32(), "tests.odd")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> "_Odd":
        return cls()


def _unmapped() -> Iterator[tuple[str, pa.Array]]:
    three = [1, 2, 3]
    for kind in (
        pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64(), pa.float32(),
        pa.float64(), pa.date32(), pa.date64(), pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"),
        pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us", "UTC"), pa.timestamp("ns", "Asia/Kathmandu"),
        pa.timestamp("us", "Nowhere/Land"), pa.duration("us"), pa.decimal128(38, 10), pa.decimal256(70, 3),
        pa.decimal32(5), pa.decimal64(10), pa.null(), pa.bool_(),
    ):  # fmt: skip
        values = pa.nulls(3, kind) if kind == pa.null() else pa.array(three).cast(pa.int64())
        try:
            yield str(kind), values if kind == pa.null() else values.cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            yield str(kind), pa.nulls(3, kind)
    yield "float16", pa.array([1.5, float("nan"), float("inf")]).cast(pa.float16())
    yield "far timestamps", pa.array([-(2**63), 2**63 - 1, 2**62], pa.timestamp("us"))
    yield "binary", pa.array([b"\xff\x00", b"", None])
    yield "large binary", pa.array([b"\xff", b"a", None], pa.large_binary())
    yield "fixed binary", pa.array([b"\xff\x00", b"ab", None], pa.binary(2))
    yield "views", pa.array([b"\xff\x00", b"ab", None], pa.binary_view())
    yield "string views", pa.array(["a", "b", None], pa.string_view())
    yield "large strings", pa.array(["a", "b\0", None], pa.large_string())
    yield "uuid", pa.array([uuid.UUID(int=n).bytes for n in three], pa.uuid())
    yield "json", pa.array(['{"a": 1}', "[]", None], pa.json_())
    yield "an extension", pa.ExtensionArray.from_storage(_Odd(), pa.array(three, pa.int32()))
    yield "dictionary", pa.array(["a", "b", "a"]).dictionary_encode()
    yield "dictionary of bytes", pa.array([b"\xff", b"b", None]).dictionary_encode()
    yield "list", pa.array([[1], [], None])
    yield "deep list", pa.array([[[[[1]]]], [], None])
    yield "struct", pa.array([{"a": 1, "price": "x"}] * 3)
    yield "empty struct list", pa.array([[{"a": None}], [], None])
    yield "map", pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int32()))
    yield "fixed list", pa.array([[1, 2], [3, 4], None], pa.list_(pa.int8(), 2))
    yield "bad text", pa.array([b"\xff", b"a", None]).view(pa.string())


UNMAPPED = dict(_unmapped())


@pytest.mark.parametrize("name", UNMAPPED)
def test_a_parquet_column_that_nobody_maps_may_hold_anything(name: str, files: Files) -> None:
    body = as_parquet({"extra": UNMAPPED[name]})
    seen = files.look(body)
    assert ("extra" in seen.columns) != pa.types.is_nested(UNMAPPED[name].type)
    assert _users(files.read(body)[1]) == USERS[:3]
    # Mapped it is text, or a sentence says why not.
    for field in ("category", "event_time", "price", "user_id"):
        mapping = MAPPING.model_copy(update={field: "extra"})
        assert files.said(body, mapping) in ("", "extra")


UUIDS = [uuid.UUID(int=n) for n in range(3)]
TIMES = [datetime(2019, 10, 1, 0, 0, n, tzinfo=UTC) for n in range(3)]


@pytest.mark.parametrize(
    ("field", "values", "gives"),
    [
        ("event_time", pa.array(TIMES, pa.timestamp("s", "UTC")), None),
        ("event_time", pa.array(TIMES, pa.timestamp("ns", "America/St_Johns")), None),
        ("event_time", pa.array(TIMES, pa.timestamp("us", "Nowhere/Land")), None),
        ("event_time", pa.array([t.replace(tzinfo=None) for t in TIMES], pa.timestamp("ms")), None),
        ("event_time", pa.array([int(t.timestamp()) for t in TIMES], pa.int64()), None),
        ("event_time", pa.array([t.timestamp() * 1000 for t in TIMES]).cast(pa.uint64()), None),
        ("user_id", pa.array([1, 2, 3], pa.uint64()), ["1", "2", "3"]),
        ("user_id", pa.array([2**53 + 1, 2, 3], pa.int64()), ["9007199254740993", "2", "3"]),
        ("user_id", pa.array([one.bytes for one in UUIDS], pa.uuid()), [str(one) for one in UUIDS]),
        ("user_id", pa.array([b"a", b"b", b"c"], pa.binary(1)), ["a", "b", "c"]),
        ("user_id", pa.array([b"a", b"b", b"c"], pa.binary_view()), ["a", "b", "c"]),
        ("user_id", pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        ("user_id", pa.array(["a", "b", "c"], pa.large_string()), ["a", "b", "c"]),
        ("price", pa.array([decimal.Decimal("9.99")] * 3, pa.decimal128(10, 2)), [999] * 3),
        ("price", pa.array([decimal.Decimal("9.99")] * 3, pa.decimal256(60, 20)), [999] * 3),
        ("price", pa.array([9.99] * 3, pa.float32()), [999] * 3),
        ("price", pa.array([1.5] * 3).cast(pa.float16()), [150] * 3),
        ("price", pa.array([9, 8, 7], pa.uint8()), [900, 800, 700]),
        ("category", pa.array([True, False, None]), ["true", "false", "uncategorised"]),
        ("category", pa.array([date(2019, 1, 1)] * 3), ["2019-01-01"] * 3),
        ("category", pa.array([time(1, 2, 3)] * 3), ["01:02:03.000000"] * 3),
        ("category", pa.array(['{"a":1}'] * 3, pa.json_()), ['{"a":1}'] * 3),
    ],
    ids=range(22),
)  # fmt: skip
def test_a_mapped_parquet_column_is_text(field: str, values: pa.Array, gives: list[Any] | None, files: Files) -> None:
    _, events = files.read(as_parquet({field: values}))
    shown = {"user_id": "user", "price": "cents", "event_time": "at"}.get(field, field)
    expected = [int(t.timestamp() * 1e6) for t in TIMES] if gives is None else gives
    assert [event[shown] for event in events] == expected


def test_times_of_the_old_parquet_kind_are_times(files: Files) -> None:
    times = pa.array([t.replace(tzinfo=None) for t in TIMES], pa.timestamp("ns"))
    body = as_parquet({"event_time": times}, use_deprecated_int96_timestamps=True)
    assert [event["at"] for event in files.read(body)[1]] == [int(t.timestamp() * 1e6) for t in TIMES]


def test_dots_in_names_are_no_paths(files: Files) -> None:
    nested = pa.array([{"price": "no", "b": 1}] * 3)
    body = as_parquet({"a": nested, "a.price": pa.array(["7.00"] * 3), "a.b.c": pa.array([1, 2, 3])})
    _, events = files.read(body, MAPPING.model_copy(update={"price": "a.price"}))
    assert [event["cents"] for event in events] == [700] * 3
    refused = files.refusal(body, MAPPING.model_copy(update={"price": "a"}))
    assert (refused.column, "nested values" in str(refused)) == ("a", True)


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
@pytest.mark.parametrize("version", ["1.0", "2.4", "2.6"])
def test_every_codec_and_version_is_read(codec: str, version: str, files: Files) -> None:
    for page in ("1.0", "2.0"):
        body = as_parquet({}, compression=codec, version=version, data_page_version=page, row_group_size=1)
        assert _users(files.read(body)[1]) == USERS[:3]


@pytest.mark.parametrize("codec", [2, 3, 4, 5, 7, 9, 60])
def test_another_codec_than_the_pages_have_ends_in_a_sentence(codec: int, files: Files) -> None:
    """LZO (3) is read by nobody here, and some numbers name none."""
    body = bytearray(as_parquet({}, compression="snappy"))
    # In the footer's thrift compact protocol: an i32 field (0x15) with the value 1 for snappy (zigzag 0x02).
    footer = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
    places = [at for at in range(footer, len(body) - 9) if body[at] == 0x15 and body[at + 1] == 0x02]
    for at in places:
        body[at + 1] = 2 * codec
    assert len(places) >= 6
    assert files.said(bytes(body)) != ""


def test_parquet_without_rows_says_so(files: Files) -> None:
    empty = pq.read_table(io.BytesIO(as_parquet({})))[:0]
    no_groups = io.BytesIO()
    pq.ParquetWriter(no_groups, empty.schema).close()
    for body in (parquet(empty), no_groups.getvalue()):
        assert "contains no events" in str(files.refusal(body))


@pytest.mark.parametrize("cut", [4, 8, 12, 100, 300, -1, -4, -8, -9, -100])
def test_parquet_that_is_cut_says_so(cut: int, files: Files) -> None:
    assert "truncated" in str(files.refusal(as_parquet({})[:cut])) or cut == 4


def test_rows_that_are_missing_behind_the_footers_number_are_not_lost(files: Files) -> None:
    """One changed byte hides a page, and Arrow reads fewer rows without an error: found by `make fuzz`."""
    whole = as_parquet({})
    hiding = []
    for at, value in itertools.product(range(len(whole)), (b"\x01", b"\x02")):
        changed = whole[:at] + value + whole[at + 1 :]
        try:
            with pq.ParquetFile(io.BytesIO(changed)) as file:
                read = sum(len(part) for part in file.iter_batches(columns=list(NAMES[:3]), use_threads=False))
                if read != file.metadata.num_rows:
                    hiding.append((changed, read, file.metadata.num_rows))
        except (pa.ArrowException, OSError, ValueError):
            continue
    assert {read for _, read, _ in hiding} == {0, 1, 3}
    for changed, *_ in hiding:
        assert files.said(changed) != ""


def test_a_damaged_column_is_named(files: Files) -> None:
    body = as_parquet({"extra": [1, 2, 3]}, compression="none", use_dictionary=False)
    at = body.index(b"shoes")
    damaged = body[: at - 4] + b"\xff\xff\xff\x7f" + body[at:]
    refused = files.refusal(damaged)
    assert refused.column == "category"
    whole = files.read(damaged, MAPPING.model_copy(update={"category": None}))[1]
    assert _users(whole) == USERS[:3]


def test_text_of_parquet_that_is_no_utf_8_is_named_by_row(files: Files) -> None:
    bad = pa.array([b"shoes", b"caf\xe9", b"\xff"])
    for column in (bad, bad.view(pa.string())):
        refused = files.refusal(as_parquet({"category": column}))
        assert (refused.row, refused.column) == (2, "category")
        assert "byte 4 (0xe9) is not valid UTF-8. Also in row 3." in str(refused)


# What the ready mappings make of the shared cases.


def test_ready_mappings_fit_whatever_stands_beside_their_columns(files: Files) -> None:
    wanted = [name for name in (READY["rees46"].model_dump(exclude_defaults=True)).values() if isinstance(name, str)]
    names = [*wanted[:-1], "brand;a;b", "x"]
    seen = files.look((",".join(f'"{name}"' for name in names) + "\n" + ",".join("1" * len(names)) + "\n").encode())
    assert ready_for(seen) == "rees46"
