"""The process that reads one uploaded file: `confined` starts it, sends the request and reads the answer.

It sets its limits before it imports the modules that read files.
"""

import gc
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

_MB = 1 << 20
_TELL_EVERY_SECONDS = 0.25
# Shared libraries use address space that is not memory.
_ADDRESSES_MB = 2048


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    # Output of libraries must not mix with the lines of the answer.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _limit(request["limits"], request["most_unpacked"])
    # Rows are millions of short-lived lists without cycles. Searching for cycles would take much of the time.
    gc.disable()
    _tell(out, _answer(request, out))


def _limit(limits: dict[str, Any], most_unpacked: int) -> None:
    memory = limits["memory_mb"] * _MB
    for what, most in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_AS, memory + _ADDRESSES_MB * _MB),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        # The decompressed file, or its events, which are never larger.
        (resource.RLIMIT_FSIZE, most_unpacked + _MB),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # At the soft CPU limit a signal tells the reason. At the hard limit the kernel kills without one.
        resource.setrlimit(
            what, (most, most + 2 if what == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else most)
        )
    # `confined` enforces the timeout; this alarm covers the case that `confined` itself was killed.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(limits["seconds"] + 5)


def _answer(request: dict[str, Any], out: IO[str]) -> dict[str, Any]:
    try:
        return {"result": _CALLS[request["call"]](request["wanted"], out)}
    except MemoryError:
        return {"memory": True}
    except Exception as error:
        return _failure(error)


def _failure(error: Exception) -> dict[str, Any]:
    from controlplane.scenarios.generator.recording.errors import RecordingError

    if isinstance(error, RecordingError):
        said = {"message": error.message, "remedy": error.remedy, "row": error.row, "column": error.column}
        return {"refused": said}
    if isinstance(error, OSError) and error.errno is not None:
        return {"disk": {"number": error.errno, "text": error.strerror or str(error)}}
    return {"failed": "".join(traceback.format_exception(error))[-4000:]}


def _look(wanted: dict[str, Any], out: IO[str]) -> dict[str, Any]:
    from controlplane.scenarios.generator.recording.inspection import look

    return dict(vars(look(Path(wanted["file"]))))


def _words(wanted: dict[str, Any], out: IO[str]) -> list[str]:
    from controlplane.scenarios.generator.recording.inspection import words

    return words(Path(wanted["file"]), wanted["column"])


def _beginning(wanted: dict[str, Any], out: IO[str]) -> dict[str, Any]:
    from controlplane.scenarios.generator.document import Columns
    from controlplane.scenarios.generator.recording.inspection import opened
    from controlplane.scenarios.generator.recording.preparing import beginning

    with opened(Path(wanted["file"])) as (path, _):
        events, mapper = beginning(path, Columns.model_validate(wanted["columns"]), wanted["count"])
    return {"events": events, "left_out": mapper.left_out}


def _first(wanted: dict[str, Any], out: IO[str]) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(wanted["file"]) as file:
        batch = next(file.iter_batches(batch_size=wanted["count"]), None)
        rows: list[dict[str, Any]] = [] if batch is None else batch.to_pylist()
        return rows


def _prepare(wanted: dict[str, Any], out: IO[str]) -> dict[str, Any]:
    from controlplane.scenarios.generator.document import Columns
    from controlplane.scenarios.generator.recording.preparing import prepare
    from controlplane.scenarios.generator.recording.unpacking import plain

    told = _teller(out)
    folder = Path(wanted["folder"])
    path = plain(Path(wanted["file"]), folder, wanted["most_unpacked"], lambda: told(0))
    return prepare(path, Columns.model_validate(wanted["columns"]), folder / "events.parquet", told).as_dict()


_CALLS: dict[str, Callable[[dict[str, Any], IO[str]], Any]] = {
    "look": _look, "words": _words, "beginning": _beginning, "first": _first, "prepare": _prepare,
}  # fmt: skip


def _teller(out: IO[str]) -> Callable[[int], None]:
    last = 0.0

    def told(rows: int) -> None:
        nonlocal last
        now = time.monotonic()
        if last and now - last < _TELL_EVERY_SECONDS:
            return
        last = now
        _tell(out, {"rows": rows})

    return told


def _tell(out: IO[str], said: dict[str, Any]) -> None:
    out.write(json.dumps(said) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
