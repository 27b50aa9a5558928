"""Unpacking what somebody sent, without letting it fill the disk."""

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from controlplane.scenarios.generator.recording.errors import RecordingError

GZIP = b"\x1f\x8b"
# Events as text shrink to a fifth or a tenth; what shrinks to a hundredth is made to burst.
MOST_TIMES_LARGER = 100
# Small files may shrink more: one row repeated does.
_HARMLESS_BYTES = 16 << 20
_CHUNK = 1 << 20
_BEGINNING = 16 << 20


def unpack_beginning(packed: Path, out: BinaryIO) -> None:
    """Write how a gzip file begins: some megabytes, up to the end of a line. A smaller one is there whole.

    Raises:
        RecordingError: it is cut off or damaged so early.
    """
    with packed.open("rb") as raw, gzip.GzipFile(fileobj=raw) as stream:
        try:
            begins = stream.read(_BEGINNING)
        except EOFError:
            raise RecordingError("The gzip file is cut off: it ends without an end.", "Send the whole file.") from None
        except (zlib.error, OSError) as error:
            raise RecordingError(f"The gzip file is damaged ({error}).", "Pack it again.") from None
    end = max(begins.rfind(b"\n"), begins.rfind(b"\r")) + 1 if len(begins) == _BEGINNING else 0
    out.write(begins[: end or None])


def unpack(packed: Path, out: BinaryIO, most_bytes: int, on_chunk: Callable[[], None] = lambda: None) -> int:
    """Write what a gzip file holds; gives its bytes.

    Args:
        most_bytes: more is refused as soon as it is there.
        on_chunk: called after every megabyte; what it raises ends the unpacking.

    Raises:
        RecordingError: it is cut off, damaged, too large or a bomb.
    """
    written = 0
    with packed.open("rb") as raw, gzip.GzipFile(fileobj=raw) as stream:
        while True:
            try:
                chunk = stream.read(_CHUNK)
            except EOFError:
                raise RecordingError(
                    f"The gzip file is cut off: it ends after {written:,} unpacked bytes without an end.",
                    "Send the whole file.",
                ) from None
            except (gzip.BadGzipFile, zlib.error, OSError) as error:
                raise RecordingError(
                    f"The gzip file is damaged after {written:,} unpacked bytes ({error}).", "Pack it again."
                ) from None
            if not chunk:
                return written
            written += len(chunk)
            if written > most_bytes:
                raise RecordingError(
                    f"The gzip file holds more than {most_bytes:,} bytes.",
                    "Split it, or raise RECORDING_MAX_UNPACKED_MB.",
                )
            if written > _HARMLESS_BYTES and written > MOST_TIMES_LARGER * raw.tell():
                raise RecordingError(
                    f"The gzip file unpacks to over {MOST_TIMES_LARGER} times its size: "
                    f"{written:,} bytes from the first {raw.tell():,}.",
                    "No file of events does that. Send it unpacked if it is one.",
                )
            out.write(chunk)
            on_chunk()


def plain(file: Path, folder: Path, most_bytes: int, on_chunk: Callable[[], None] = lambda: None) -> Path:
    """The file unpacked into that folder; the file itself when it isn't packed.

    Args:
        most_bytes: a packed file that holds more is refused.
        on_chunk: called after every megabyte that is unpacked.

    Raises:
        RecordingError: it can't be unpacked.
    """
    with file.open("rb") as begins:
        if begins.read(2) != GZIP:
            return file
    with (folder / "unpacked").open("wb") as out:
        unpack(file, out, most_bytes, on_chunk)
    return folder / "unpacked"
