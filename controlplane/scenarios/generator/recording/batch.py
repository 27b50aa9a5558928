"""Rows of a file as text columns, for all formats."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from controlplane.scenarios.generator.recording.findings import Findings

ROWS = 1 << 16


@dataclass(frozen=True)
class Batch:
    """Rows with their `numbers` (from 1, ascending): a text column per name, null for missing values."""

    numbers: npt.NDArray[np.int64]
    columns: dict[str, pa.StringArray]

    def __len__(self) -> int:
        return len(self.numbers)


def text_batch(numbers: Sequence[int], values: dict[str, list[str | None]], findings: Findings) -> Batch:
    """The batch of these values. Rows with a value that is not valid Unicode are excluded and reported.

    A byte that is not UTF-8 is a lone surrogate from U+DC80 to U+DCFF here (PEP 383).
    """
    try:
        columns = {name: pa.array(column, pa.string()) for name, column in values.items()}
        return Batch(np.array(numbers, np.int64), columns)
    except UnicodeEncodeError:
        wrong: set[int] = set()
        for name, column in values.items():
            for at, value in enumerate(column):
                if value is not None and not value.isascii() and (says := not_unicode(value)):
                    findings.add("unicode", says, "Save the file as UTF-8.", rows=[numbers[at]], column=name)
                    wrong.add(at)
        kept = [at for at in range(len(numbers)) if at not in wrong]
        rest = {name: [column[at] for at in kept] for name, column in values.items()}
        return text_batch([numbers[at] for at in kept], rest, findings)


def not_unicode(value: str) -> str:
    """The problem of a text that is not valid Unicode; empty for valid text."""
    try:
        value.encode()
    except UnicodeEncodeError as reason:
        error = reason
    else:
        return ""
    letter = value[error.start]
    if not "\udc80" <= letter <= "\udcff":
        return f"character {error.start + 1} (\\u{ord(letter):04x}) is a lone surrogate."
    byte = len(value[: error.start].encode("utf-8", "surrogateescape")) + 1
    return f"byte {byte} (0x{ord(letter) - 0xDC00:02x}) is not valid UTF-8."
