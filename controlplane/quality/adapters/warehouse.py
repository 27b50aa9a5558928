"""The validation documents of a warehouse: a folder (`file://…`), read with system calls, or a bucket (`s3://…`), read
with pyarrow.

pyarrow is not used for folders, since it fails on the first file name that is not UTF-8.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import PurePosixPath

from pyarrow import fs

from controlplane.quality.ports import (
    ArchiveUnreachableError,
    DocumentMissingError,
    DocumentPath,
    DocumentUnreadableError,
)
from controlplane.web.moments import FIRST, LAST
from spark_jobs.object_store import SCHEME, ObjectStore, file_system

FOLDER = ".validations"
DOCUMENTS = (".json", ".json.gz")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")


class WarehouseArchive:
    """Finds the documents by listing folders, and reads them."""

    def __init__(self, warehouse: str, store: ObjectStore | None = None) -> None:
        self._warehouse = warehouse
        self._store = store

    @cached_property
    def _root(self) -> tuple[fs.FileSystem, str]:
        files, path = file_system(self._warehouse, self._store)
        return files, path.rstrip("/")

    @property
    def _in_a_bucket(self) -> bool:
        return self._warehouse.startswith(SCHEME)

    def list(self, newer_than: datetime | None = None) -> Sequence[DocumentPath]:
        try:
            found = list(self._objects(newer_than) if self._in_a_bucket else self._files(newer_than))
        except FileNotFoundError:
            return []  # the warehouse does not exist yet
        except OSError as error:
            raise ArchiveUnreachableError(f"The warehouse does not respond: {error}") from error
        return sorted(found, key=lambda document: (document.modified_at, document.path))

    def read(self, path: str, *, most: int) -> bytes:
        if ".." in PurePosixPath(path).parts:
            raise DocumentMissingError(path)
        try:
            content = self._object(path, most + 1) if self._in_a_bucket else self._file(path, most + 1)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DocumentMissingError(path) from error
        except OSError as error:
            if isinstance(error, PermissionError) or "ACCESS_DENIED" in str(error):
                raise DocumentUnreadableError("Permission denied.") from error
            raise ArchiveUnreachableError(f"The warehouse does not respond: {error}") from error
        if len(content) > most:
            raise DocumentUnreadableError(f"The document is larger than {most:,} bytes.")
        return content

    def _files(self, newer_than: datetime | None) -> Iterator[DocumentPath]:
        root = os.fsencode(self._root[1])
        with os.scandir(root) as namespaces:
            folders = [namespace.path for namespace in namespaces if namespace.is_dir(follow_symlinks=False)]
        for namespace in folders:
            for entry in _entries(namespace):
                if entry.name.endswith(os.fsencode(FOLDER)) and entry.is_dir(follow_symlinks=False):
                    yield from self._files_of(root, entry.path, newer_than)

    def _files_of(self, root: bytes, folder: bytes, newer_than: datetime | None) -> Iterator[DocumentPath]:
        try:
            entries = _entries(folder)
        except PermissionError:
            yield DocumentPath(_shown(root, folder), FIRST, 0, "Folder can't be listed: permission denied.")
            return
        for entry in entries:
            if not entry.name.endswith(tuple(os.fsencode(name) for name in DOCUMENTS)):
                continue
            try:
                about = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # deleted since the listing
            # Anyone can set a file's mtime, and a copy may preserve it. The ctime is set by the operating system only.
            changed = max(about.st_mtime_ns, about.st_ctime_ns)
            if newer_than is None or _moment(changed) > newer_than:
                shown = _shown(root, entry.path)
                yield DocumentPath(shown, _moment(about.st_mtime_ns), about.st_size, _kind_problem(about.st_mode))

    def _file(self, path: str, most: int) -> bytes:
        # Follow no symbolic link, which may lead out of the warehouse, and do not wait for the writer of a pipe.
        opened = os.open(
            os.path.join(os.fsencode(self._root[1]), _bytes(path)), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        )
        with os.fdopen(opened, "rb") as file:
            if problem := _kind_problem(os.fstat(opened).st_mode):
                raise DocumentUnreadableError(problem)
            return file.read(most)

    def _objects(self, newer_than: datetime | None) -> Iterator[DocumentPath]:
        root = self._root[1]
        for namespace in self._listed(root):
            if namespace.type != fs.FileType.Directory:
                continue
            for folder in self._listed(namespace.path):
                if not folder.base_name.endswith(FOLDER):
                    continue
                for entry in self._listed(folder.path):
                    changed = entry.mtime.astimezone(UTC) if entry.mtime else None
                    if (
                        entry.is_file
                        and entry.base_name.endswith(DOCUMENTS)
                        and (newer_than is None or changed is None or changed > newer_than)
                    ):
                        yield DocumentPath(entry.path.removeprefix(f"{root}/"), changed or FIRST, entry.size or 0)

    def _listed(self, folder: str) -> Sequence[fs.FileInfo]:
        files, _ = self._root
        entries: Sequence[fs.FileInfo] = files.get_file_info(fs.FileSelector(folder, allow_not_found=True))
        return entries

    def _object(self, path: str, most: int) -> bytes:
        files, root = self._root
        with files.open_input_file(f"{root}/{path}") as file:
            content: bytes = file.read(most)
        return content


def _entries(folder: bytes) -> list["os.DirEntry[bytes]"]:
    """The entries of a folder; none if it was deleted meanwhile."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _kind_problem(mode: int) -> str:
    """Why an entry is not a regular file; empty if it is one."""
    if stat.S_ISREG(mode):
        return ""
    kind = "a folder" if stat.S_ISDIR(mode) else "a symbolic link" if stat.S_ISLNK(mode) else "a special file"
    return f"Expected a regular file, got {kind}."


def _moment(nanoseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return LAST if nanoseconds > 0 else FIRST


def _shown(root: bytes, path: bytes) -> str:
    """The path relative to the warehouse as text. The conversion is reversible, so backslashes are escaped too."""
    relative = os.path.relpath(path, root).replace(b"\\", b"\\x5c")
    return relative.decode("utf-8", "backslashreplace")


def _bytes(shown: str) -> bytes:
    """The reverse of `_shown`."""
    parts = _ESCAPED.split(shown)
    return b"".join(bytes.fromhex(part) if number % 2 else part.encode() for number, part in enumerate(parts))
