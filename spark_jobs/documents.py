"""Validation documents: one JSON file per validation, in the warehouse beside the validated table.

They lie outside the table's own folder, so that the removal of orphaned files spares them. A warehouse is a folder
(`file:///…`) or a place in a bucket (`s3://…`).

A folder is read with system calls: pyarrow fails on the first file name that is not UTF-8, follows symbolic links out
of the warehouse, and waits for the writer of a pipe.
"""

import errno
import gzip
import io
import json
import os
import stat
import zlib
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

from pyarrow import fs

from spark_jobs.object_store import file_system

# A validation of a few hundred expectations with their samples takes a few hundred KiB.
MAX_BYTES = 16 << 20
SUFFIXES = (".json", ".json.gz")
_GZIP = b"\x1f\x8b"


class DocumentUnreadableError(Exception):
    """The file is not a document, or can't be read. The text is one sentence that says why."""


def folder(warehouse: str, table: str) -> str:
    """Where the documents of a table lie: `<warehouse>/silver/events.validations` for `lake.silver.events`."""
    _, namespace, name = table.split(".")
    return f"{warehouse.rstrip('/')}/{namespace}/{name}.validations"


def write(warehouse: str, document: dict[str, Any]) -> str:
    """Write a validation's document and give its address. A reader sees the whole document or none."""
    address = f"{folder(warehouse, document['table'])}/{document['validation_id']}.json"
    system, path = file_system(address)
    # A rename makes the file appear at once; object stores do that by themselves, and have neither renames nor folders.
    in_place = path
    if isinstance(system, fs.LocalFileSystem):
        system.create_dir(path.rsplit("/", 1)[0], recursive=True)
        in_place = f"{path}.part"
    with system.open_output_stream(in_place) as stream:
        stream.write(json.dumps(document, indent=1).encode())
    if in_place != path:
        system.move(in_place, path)
    return address


def read(address: str) -> dict[str, Any]:
    """One document by its address, also if it is compressed with gzip.

    Raises:
        DocumentUnreadableError: the file is missing, too large, not a regular file, or not a JSON object.
        OSError: the warehouse does not respond.
    """
    try:
        content = _file(address) if _is_local(address) else _object(address)
    except FileNotFoundError:
        raise DocumentUnreadableError("The file does not exist any more.") from None
    if content.startswith(_GZIP):
        content = _unpacked(content)
    if len(content) > MAX_BYTES:
        raise DocumentUnreadableError(f"The document is larger than {MAX_BYTES:,} bytes.")
    try:
        document = json.loads(content)
    except RecursionError:
        raise DocumentUnreadableError("Invalid JSON: nested too deeply.") from None
    except ValueError as error:  # also for bytes that are not UTF-8 and for integers of thousands of digits
        raise DocumentUnreadableError(f"Invalid JSON: {error}"[:200]) from None
    if not isinstance(document, dict):
        raise DocumentUnreadableError("The document is not a JSON object.")
    return document


def addresses(warehouse: str, table: str) -> list[str]:
    """The addresses of a table's documents, the newest first; empty if the table was never validated.

    Raises:
        OSError: the warehouse does not respond.
    """
    base = folder(warehouse, table)
    found = _listed_files(base) if _is_local(base) else _listed_objects(base)
    return [f"{base}/{name}" for _, name in sorted(found, reverse=True) if name.endswith(SUFFIXES)]


def _is_local(address: str) -> bool:
    return address.startswith("file:")


def _listed_files(base: str) -> list[tuple[int, str]]:
    """Times and names. In the address of a file, the name is percent-encoded, whatever its bytes are."""
    try:
        with os.scandir(_path(base)) as entries:
            return [(_changed(entry), quote(entry.name, safe="")) for entry in entries]
    except FileNotFoundError:
        return []


def _changed(entry: "os.DirEntry[bytes]") -> int:
    try:
        return entry.stat(follow_symlinks=False).st_mtime_ns
    except FileNotFoundError:  # deleted since the listing
        return 0


def _listed_objects(base: str) -> list[tuple[int, str]]:
    system, path = file_system(base)
    files = system.get_file_info(fs.FileSelector(path, allow_not_found=True))
    return [(file.mtime_ns or 0, file.base_name) for file in files if file.is_file]


def _file(address: str) -> bytes:
    try:
        opened = os.open(_path(address), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(opened, "rb") as file:
            if stat.S_ISREG(os.fstat(opened).st_mode):
                return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EISDIR):
            raise DocumentUnreadableError(f"The file can't be read: {error.strerror or error}.") from error
    raise DocumentUnreadableError("The file is not a regular file.")


def _object(address: str) -> bytes:
    system, path = file_system(address)
    try:
        with system.open_input_file(path) as file:
            content: bytes = file.read(MAX_BYTES + 1)
    except OSError as error:
        if "ACCESS_DENIED" not in str(error):
            raise
        raise DocumentUnreadableError("Permission denied.") from error
    return content


def _path(address: str) -> bytes:
    return unquote_to_bytes(urlsplit(address).path)


def _unpacked(content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            return packed.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DocumentUnreadableError(f"The gzip file is corrupt or truncated: {error}"[:200]) from None
