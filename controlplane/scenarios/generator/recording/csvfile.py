"""CSV (RFC 4180): the separator, the header, and records that are none.

Records may also end with CR, and fields be separated by semicolons, tabs or bars. A quoted field in which a quote isn't
doubled can be read in several ways, so its record is refused. A quote within an unquoted field stands for itself.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from controlplane.scenarios.generator.recording.batch import ROWS, Batch, text_batch
from controlplane.scenarios.generator.recording.errors import RecordingError, columns_missing
from controlplane.scenarios.generator.recording.findings import Findings
from controlplane.scenarios.generator.recording.lines import LONGEST_LINE, opened_text, storable, text_lines

_SEPARATORS = ",;\t|"
# Records after the header that have to agree with it, so that a separator is the one.
_LOOKED_AT = 5
# A first line by which Excel names the separator.
_SEPARATOR_LINE = re.compile(r'"?sep=(?P<separator>[,;\t|])"?[\r\n]*')
_QUOTED = re.compile(r'(^|[,;\t|])"[^"]*(?:""[^"]*)*"(?=[,;\t|\r\n]|$)')
_NO_END = (
    "The last line has no line break. If the file was cut off, the end of its last field is missing; send the whole "
    "file then."
)


@dataclass(frozen=True)
class Header:
    """The names of the columns, without blanks around them, and the separator. `lines` come before the header."""

    names: list[str]
    separator: str
    lines: int


def header_of(path: Path) -> Header:
    """The header of a file.

    Raises:
        RecordingError: there is none that could be read.
    """
    lines = text_lines(path)
    before, begins, separator = 0, "", ""
    for line in lines:
        named = None if separator else _SEPARATOR_LINE.fullmatch(line)
        if named:
            separator = named["separator"]
        elif line.strip():
            begins = line
            break
        before += 1
    if not begins:
        raise RecordingError("The file is empty.", "Send one with events.")
    if "\0" in begins:
        raise RecordingError(
            "The header holds NUL bytes: this is no text, or it is UTF-16.", "Send CSV in UTF-8, NDJSON or Parquet."
        )
    # More than the header only where its quoted names have line breaks; records may have them too.
    sample = [begins, *islice(lines, 100)]
    if not separator:
        plain = _QUOTED.sub(r"\1", begins)
        separator = max(_SEPARATORS, key=lambda one: _fit(sample, one, plain.count(one)))
    return Header(_header(sample, separator), separator, before)


def _fit(sample: Sequence[str], separator: str, found: int) -> tuple[bool, int]:
    """How well a separator fits: whether the first records have as many fields as the header, and how often it occurs
    in the header outside of quotes."""
    if not found:
        return False, 0
    records = [fields for fields, _ in islice(_records(iter(sample), separator), _LOOKED_AT + 1) if fields]
    widths = {len(fields) for fields in records if isinstance(fields, list) and any(fields)}
    return len(widths) == 1 and isinstance(records[0], list), found


def _header(lines: Sequence[str], separator: str) -> list[str]:
    fields, text = next(_records(iter(lines), separator))
    if isinstance(fields, csv.Error):
        number, says, remedy = _explained(fields, "".join(text), separator)
        raise RecordingError(f"Header: {says.format(where=f' of column {number + 1}')}", remedy)
    return [storable(name).strip() for name in fields]


def csv_begins(path: Path, count: int) -> tuple[list[str], list[list[str | None]]]:
    """(the names of the columns, the first rows that can be read).

    Raises:
        RecordingError: there is no header that could be read.
    """
    header = header_of(path)
    rows = islice((fields for _, fields, _ in _rows(path, header) if isinstance(fields, list)), 10 * count)
    width = len(header.names)
    return header.names, list(islice((list(fields) for fields in rows if len(fields) == width), count))


def csv_batches(path: Path, wanted: Sequence[str], findings: Findings) -> Iterator[Batch]:
    """The wanted columns as text.

    Raises:
        RecordingError: a column is missing or there twice, or a line is too long.
    """
    header = header_of(path)
    names, separator = header.names, header.separator
    missing = [name for name in wanted if name.strip() not in names]
    if missing:
        raise columns_missing(missing, names)
    twice = [name for name in wanted if names.count(name.strip()) > 1]
    if twice:
        raise RecordingError("is there twice.", "Rename one of the two.", column=twice[0])
    places, width = {name: names.index(name.strip()) for name in wanted}, len(names)
    numbers: list[int] = []
    rows: list[list[str]] = []
    any_rows = False
    for number, fields, text in _rows(path, header):
        if fields.__class__ is list and len(fields) == width:
            numbers.append(number)
            rows.append(fields)
            if len(rows) == ROWS:
                yield _batch(numbers, rows, places, findings)
                numbers, rows, any_rows = [], [], True
            continue
        if isinstance(fields, csv.Error):
            _report(fields, number, "".join(text), header, findings)
        else:
            shown = "".join(text).rstrip("\r\n")[:80]
            findings.add(
                "fields", f"has {len(fields)} fields instead of {width}: {shown!r}.",
                f"Separate its fields by {_named(separator)} and put a field that holds one in quotes, or send the "
                "whole file if it was cut off.", rows=[number],
            )  # fmt: skip
        if findings.enough:
            break
    yield _batch(numbers, rows, places, findings)
    if (rows or any_rows) and not _has_end(path):
        findings.notes.append(_NO_END)


def _batch(numbers: list[int], rows: list[list[str]], places: dict[str, int], findings: Findings) -> Batch:
    values: dict[str, list[str | None]] = {name: [row[at] for row in rows] for name, at in places.items()}
    return text_batch(numbers, values, findings)


def _rows(path: Path, header: Header) -> Iterator[tuple[int, list[str] | csv.Error, list[str]]]:
    """(number, fields or what is wrong, the lines) of every record after the header. Blank ones are left out, and
    counted in the numbers: a spreadsheet and an editor show them. A good record comes without its lines."""
    first_odd = 1
    for number, good in enumerate(_good_records(path, header), 1):
        if good is None:
            first_odd = number
            break
        if _is_row(good):
            yield number, good, []
    else:
        return
    # From the first record that is none on, lines are kept, so that they can be quoted and read again.
    records = _records(islice(text_lines(path), header.lines, None), header.separator)
    for number, (fields, text) in enumerate(islice(records, first_odd, None), first_odd):
        if isinstance(fields, csv.Error) or _is_row(fields):
            yield number, fields, text
        if isinstance(fields, csv.Error) and "field limit" in str(fields):
            # What follows may still belong to the field.
            return


def _is_row(fields: list[str]) -> bool:
    return any(fields) and (len(fields) > 1 or not fields[0].isspace())


def _good_records(path: Path, header: Header) -> Iterator[list[str] | None]:
    """The records after the header as they come from the file; None, and nothing more, at the first odd one."""
    csv.field_size_limit(LONGEST_LINE)
    width = len(header.names)
    with opened_text(path) as file:
        reader = csv.reader(islice(file, header.lines, None), delimiter=header.separator, strict=True)
        try:
            next(reader, None)
            for fields in reader:
                if len(fields) != width and _is_row(fields):
                    break
                yield fields
            else:
                return
        except csv.Error:
            pass
        yield None


def _records(lines: Iterator[str], separator: str) -> Iterator[tuple[list[str] | csv.Error, list[str]]]:
    """(fields, or what is wrong with them; the lines they stand in). The lines change with the next record."""
    csv.field_size_limit(LONGEST_LINE)
    taken: list[str] = []

    def taking(lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    while True:
        try:
            for fields in csv.reader(taking(lines), delimiter=separator, strict=True):
                yield fields, taken
                taken.clear()
            return
        except csv.Error as error:
            yield error, taken
            # A quote that isn't closed reaches over the lines after it. Those are read again by themselves.
            lines = chain(taken[1:], lines)
            taken.clear()


def _report(error: csv.Error, number: int, text: str, header: Header, findings: Findings) -> None:
    at, says, remedy = _explained(error, text, header.separator)
    name = header.names[at] if at < len(header.names) else ""
    message = says.format(where="" if name else f" of field {at + 1}")
    findings.add("quotes", message, remedy, rows=[number], column=name)


def _explained(error: csv.Error, text: str, separator: str) -> tuple[int, str, str]:
    """(which field, what is wrong with it, what to do)."""
    field = re.compile(rf'"[^"]*(?:""[^"]*)*"(?=[{separator}\r\n]|$)|[^"{separator}\r\n][^{separator}\r\n]*|(?=[^"]|$)')
    begins = number = 0
    while found := field.match(text, begins):
        if found.end() >= len(text) or text[found.end()] != separator:
            break
        begins, number = found.end() + 1, number + 1
    shown = text[begins : begins + 60].replace("{", "{{").replace("}", "}}").rstrip("\r\n")
    if "expected after" in str(error):
        return (
            number,
            f"a quote{{where}} isn't doubled within a quoted field: {shown!r}.",
            'Write "" for a quote there.',
        )
    if "field limit" in str(error):
        return (
            number, f"a field{{where}} is longer than {LONGEST_LINE:,} characters: {shown!r}.",
            "Close its quote, or shorten it.",
        )  # fmt: skip
    return number, f"the quote{{where}} isn't closed: {shown!r}.", "Close the quote."


def _named(separator: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}[separator]


def _has_end(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) in b"\r\n"
