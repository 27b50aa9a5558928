"""Reading CSV, NDJSON and Parquet alike: batches of text columns, each with the numbers of its rows."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from controlplane.scenarios.generator.recording.batch import Batch
from controlplane.scenarios.generator.recording.csvfile import csv_batches
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.findings import Findings
from controlplane.scenarios.generator.recording.ndjsonfile import ndjson_batches
from controlplane.scenarios.generator.recording.parquetfile import parquet_batches
from controlplane.scenarios.generator.recording.unpacking import GZIP

_SEND = "Send CSV, NDJSON or Parquet, as it is or packed with gzip."
_OTHERS = {
    b"PK\x03\x04": ("a ZIP file or an Excel workbook", "Save the sheet as CSV in UTF-8."),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("an old Excel workbook", "Save the sheet as CSV in UTF-8."),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", _SEND), b"\xfd7zXZ\0": ("packed with xz", _SEND),
    GZIP: ("packed twice", _SEND), b"Obj\x01": ("an Avro file", _SEND), b"SQLite format 3\0": ("a database", _SEND),
    b"PARE": ("a Parquet file with an encrypted footer", "Write it without encryption."),
    b"\xff\xfe\0\0": ("UTF-32", "Save it as UTF-8."), b"\0\0\xfe\xff": ("UTF-32", "Save it as UTF-8."),
    b"\xff\xfe": ("UTF-16", "Save it as UTF-8."), b"\xfe\xff": ("UTF-16", "Save it as UTF-8."),
    b"%PDF-": ("a PDF", _SEND),
}  # fmt: skip
# Characters that text has no use for, beside NUL.
_CONTROLS = bytes(range(1, 9)) + bytes(range(14, 27)) + bytes(range(28, 32))


def kind_of(path: Path) -> str:
    """`parquet`, `ndjson` or `csv`, by what the (unpacked) file begins with.

    Raises:
        RecordingError: it is empty or something else.
    """
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(path.stat().st_size - 4, 0))
        tail = file.read(4)
    begins = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not begins:
        raise RecordingError("The file is empty.", "Send one with events.")
    for magic, (name, remedy) in _OTHERS.items():
        if head.startswith(magic):
            raise RecordingError(f"The file is {name}.", remedy)
    # A column's name may begin with these letters, so binary data has to follow.
    binary = b"\0" in head or any(byte in head for byte in _CONTROLS)
    if head.startswith(b"BZh") and head[4:10] == b"1AY&SY":
        raise RecordingError("The file is packed with bzip2.", _SEND)
    if head.startswith(b"ORC") and binary:
        raise RecordingError("The file is an ORC file.", _SEND)
    if head.startswith(b"PAR1") and (binary or tail == b"PAR1"):
        if tail != b"PAR1":
            raise RecordingError("The Parquet file is cut off: its end is missing.", "Send the whole file.")
        return "parquet"
    if b"\0" in begins[:2]:
        raise RecordingError(
            "The file holds NUL bytes: this is no text, or it is UTF-16.", "Send CSV in UTF-8, NDJSON or Parquet."
        )
    if begins.startswith(b"["):
        raise RecordingError("The file is one JSON list.", "Write one object a line (NDJSON): jq -c '.[]' does it.")
    return "ndjson" if begins.startswith(b"{") else "csv"


def batches(path: Path, wanted: Sequence[str], needed: Sequence[str], findings: Findings) -> Iterator[Batch]:
    """The wanted columns of a file, row by row. What is wrong with a row goes to the findings, and the row is left out.

    Args:
        needed: of the wanted, those without which there is no event.

    Raises:
        RecordingError: a needed column is missing, or the file can't be read any further.
    """
    kind = kind_of(path)
    if kind == "csv":
        yield from csv_batches(path, wanted, findings)
    else:
        yield from (ndjson_batches if kind == "ndjson" else parquet_batches)(path, wanted, needed, findings)
