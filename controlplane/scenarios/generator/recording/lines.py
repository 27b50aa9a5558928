"""A text file line by line, whatever ends its lines."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from controlplane.scenarios.generator.recording.errors import RecordingError

LONGEST_LINE = 1 << 20
_UNSHOWABLE = re.compile(r"[\x00\ud800-\udfff]")


def opened_text(path: Path) -> TextIO:
    """The file as text, its lines with their ends: LF, CR or CRLF, also mixed. A byte order mark is left out.

    A byte that isn't UTF-8 becomes a lone surrogate (PEP 383), so that it counts only in a column that is read.
    """
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def text_lines(path: Path) -> Iterator[str]:
    """The lines as `opened_text` gives them.

    Raises:
        RecordingError: a line is too long.
    """
    with opened_text(path) as file:
        number = 1
        while line := file.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise RecordingError(
                    f"Line {number:,}: the line is longer than {LONGEST_LINE:,} characters.", "Take the line out."
                )
            yield line
            number += 1


def storable(text: str) -> str:
    """The text with U+FFFD for what neither JSON nor the database can keep: NUL and lone surrogates."""
    return _UNSHOWABLE.sub("\ufffd", text)
