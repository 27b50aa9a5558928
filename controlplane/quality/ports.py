"""The port of the quality room: the result documents of validations in the warehouse."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class ArchiveError(Exception):
    """The archive can't answer the request."""


class ArchiveUnreachableError(ArchiveError):
    """The warehouse does not respond."""


class DocumentMissingError(ArchiveError):
    """The document does not exist (any more)."""


class DocumentUnreadableError(ArchiveError):
    """The document exists but can't be read; the message says why in one line."""


@dataclass(frozen=True, slots=True)
class DocumentPath:
    """The path of a document relative to the warehouse, and the version of its content.

    `path` is printable UTF-8 text: bytes of a file name that are not UTF-8, and backslashes, are written as `\\xff`.
    `problem` says why an entry with the name of a document is not a readable file; otherwise it is empty.
    """

    path: str
    modified_at: datetime
    size: int
    problem: str = ""


class ValidationArchive(Protocol):
    """The documents `<namespace>/<table>.validations/<validation id>.json[.gz]` of a warehouse."""

    def list(self, newer_than: datetime | None = None) -> Sequence[DocumentPath]:
        """The documents, oldest first; with `newer_than`, only documents changed after it.

        An entry that can't be listed is returned with a `problem` and does not affect others.

        Raises:
            ArchiveUnreachableError: the warehouse does not respond.
        """

    def read(self, path: str, *, most: int) -> bytes:
        """The content of one document.

        Args:
            most: the limit in bytes.

        Raises:
            DocumentMissingError: the document does not exist.
            DocumentUnreadableError: the document exceeds the limit, or can't be read.
            ArchiveUnreachableError: the warehouse does not respond.
        """
