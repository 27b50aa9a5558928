"""What the quality room needs from the warehouse: the result documents that validations leave there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class ArchiveError(Exception):
    """The archive can't give what was asked for."""


class ArchiveUnreachableError(ArchiveError):
    """The warehouse doesn't answer."""


class DocumentMissingError(ArchiveError):
    """There is no such document (any more)."""


class DocumentUnreadableError(ArchiveError):
    """The document is there and can't be read, for a reason of its own: the message says it in one line."""


@dataclass(frozen=True, slots=True)
class DocumentPath:
    """Where a document lies, relative to the warehouse, and which state of it this is.

    `path` is printable UTF-8 text: bytes of a file's name that aren't UTF-8, and backslashes, stand there as `\\xff`.
    `problem` says why something with the name of a document isn't a file that can be read; it is empty otherwise.
    """

    path: str
    modified_at: datetime
    size: int
    problem: str = ""


class ValidationArchive(Protocol):
    """The documents `<namespace>/<table>.validations/<validation id>.json` of a warehouse, packed with gzip or not."""

    def list(self, newer_than: datetime | None = None) -> Sequence[DocumentPath]:
        """The documents, oldest first; with `newer_than` only those changed after it.

        Something that can't be listed is an item with a `problem`, and hides nothing else.

        Raises:
            ArchiveUnreachableError: the warehouse doesn't answer.
        """

    def read(self, path: str, *, most: int) -> bytes:
        """The content of one document, as it lies there.

        Args:
            most: the most bytes to read.

        Raises:
            DocumentMissingError: it is gone.
            DocumentUnreadableError: it has more bytes, or this one document can't be read.
            ArchiveUnreachableError: the warehouse doesn't answer.
        """
