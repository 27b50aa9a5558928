"""Unpacking what somebody sent, without letting it fill the disk."""

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO

from controlplane.scenarios.generator.recording.errors import RecordingError

GZIP = b"\x1f\x8b"
# Events as text shrink to a fifth or a tenth; what shrinks to a hundredth is made to burst.
MOST_TIMES_LARGER = 100
# Small files may shrink more: one row repeated does.
_HARMLESS_BYTES = 16 << 20
_CHUNK = 1 << 20


def unpack(packed: Path, out: BinaryIO, most_bytes: int) -> int:
    """Write what a gzip file holds; gives its bytes.

    Args:
        most_bytes: more is refused as soon as it is there.

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
