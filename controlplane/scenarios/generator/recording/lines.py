"""Reads text files line by line, with any line ending."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from controlplane.scenarios.generator.recording.errors import RecordingError

LONGEST_LINE = 1 << 20
_UNSHOWABLE = re.compile(r"[\x00\ud800-\udfff]")


def opened_text(path: Path) -> TextIO:
    """The file as text, lines with their endings: LF, CR or CRLF, also mixed. A byte order mark is removed.

    A byte that is not UTF-8 becomes a lone surrogate (PEP 383), so that it matters only in a column that is read.
    """
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def text_lines(path: Path) -> Iterator[str]:
    """The lines of `opened_text`.

    Raises:
        RecordingError: a line is too long.
    """
    with opened_text(path) as file:
        number = 1
        while line := file.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise RecordingError(f"Line {number:,}: longer than {LONGEST_LINE:,} characters.", "Remove the line.")
            yield line
            number += 1


def storable(text: str) -> str:
    """The text with U+FFFD for characters that JSON or the database can't store: NUL and lone surrogates."""
    return _UNSHOWABLE.sub("\ufffd", text)
