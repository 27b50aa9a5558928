"""An archive in memory, for unit tests and for an installation without a warehouse."""

from collections.abc import Sequence
from datetime import datetime

from controlplane.quality.ports import (
    ArchiveUnreachableError,
    DocumentMissingError,
    DocumentPath,
    DocumentUnreadableError,
)


class NullArchive:
    """Holds the given documents; `unreachable` simulates a warehouse that is down."""

    def __init__(self) -> None:
        self.documents: dict[str, tuple[bytes, datetime]] = {}
        self.denied: set[str] = set()
        self.unreachable = ""
        self.reads = 0

    def put(self, path: str, content: bytes, modified_at: datetime) -> None:
        self.documents[path] = (content, modified_at)

    def list(self, newer_than: datetime | None = None) -> Sequence[DocumentPath]:
        self._answer()
        found = [DocumentPath(path, at, len(content)) for path, (content, at) in self.documents.items()]
        return sorted(
            (document for document in found if newer_than is None or document.modified_at > newer_than),
            key=lambda document: (document.modified_at, document.path),
        )

    def read(self, path: str, *, most: int) -> bytes:
        self._answer()
        self.reads += 1
        if path not in self.documents:
            raise DocumentMissingError(path)
        if path in self.denied:
            raise DocumentUnreadableError("Permission denied.")
        content = self.documents[path][0]
        if len(content) > most:
            raise DocumentUnreadableError(f"The document is larger than {most:,} bytes.")
        return content

    def _answer(self) -> None:
        if self.unreachable:
            raise ArchiveUnreachableError(self.unreachable)
