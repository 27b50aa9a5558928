"""Validation documents: one JSON file per validation, in the warehouse beside the validated table.

They lie outside the table's own folder, so that the removal of orphaned files spares them. A warehouse is a folder
(`file:///…`) or a place in a bucket (`s3://…`).
"""

import json
from typing import Any

from pyarrow import fs

from spark_jobs.object_store import file_system


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
    """One document by its address."""
    system, path = file_system(address)
    with system.open_input_stream(path) as stream:
        document: dict[str, Any] = json.loads(stream.readall())
    return document


def addresses(warehouse: str, table: str) -> list[str]:
    """The addresses of a table's documents, the newest first; empty if the table was never validated."""
    base = folder(warehouse, table)
    system, path = file_system(base)
    files = system.get_file_info(fs.FileSelector(path, allow_not_found=True))
    found = [file for file in files if file.is_file and file.base_name.endswith(".json")]
    found.sort(key=lambda file: (file.mtime_ns, file.base_name), reverse=True)
    return [f"{base}/{file.base_name}" for file in found]
