"""CSV: the header, the separator, and rows that are no rows."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from controlplane.scenarios.generator.recording.errors import RecordingError, columns_missing

_BLOCK_BYTES = 4 << 20
_SEPARATORS = ",;\t|"


def decoded(value: bytes, row: int, column: str) -> str:
    """UTF-8 as text.

    Raises:
        RecordingError: it is none.
    """
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise RecordingError(
            f"byte {error.start + 1} (0x{value[error.start]:02x}) is no UTF-8.",
            "Save the file as UTF-8.", row=row, column=column,
        ) from None  # fmt: skip


def header_of(path: Path) -> tuple[list[str], str]:
    """The names of the columns, and the separator.

    Raises:
        RecordingError: there is no header that could be read.
    """
    with path.open("rb") as file:
        line = file.readline(1 << 16)
    try:
        text = line.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError as error:
        raise RecordingError(f"The header is no UTF-8 (byte {error.start + 1}).", "Save the file as UTF-8.") from None
    if "\0" in text:
        raise RecordingError("The header holds NUL bytes: this is no text.", "Send CSV, NDJSON or Parquet.")
    separator = max(_SEPARATORS, key=text.count)
    return next(csv.reader([text], delimiter=separator), []), separator


def csv_batches(path: Path, wanted: Sequence[str]) -> Iterator[tuple[int, dict[str, pa.StringArray]]]:
    """The wanted columns as text: (number of the first row, columns).

    Raises:
        RecordingError: a column is missing or there twice, a row has too few or too many fields, a byte is no UTF-8, or
            the last line has no end.
    """
    header, separator = header_of(path)
    missing = [name for name in wanted if name not in header]
    if missing:
        raise columns_missing(missing, header)
    twice = [name for name in wanted if header.count(name) > 1]
    if twice:
        raise RecordingError("is there twice.", "Rename one of the two.", column=twice[0])
    wrong: list[Any] = []

    def refuse(row: Any) -> str:
        wrong.append(row)
        return "error"

    first = 1
    try:
        reader = pacsv.open_csv(
            path,
            read_options=pacsv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
            parse_options=pacsv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=refuse
            ),
            convert_options=pacsv.ConvertOptions(
                include_columns=list(wanted), column_types={name: pa.binary() for name in wanted}, check_utf8=False,
                null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True,
            ),
        )  # fmt: skip
        for batch in reader:
            if len(batch):
                yield first, {name: _texts(batch.column(name), first, name) for name in wanted}
            first += len(batch)
    except MemoryError:
        raise
    except (pa.ArrowException, OSError) as error:
        if wrong:
            row = int(wrong[0].number) - 1 if wrong[0].number is not None else None
            raise RecordingError(
                f"has {wrong[0].actual_columns} fields instead of {wrong[0].expected_columns}: "
                f"{(wrong[0].text or '')[:80]!r}.",
                "Mend the row, or send the whole file if it was cut off.", row=row,
            ) from None  # fmt: skip
        said = str(error).splitlines()[0][:200]
        raise RecordingError(f"can't be read ({said}).", "Mend the row.", row=first) from None
    if first > 1:
        _has_end(path, first - 1, header[-1])


def _texts(column: pa.Array, first: int, name: str) -> pa.StringArray:
    try:
        text = column.cast(pa.string())
        text.validate(full=True)
        return text
    except pa.ArrowInvalid:
        rows = enumerate(column.to_pylist())
        texts = [None if value is None else decoded(value, first + n, name) for n, value in rows]
        return pa.array(texts, pa.string())


def _has_end(path: Path, row: int, column: str) -> None:
    """A line that isn't ended may have lost the end of its last field."""
    with path.open("rb") as file:
        file.seek(-1, 2)
        if file.read(1) not in b"\r\n":
            raise RecordingError(
                "the line has no end: the file may have been cut off within it.",
                "Send the whole file, or add a line break if it is whole.", row=row, column=column,
            )  # fmt: skip
