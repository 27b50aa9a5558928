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


@dataclass(frozen=True, slots=True)
class DocumentPath:
    """Where a document lies, relative to the warehouse, and which state of it this is."""

    path: str
    modified_at: datetime
    size: int


class ValidationArchive(Protocol):
    """The documents `<namespace>/<table>.validations/<validation id>.json` of a warehouse."""

    def list(self, newer_than: datetime | None = None) -> Sequence[DocumentPath]:
        """The documents, oldest first; with `newer_than` only those changed after it, which is cheaper.

        Raises:
            ArchiveUnreachableError: the warehouse doesn't answer.
        """

    def read(self, path: str) -> bytes:
        """The content of one document.

        Raises:
            DocumentMissingError: it is gone.
            ArchiveUnreachableError: the warehouse doesn't answer.
        """
