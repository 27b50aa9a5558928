"""Where recordings lie: every file under its SHA-256, and beside it what each mapping makes of it.

RECORDINGS/ab/abcd…/file                   as it was sent
RECORDINGS/ab/abcd…/<mapping>.parquet      its events in the order of their times
RECORDINGS/ab/abcd…/<mapping>.json         what is known of them; written last, so that half of it is nothing
RECORDINGS/ab/abcd…/<mapping>.first-10.json    how they begin, for pages
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
    """How large a file may be as it is sent."""
    return int(os.environ.get("RECORDING_MAX_MB") or 4096) * _MB


def shelf() -> "Shelf":
    """The installation's shelf."""
    data = Path(os.environ.get("LAKEHOUSE_DATA") or _ROOT / "var")
    return Shelf(Path(os.environ.get("RECORDINGS") or data / "recordings"))


def columns_digest(columns: Columns) -> str:
    """16 hexadecimal digits that name a mapping by what it says."""
    said = orjson.dumps(columns.model_dump(mode="json", exclude_defaults=True), option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(said, digest_size=8).hexdigest()


class Shelf:
    """The files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Put a file on the shelf as it comes; gives (its SHA-256, bytes). The same file twice lies there once.

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
                        "Send a part of it, packed, or raise RECORDING_MAX_MB.",
                    )
                digest.update(chunk)
                incoming.write(chunk)
            if not size:
                raise RecordingError("The file is empty.", "Send one with events.")
            incoming.flush()
            os.fsync(incoming.fileno())
            home = self._home(digest.hexdigest())
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not (home / "file").exists():
                os.link(incoming.name, home / "file")
        return digest.hexdigest(), size

    def file(self, sha256: str) -> Path:
        """The file as it was sent.

        Raises:
            RecordingError: it isn't here.
        """
        path = self._home(sha256) / "file"
        if not path.is_file():
            raise RecordingError(f"The recording {sha256[:12]}… is not in {self.folder}.", "Upload the file again.")
        return path

    def events(self, source: Source) -> Path:
        """The events of a recording as a mapping makes them.

        Raises:
            RecordingError: they aren't here.
        """
        if self.summary(source.recording, source.chosen) is None:
            self.file(source.recording)
            raise RecordingError(
                f"The recording {source.recording[:12]}… has not been read with this mapping.",
                "Choose the mapping on the recording's page.",
            )
        return self._events(source.recording, source.chosen)

    def summary(self, sha256: str, columns: Columns) -> Summary | None:
        """What is known of the events that a mapping makes of a file; None when it hasn't been read that way."""
        told = self._events(sha256, columns).with_suffix(".json")
        return Summary(**orjson.loads(told.read_bytes())) if told.is_file() else None

    def first(self, sha256: str, columns: Columns, count: int, limits: Limits | None = None) -> list[dict[str, Any]]:
        """The first events of a recording that has been read with a mapping, as rows of plain values; none where they
        aren't here. They never change, and are read once.

        Args:
            limits: how much memory and time reading them may take; by default that of what a page answers at once.

        Raises:
            RecordingError: they can't be read, or not now.
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
        """Read a file with a mapping, unless that has been done. Whatever goes wrong, nothing of it stays.

        Args:
            limits: how much memory and time it may take.
            on_row: told now and then how many rows have been read, 0 while the file is unpacked; what it raises ends
                the reading.

        Raises:
            RecordingError: it isn't here, what is wrong with it and where, or that it needs more than the limits.
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
        """Take a file and all that was made of it off the shelf."""
        shutil.rmtree(self._home(sha256), ignore_errors=True)

    def sweep(self, older_than_seconds: float = 86_400) -> None:
        """Take away what killed programs have left half done."""
        for pattern in ("incoming-*", "reading-*"):
            for left in self.folder.glob(pattern):
                with suppress(OSError):
                    if time.time() - left.stat().st_mtime > older_than_seconds:
                        shutil.rmtree(left) if left.is_dir() else left.unlink()

    def _home(self, sha256: str) -> Path:
        if not SHA256.fullmatch(sha256):
            raise RecordingError(
                f"{sha256[:80]!r} is no SHA-256 of a recording.", "Upload the file, and name its SHA-256."
            )
        return self.folder / sha256[:2] / sha256

    def _events(self, sha256: str, columns: Columns) -> Path:
        return self._home(sha256) / f"{columns_digest(columns)}.parquet"
