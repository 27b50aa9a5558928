"""Reads CSV, NDJSON and Parquet as batches of text columns with row numbers."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from controlplane.scenarios.generator.recording.batch import Batch
from controlplane.scenarios.generator.recording.csvfile import csv_batches
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.findings import Findings
from controlplane.scenarios.generator.recording.ndjsonfile import ndjson_batches
from controlplane.scenarios.generator.recording.parquetfile import parquet_batches
from controlplane.scenarios.generator.recording.unpacking import GZIP

_SEND = "Upload CSV, NDJSON or Parquet, plain or gzip-compressed."
_OTHERS = {
    b"PK\x03\x04": ("a ZIP file or an Excel workbook", "Save the sheet as CSV in UTF-8."),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("an old Excel workbook", "Save the sheet as CSV in UTF-8."),
    b"\x28\xb5\x2f\xfd": ("zstd-compressed", _SEND), b"\xfd7zXZ\0": ("xz-compressed", _SEND),
    GZIP: ("compressed twice", _SEND), b"Obj\x01": ("an Avro file", _SEND), b"SQLite format 3\0": ("a database", _SEND),
    b"PARE": ("a Parquet file with an encrypted footer", "Write it without encryption."),
    b"\xff\xfe\0\0": ("UTF-32", "Save it as UTF-8."), b"\0\0\xfe\xff": ("UTF-32", "Save it as UTF-8."),
    b"\xff\xfe": ("UTF-16", "Save it as UTF-8."), b"\xfe\xff": ("UTF-16", "Save it as UTF-8."),
    b"%PDF-": ("a PDF", _SEND),
}  # fmt: skip
# Control characters that do not occur in text, besides NUL.
_CONTROLS = bytes(range(1, 9)) + bytes(range(14, 27)) + bytes(range(28, 32))


def kind_of(path: Path) -> str:
    """`parquet`, `ndjson` or `csv`, by the first bytes of the (decompressed) file.

    Raises:
        RecordingError: it is empty or has another format.
    """
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(path.stat().st_size - 4, 0))
        tail = file.read(4)
    begins = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not begins:
        raise RecordingError("The file is empty.", "Upload a file with events.")
    for magic, (name, remedy) in _OTHERS.items():
        if head.startswith(magic):
            raise RecordingError(f"The file is {name}.", remedy)
    # A column name may start with these letters, so binary data must follow.
    binary = b"\0" in head or any(byte in head for byte in _CONTROLS)
    if head.startswith(b"BZh") and head[4:10] == b"1AY&SY":
        raise RecordingError("The file is bzip2-compressed.", _SEND)
    if head.startswith(b"ORC") and binary:
        raise RecordingError("The file is an ORC file.", _SEND)
    if head.startswith(b"PAR1") and (binary or tail == b"PAR1"):
        if tail != b"PAR1":
            raise RecordingError("The Parquet file is truncated: its footer is missing.", "Upload the complete file.")
        return "parquet"
    if b"\0" in begins[:2]:
        raise RecordingError(
            "The file contains NUL bytes: it is binary or UTF-16.", "Upload CSV in UTF-8, NDJSON or Parquet."
        )
    if begins.startswith(b"["):
        raise RecordingError(
            "The file is a single JSON array.", "Write one object per line (NDJSON), for example with jq -c '.[]'."
        )
    return "ndjson" if begins.startswith(b"{") else "csv"


def batches(path: Path, wanted: Sequence[str], needed: Sequence[str], findings: Findings) -> Iterator[Batch]:
    """The wanted columns of a file in batches. Problems of rows are added to the findings, and the rows are excluded.

    Args:
        needed: the required columns among the wanted ones.

    Raises:
        RecordingError: a required column is missing, or the file can't be read further.
    """
    kind = kind_of(path)
    if kind == "csv":
        yield from csv_batches(path, wanted, findings)
    else:
        yield from (ndjson_batches if kind == "ndjson" else parquet_batches)(path, wanted, needed, findings)
