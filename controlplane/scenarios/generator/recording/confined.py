"""Reads uploaded files in a separate process with limits on memory, CPU time and duration.

A small file can decompress to gigabytes, and a library that reads it can crash. Neither may affect the web server or
the worker. The process (`reader`) gets one request as JSON and answers with lines of JSON: `{"rows": n}` regularly, and
at the end `{"result": …}` or `{"refused": …}`. It has no secrets in its environment.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from controlplane.scenarios.generator.document import Columns
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.proposing import Look
from controlplane.scenarios.generator.recording.summary import Summary

log = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parents[4]
_MB = 1 << 20
# The longest answer: 200 columns with five values of 200 characters.
_LONGEST_ANSWER = 4 * _MB


def most_unpacked() -> int:
    """The maximum size of a decompressed file in bytes."""
    return int(os.environ.get("RECORDING_MAX_UNPACKED_MB") or 16_384) * _MB


@dataclass(frozen=True)
class Limits:
    """The limits of a reader process. `remedy` is shown for a file that needs more."""

    memory_mb: int
    cpu_seconds: int
    seconds: int
    remedy: str


def while_a_person_waits() -> Limits:
    """The limits during a request of a page or the API."""
    return Limits(768, 20, 30, "Upload a part of the file, or write it as gzip-compressed CSV.")


def in_the_background() -> Limits:
    """The limits of an import by a task."""
    memory = int(os.environ.get("RECORDING_MEMORY_MB") or 4096)
    return Limits(
        memory, 2 * 3600, 4 * 3600, "Sort the file by time, upload a part of it, or increase RECORDING_MEMORY_MB."
    )


class Places:
    """So many files are read at once for waiting people; with more, memory would run out all the same.

    Args:
        wait_seconds: for how long somebody waits for a free place.
    """

    def __init__(self, count: int, *, wait_seconds: float) -> None:
        self._free = threading.BoundedSemaphore(count)
        self._wait_seconds = wait_seconds

    @contextmanager
    def one(self) -> Iterator[None]:
        """Have a place for the time of the block.

        Raises:
            RecordingError: none became free.
        """
        if not self._free.acquire(timeout=self._wait_seconds):
            raise RecordingError("The reader is busy with other files.", "Try again in a minute.")
        try:
            yield
        finally:
            self._free.release()


_PLACES = Places(2, wait_seconds=20.0)


def look(file: Path, places: Places = _PLACES) -> Look:
    """What a file begins with.

    Raises:
        RecordingError: it is empty, damaged, not a file of events, or needs more than the limits.
    """
    return Look(**_ask("look", {"file": str(file)}, while_a_person_waits(), places=places))


def words(file: Path, column: str) -> list[str]:
    """The distinct values of a column among the first rows, most frequent first.

    Raises:
        RecordingError: the column can't be read, or needs more than the limits.
    """
    found: list[str] = _ask("words", {"file": str(file), "column": column}, while_a_person_waits())
    return found


def beginning(file: Path, columns: Columns, count: int) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """(the first events of a file as rows of plain values, skipped rows among the first rows by field).

    Raises:
        RecordingError: the first rows are invalid, or need more than the limits.
    """
    found = _ask("beginning", {"file": str(file), **_said(columns), "count": count}, while_a_person_waits())
    return found["events"], found["left_out"]


def first(events: Path, count: int, limits: Limits) -> list[dict[str, Any]]:
    """The first events of a file that `prepare` has written, as rows of plain values. Its values and its layout come
    from an uploaded file, so it is read here as that file is.

    Raises:
        RecordingError: it can't be read, or needs more than the limits.
    """
    found: list[dict[str, Any]] = _ask("first", {"file": str(events), "count": count}, limits)
    return found


def prepare(
    file: Path, columns: Columns, folder: Path, limits: Limits, on_row: Callable[[int], None] = lambda rows: None
) -> Summary:
    """Import a file with a mapping and write its events to `events.parquet` in a folder.

    Args:
        on_row: called regularly with the number of rows read. An exception ends the import.

    Raises:
        RecordingError: the file is invalid (with row and column), or needs more than the limits.
        OSError: the events can't be written.
    """
    wanted = {"file": str(file), **_said(columns), "folder": str(folder), "most_unpacked": most_unpacked()}
    return Summary(**_ask("prepare", wanted, limits, on_row))


def _said(columns: Columns) -> dict[str, Any]:
    return {"columns": columns.model_dump(mode="json", exclude_defaults=True)}


def _ask(
    call: str,
    wanted: dict[str, Any],
    limits: Limits,
    on_row: Callable[[int], None] = lambda rows: None,
    places: Places = _PLACES,
) -> Any:
    background = limits.seconds > while_a_person_waits().seconds
    with (
        nullcontext() if background else places.one(),
        tempfile.TemporaryDirectory(prefix="recording-") as folder,
        _reader(folder, limits) as (child, late),
    ):
        assert child.stdin is not None
        assert child.stdout is not None
        request = {"call": call, "limits": asdict(limits), "most_unpacked": most_unpacked(), "wanted": wanted}
        try:
            with child.stdin as stdin:
                stdin.write(json.dumps(request).encode())
        except BrokenPipeError:
            pass  # it ended before it read the request, which its exit status explains
        answer = _answer(child.stdout, on_row)
        child.wait()
        return _result(answer, child.returncode, late.is_set(), limits)


@contextmanager
def _reader(folder: str, limits: Limits) -> Iterator[tuple["subprocess.Popen[bytes]", threading.Event]]:
    """(the process, whether it timed out). The process has ended when the block is left."""
    environment = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(_ROOT),
        "TMPDIR": folder,
        # Arrow's own allocators reserve address space. The limit counts the system allocator.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "1",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_IO_THREADS"), "1"),
    }
    child = subprocess.Popen(
        [sys.executable, "-P", "-s", "-m", "controlplane.scenarios.generator.recording.reader"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder, env=environment,
        start_new_session=True,
    )  # fmt: skip
    late = threading.Event()

    def end() -> None:
        late.set()
        child.kill()

    timer = threading.Timer(limits.seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield child, late
    finally:
        timer.cancel()
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


def _answer(lines: IO[bytes], on_row: Callable[[int], None]) -> dict[str, Any]:
    """The last line of the answer; empty if there is none."""
    while line := lines.readline(_LONGEST_ANSWER):
        if not line.endswith(b"\n"):
            break
        said: dict[str, Any] = json.loads(line)
        if "rows" not in said:
            return said
        on_row(int(said["rows"]))
    return {}


def _result(answer: dict[str, Any], status: int, late: bool, limits: Limits) -> Any:
    """The result of the process.

    Raises:
        RecordingError: the file is rejected, or needs more than the limits.
        OSError: a disk error.
    """
    if "result" in answer:
        return answer["result"]
    if "refused" in answer:
        said = answer["refused"]
        error = RecordingError(said["message"], said["remedy"])
        error.row, error.column = said["row"], said["column"]
        raise error
    if "disk" in answer:
        raise OSError(answer["disk"]["number"], answer["disk"]["text"])
    if late or status in (-signal.SIGXCPU, -signal.SIGALRM):
        raise RecordingError(
            f"Reading the file takes more than {limits.cpu_seconds} s of CPU time or {limits.seconds} s in total.",
            limits.remedy,
        )
    if "failed" in answer:
        log.error("reading a recording failed: %s", answer["failed"])
        raise RecordingError("The file can't be read: the reader failed.", "Write the file again.")
    if "memory" not in answer:
        # A library without memory may end the process instead of raising an error.
        log.warning("the reader of a recording ended with status %s", status)
        raise RecordingError(
            f"The file can't be read: it is damaged, or needs more than {limits.memory_mb:,} MiB of memory.",
            limits.remedy,
        )
    raise RecordingError(f"Reading the file needs more than {limits.memory_mb:,} MiB of memory.", limits.remedy)
