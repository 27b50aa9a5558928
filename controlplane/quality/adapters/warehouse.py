"""The archive over pyarrow's file systems: a folder (`file://…`) or a place in a bucket (`s3://…`)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import PurePosixPath

from pyarrow import fs

from controlplane.quality.ports import ArchiveUnreachableError, DocumentMissingError, DocumentPath
from spark_jobs.object_store import ObjectStore, file_system

SUFFIX = ".validations"


class WarehouseArchive:
    """Finds the documents by listing folders. A folder that has not changed since `newer_than` is not listed."""

    def __init__(self, warehouse: str, store: ObjectStore | None = None) -> None:
        self._warehouse = warehouse
        self._store = store

    @cached_property
    def _root(self) -> tuple[fs.FileSystem, str]:
        files, path = file_system(self._warehouse, self._store)
        return files, path.rstrip("/")

    def list(self, newer_than: datetime | None = None) -> Sequence[DocumentPath]:
        try:
            found = [
                DocumentPath(self._relative(entry.path), entry.mtime, entry.size)
                for folder in self._folders(newer_than)
                for entry in self._entries(folder)
                if entry.is_file and entry.extension == "json" and _newer(entry, newer_than)
            ]
        except FileNotFoundError:
            return []  # a table or the whole warehouse went between two listings
        except OSError as error:
            raise ArchiveUnreachableError(f"The warehouse doesn't answer: {error}") from error
        return sorted(found, key=lambda document: (document.modified_at, document.path))

    def read(self, path: str) -> bytes:
        files, root = self._root
        if ".." in PurePosixPath(path).parts:
            raise DocumentMissingError(path)
        try:
            with files.open_input_stream(f"{root}/{path}") as stream:
                content: bytes = stream.read()
        except FileNotFoundError as error:
            raise DocumentMissingError(path) from error
        except OSError as error:
            raise ArchiveUnreachableError(f"The warehouse doesn't answer: {error}") from error
        return content

    def _folders(self, newer_than: datetime | None) -> Iterator[str]:
        for namespace in self._entries(self._root[1]):
            if namespace.type != fs.FileType.Directory:
                continue
            for entry in self._entries(namespace.path):
                if entry.base_name.endswith(SUFFIX) and _newer(entry, newer_than):
                    yield entry.path

    def _entries(self, folder: str) -> Sequence[fs.FileInfo]:
        files, _ = self._root
        entries: Sequence[fs.FileInfo] = files.get_file_info(fs.FileSelector(folder, allow_not_found=True))
        return entries

    def _relative(self, path: str) -> str:
        return path.removeprefix(f"{self._root[1]}/")


def _newer(entry: fs.FileInfo, than: datetime | None) -> bool:
    """Folders of a bucket have no time of their own and so always count as changed."""
    return than is None or entry.mtime is None or entry.mtime.astimezone(UTC) > than
