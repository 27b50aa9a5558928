"""Decompresses uploaded files without letting them fill the disk."""

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from controlplane.scenarios.generator.recording.errors import RecordingError

GZIP = b"\x1f\x8b"
# Events as text compress to a fifth or a tenth. A ratio of 100 indicates a decompression bomb.
MOST_TIMES_LARGER = 100
# Small files may compress better, for example one repeated row.
_HARMLESS_BYTES = 16 << 20
_CHUNK = 1 << 20
_BEGINNING = 16 << 20


def unpack_beginning(packed: Path, out: BinaryIO) -> None:
    """Write the first megabytes of a gzip file, up to the end of a line. A smaller file is written completely.

    Raises:
        RecordingError: its beginning is truncated or damaged.
    """
    with packed.open("rb") as raw, gzip.GzipFile(fileobj=raw) as stream:
        try:
            begins = stream.read(_BEGINNING)
        except EOFError:
            raise RecordingError("The gzip file is truncated.", "Upload the complete file.") from None
        except (zlib.error, OSError) as error:
            raise RecordingError(f"The gzip file is damaged ({error}).", "Compress it again.") from None
    end = max(begins.rfind(b"\n"), begins.rfind(b"\r")) + 1 if len(begins) == _BEGINNING else 0
    out.write(begins[: end or None])


def unpack(packed: Path, out: BinaryIO, most_bytes: int, on_chunk: Callable[[], None] = lambda: None) -> int:
    """Decompress a gzip file. Return the number of bytes.

    Args:
        most_bytes: a larger content is rejected as soon as it is reached.
        on_chunk: called after every megabyte. An exception ends the decompression.

    Raises:
        RecordingError: it is truncated, damaged, too large or a decompression bomb.
    """
    written = 0
    with packed.open("rb") as raw, gzip.GzipFile(fileobj=raw) as stream:
        while True:
            try:
                chunk = stream.read(_CHUNK)
            except EOFError:
                raise RecordingError(
                    f"The gzip file is truncated after {written:,} decompressed bytes.",
                    "Upload the complete file.",
                ) from None
            except (gzip.BadGzipFile, zlib.error, OSError) as error:
                raise RecordingError(
                    f"The gzip file is damaged after {written:,} decompressed bytes ({error}).", "Compress it again."
                ) from None
            if not chunk:
                return written
            written += len(chunk)
            if written > most_bytes:
                raise RecordingError(
                    f"The gzip file has more than {most_bytes:,} decompressed bytes.",
                    "Split it, or increase RECORDING_MAX_UNPACKED_MB.",
                )
            if written > _HARMLESS_BYTES and written > MOST_TIMES_LARGER * raw.tell():
                raise RecordingError(
                    f"The gzip file decompresses to more than {MOST_TIMES_LARGER} times its size: "
                    f"{written:,} bytes from the first {raw.tell():,}.",
                    "This looks like a decompression bomb. If the file is valid, upload it without compression.",
                )
            out.write(chunk)
            on_chunk()


def plain(file: Path, folder: Path, most_bytes: int, on_chunk: Callable[[], None] = lambda: None) -> Path:
    """The file decompressed into that folder; the file itself if it is not compressed.

    Args:
        most_bytes: a compressed file with more content is rejected.
        on_chunk: called after every decompressed megabyte.

    Raises:
        RecordingError: it can't be decompressed.
    """
    with file.open("rb") as begins:
        if begins.read(2) != GZIP:
            return file
    with (folder / "unpacked").open("wb") as out:
        unpack(file, out, most_bytes, on_chunk)
    return folder / "unpacked"
