"""CSV (RFC 4180): separator, header and invalid records.

Records may also end with CR, and fields may be separated by semicolons, tabs or bars. A quoted field with an unescaped
quote is ambiguous, so its record is rejected. A quote within an unquoted field is literal.
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
# Records after the header that must have as many fields, to detect the separator.
_LOOKED_AT = 5
# A first line in which Excel declares the separator.
_SEPARATOR_LINE = re.compile(r'"?sep=(?P<separator>[,;\t|])"?[\r\n]*')
_QUOTED = re.compile(r'(^|[,;\t|])"[^"]*(?:""[^"]*)*"(?=[,;\t|\r\n]|$)')
_NO_END = (
    "The last line has no line break. If the file is truncated, the end of its last field is missing. In this case, "
    "upload the complete file."
)


@dataclass(frozen=True)
class Header:
    """The trimmed column names and the separator. `lines` is the number of lines before the header."""

    names: list[str]
    separator: str
    lines: int


def header_of(path: Path) -> Header:
    """The header of a file.

    Raises:
        RecordingError: there is no readable header.
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
        raise RecordingError("The file is empty.", "Upload a file with events.")
    if "\0" in begins:
        raise RecordingError(
            "The header contains NUL bytes: the file is binary or UTF-16.", "Upload CSV in UTF-8, NDJSON or Parquet."
        )
    # Quoted names of the header may contain line breaks, and so may records.
    sample = [begins, *islice(lines, 100)]
    if not separator:
        plain = _QUOTED.sub(r"\1", begins)
        separator = max(_SEPARATORS, key=lambda one: _fit(sample, one, plain.count(one)))
    return Header(_header(sample, separator), separator, before)


def _fit(sample: Sequence[str], separator: str, found: int) -> tuple[bool, int]:
    """The score of a separator: whether the first records have as many fields as the header, and how often it occurs in
    the header outside of quotes."""
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
    """(column names, the first readable rows).

    Raises:
        RecordingError: there is no readable header.
    """
    header = header_of(path)
    rows = islice((fields for _, fields, _ in _rows(path, header) if isinstance(fields, list)), 10 * count)
    width = len(header.names)
    return header.names, list(islice((list(fields) for fields in rows if len(fields) == width), count))


def csv_batches(path: Path, wanted: Sequence[str], findings: Findings) -> Iterator[Batch]:
    """The wanted columns as text.

    Raises:
        RecordingError: a column is missing or duplicated, or a line is too long.
    """
    header = header_of(path)
    names, separator = header.names, header.separator
    missing = [name for name in wanted if name.strip() not in names]
    if missing:
        raise columns_missing(missing, names)
    twice = [name for name in wanted if names.count(name.strip()) > 1]
    if twice:
        raise RecordingError("duplicate column.", "Rename one of the two.", column=twice[0])
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
                "fields", f"{len(fields)} fields instead of {width}: {shown!r}.",
                f"Separate the fields by {_named(separator)} and quote fields that contain one. If the file is "
                "truncated, upload the complete file.", rows=[number],
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
    """(number, fields or error, lines) of every record after the header. Blank records are skipped but counted in the
    numbers, because spreadsheets and editors show them. A valid record comes without its lines."""
    first_odd = 1
    for number, good in enumerate(_good_records(path, header), 1):
        if good is None:
            first_odd = number
            break
        if _is_row(good):
            yield number, good, []
    else:
        return
    # From the first invalid record on, lines are kept, so that they can be quoted and read again.
    records = _records(islice(text_lines(path), header.lines, None), header.separator)
    for number, (fields, text) in enumerate(islice(records, first_odd, None), first_odd):
        if isinstance(fields, csv.Error) or _is_row(fields):
            yield number, fields, text
        if isinstance(fields, csv.Error) and "field limit" in str(fields):
            # The following lines may still belong to the field.
            return


def _is_row(fields: list[str]) -> bool:
    return any(fields) and (len(fields) > 1 or not fields[0].isspace())


def _good_records(path: Path, header: Header) -> Iterator[list[str] | None]:
    """The valid records after the header; at the first invalid one, None and the end."""
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
    """(fields or error, lines). The list of lines is reused for the next record."""
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
            # An unclosed quote extends over the lines after it. They are read again separately.
            lines = chain(taken[1:], lines)
            taken.clear()


def _report(error: csv.Error, number: int, text: str, header: Header, findings: Findings) -> None:
    at, says, remedy = _explained(error, text, header.separator)
    name = header.names[at] if at < len(header.names) else ""
    message = says.format(where="" if name else f" of field {at + 1}")
    findings.add("quotes", message, remedy, rows=[number], column=name)


def _explained(error: csv.Error, text: str, separator: str) -> tuple[int, str, str]:
    """(index of the field, problem, remedy)."""
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
            f"unescaped quote{{where}} within a quoted field: {shown!r}.",
            'Escape the quote as "".',
        )
    if "field limit" in str(error):
        return (
            number, f"value{{where}} longer than {LONGEST_LINE:,} characters: {shown!r}.",
            "Close its quote, or shorten the value.",
        )  # fmt: skip
    return number, f"unclosed quote{{where}}: {shown!r}.", "Close the quote."


def _named(separator: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}[separator]


def _has_end(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) in b"\r\n"
