"""Storage of recordings: each file under its SHA-256, with the imports of each mapping beside it.

RECORDINGS/ab/abcd…/file                   the uploaded file
RECORDINGS/ab/abcd…/<mapping>.parquet      its events sorted by time
RECORDINGS/ab/abcd…/<mapping>.json         their summary; written last, so that an incomplete import does not count
RECORDINGS/ab/abcd…/<mapping>.first-10.json    the first events, for pages
"""

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from controlplane.scenarios.generator.document import Columns, Source
from controlplane.scenarios.generator.recording.confined import (
    Limits,
    first,
    prepare,
    while_a_person_waits,
)
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.summary import Summary

SHA256 = re.compile(r"[0-9a-f]{64}")
_ROOT = Path(__file__).resolve().parents[4]
_MB = 1 << 20


def most_bytes() -> int:
    """The maximum size of an uploaded file in bytes."""
    return int(os.environ.get("RECORDING_MAX_MB") or 4096) * _MB


def recording_store() -> "RecordingStore":
    """The storage of this installation."""
    data = Path(os.environ.get("LAKEHOUSE_DATA") or _ROOT / "var")
    return RecordingStore(Path(os.environ.get("RECORDINGS") or data / "recordings"))


def columns_digest(columns: Columns) -> str:
    """16 hexadecimal digits that identify a mapping by its content."""
    said = orjson.dumps(columns.model_dump(mode="json", exclude_defaults=True), option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(said, digest_size=8).hexdigest()


class RecordingStore:
    """Recordings stored in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Store a file while it is uploaded. Return (SHA-256, bytes). The same file is stored only once.

        Raises:
            RecordingError: it is empty or too large.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        digest, size, most = hashlib.sha256(), 0, most_bytes()
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix="incoming-") as incoming:
            for chunk in chunks:
                size += len(chunk)
                if size > most:
                    raise RecordingError(
                        f"The file has more than {most:,} bytes.",
                        "Upload a part of it, compress it with gzip, or increase RECORDING_MAX_MB.",
                    )
                digest.update(chunk)
                incoming.write(chunk)
            if not size:
                raise RecordingError("The file is empty.", "Upload a file with events.")
            incoming.flush()
            os.fsync(incoming.fileno())
            home = self._home(digest.hexdigest())
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not (home / "file").exists():
                os.link(incoming.name, home / "file")
        return digest.hexdigest(), size

    def file(self, sha256: str) -> Path:
        """The uploaded file.

        Raises:
            RecordingError: it is not stored.
        """
        path = self._home(sha256) / "file"
        if not path.is_file():
            raise RecordingError(f"Recording {sha256[:12]}… is not in {self.folder}.", "Upload the file again.")
        return path

    def events(self, source: Source) -> Path:
        """The events of a recording under a mapping.

        Raises:
            RecordingError: it has not been imported with the mapping.
        """
        if self.summary(source.recording, source.chosen) is None:
            self.file(source.recording)
            raise RecordingError(
                f"Recording {source.recording[:12]}… has not been imported with this mapping.",
                "Import it with the mapping on the recording's page.",
            )
        return self._events(source.recording, source.chosen)

    def summary(self, sha256: str, columns: Columns) -> Summary | None:
        """The summary of a file's import with a mapping; None if it has not been imported with it."""
        told = self._events(sha256, columns).with_suffix(".json")
        return Summary(**orjson.loads(told.read_bytes())) if told.is_file() else None

    def first(self, sha256: str, columns: Columns, count: int, limits: Limits | None = None) -> list[dict[str, Any]]:
        """The first events of a recording that has been read with a mapping, as rows of plain values; none where they
        aren't here. They never change, and are read once.

        Args:
            limits: how much memory and time reading them may take; by default that of what a page answers at once.

        Raises:
            RecordingError: they can't be read, or the reader is busy.
        """
        path = self._events(sha256, columns)
        known = path.with_suffix(f".first-{count}.json")
        if known.is_file():
            kept: list[dict[str, Any]] = orjson.loads(known.read_bytes())
            return kept
        if not path.is_file():
            return []
        rows = first(path, count, limits or while_a_person_waits())
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="reading-") as folder:
            (Path(folder) / "first").write_bytes(orjson.dumps(rows))
            # The recording may have been deleted meanwhile.
            with suppress(FileNotFoundError):
                (Path(folder) / "first").replace(known)
        return rows

    def prepare(
        self, sha256: str, columns: Columns, limits: Limits, on_row: Callable[[int], None] = lambda rows: None
    ) -> Summary:
        """Import a file with a mapping, unless that has been done. After an error, nothing of the import is kept.

        Args:
            limits: the maximum memory and time.
            on_row: called regularly with the number of rows read, 0 during decompression. An exception ends the import.

        Raises:
            RecordingError: it is not stored, is invalid (with row and column), or needs more than the limits.
        """
        known = self.summary(sha256, columns)
        if known is not None:
            return known
        file, target = self.file(sha256), self._events(sha256, columns)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="reading-") as folder:
            summary = prepare(file, columns, Path(folder), limits, on_row)
            (Path(folder) / "events.parquet").replace(target)
            (Path(folder) / "told").write_bytes(orjson.dumps(summary.as_dict()))
            (Path(folder) / "told").replace(target.with_suffix(".json"))
        return summary

    def forget(self, sha256: str) -> None:
        """Delete a file and its imports."""
        shutil.rmtree(self._home(sha256), ignore_errors=True)

    def sweep(self, older_than_seconds: float = 86_400) -> None:
        """Delete temporary files that killed processes left behind."""
        for pattern in ("incoming-*", "reading-*"):
            for left in self.folder.glob(pattern):
                with suppress(OSError):
                    if time.time() - left.stat().st_mtime > older_than_seconds:
                        shutil.rmtree(left) if left.is_dir() else left.unlink()

    def _home(self, sha256: str) -> Path:
        if not SHA256.fullmatch(sha256):
            raise RecordingError(
                f"Invalid SHA-256 {sha256[:80]!r} of a recording.", "Upload the file and use its SHA-256."
            )
        return self.folder / sha256[:2] / sha256

    def _events(self, sha256: str, columns: Columns) -> Path:
        return self._home(sha256) / f"{columns_digest(columns)}.parquet"
