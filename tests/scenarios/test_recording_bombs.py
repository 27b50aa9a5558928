"""Small files that unpack to a lot, or crash a reader: the process that asks stays small and alive."""

import ast
import gc
import gzip
import io
import os
import random
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import controlplane
from controlplane.scenarios.generator.document import READY, Columns
from controlplane.scenarios.generator.recording import confined
from controlplane.scenarios.generator.recording.confined import (
    Limits,
    Places,
    in_the_background,
    while_a_person_waits,
)
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.store import recording_store
from tests.scenarios.recorded import HEADER, rees46

pytestmark = pytest.mark.usefixtures("folder")

MB = 1 << 20
MOST_GROWTH = 64 * MB
REES46 = READY["rees46"]
EVENT = {
    "event_time": "2019-10-01 00:00:00 UTC", "event_type": "view", "product_id": "1", "category_id": "2",
    "category_code": "a.b", "brand": "", "price": "1.00", "user_id": "3", "user_session": "4",
}  # fmt: skip
LINE = ",".join(EVENT.values()).encode()


def _written(table: pa.Table, **how: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **how)
    return out.getvalue()


def _repeated(rows: int, value: str) -> bytes:
    """One dictionary entry, named by every row in runs: some kilobytes, whatever the value's length."""
    column = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([value]))
    columns = {name: pa.array([text] * rows).dictionary_encode() for name, text in EVENT.items()}
    return _written(pa.table({**columns, "category_code": column}), compression="zstd", row_group_size=rows)


def _constant(rows: int) -> bytes:
    table = pa.table({name: pa.repeat(pa.scalar(text), rows) for name, text in EVENT.items()})
    return _written(table, compression="zstd", row_group_size=rows)


def _one_cell(megabytes: int) -> bytes:
    table = pa.table({**{name: [text] for name, text in EVENT.items()}, "category_code": ["x" * (megabytes * MB)]})
    return _written(table, compression="zstd", use_dictionary=False)


def _wide(columns: int) -> bytes:
    return _written(pa.table({f"c{number}": pa.array([1], pa.int8()) for number in range(columns)}))


def _deep(levels: int) -> bytes:
    kind: pa.DataType = pa.int8()
    for _ in range(levels):
        kind = pa.list_(kind)
    columns = {name: pa.array([text]) for name, text in EVENT.items()}
    return _written(pa.table({**columns, "deep": pa.nulls(1, kind)}))


def _long_footer() -> bytes:
    """A footer that claims to be as long as the file."""
    body = b"PAR1" + b"\xff" * MB
    return body + (MB).to_bytes(4, "little") + b"PAR1"


def _scrambled() -> bytes:
    """Lengths of pages and values drawn from a seed."""
    chance = random.Random(13)
    body = bytearray(_constant(1000))
    for _ in range(60):
        body[chance.randrange(8, len(body) - 8)] = chance.choice((0xFF, 0x7F, 0x80))
    return bytes(body)


def _quoted_cell(size: int) -> bytes:
    """A quote that is never closed, packed."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as packed:
        packed.write(",".join(HEADER).encode() + b"\n" + LINE + b"\n" + b'"')
        for _ in range(size // MB):
            packed.write(b"\n" * MB)
    return out.getvalue()


BOMBS: dict[str, Callable[[], bytes]] = {
    "parquet: a long value in every row": lambda: _repeated(300_000, "x" * 4000),
    "parquet: millions of equal rows": lambda: _constant(4_000_000),
    "parquet: one value of 300 MiB": lambda: _one_cell(300),
    "parquet: 30,000 columns": lambda: _wide(30_000),
    "parquet: lists 300 deep": lambda: _deep(300),
    "parquet: a footer as long as the file": _long_footer,
    "parquet: random lengths": _scrambled,
    "gzip: zeros": lambda: gzip.compress(b"\0" * (300 * MB), 1),
    "gzip: a line without an end": lambda: gzip.compress(b"event_time," + b"x" * (300 * MB), 1),
    "gzip: a cell without an end": lambda: _quoted_cell(300 * MB),
    "gzip: parquet": lambda: gzip.compress(_constant(4_000_000)),
    "csv: a line without an end": lambda: ",".join(HEADER).encode() + b"\n" + b"x" * (64 * MB),
    "csv: a cell without an end": lambda: ",".join(HEADER).encode() + b'\n"' + b"\n" * (64 * MB),
    "csv: 30,000 columns": lambda: ",".join(f"c{number}" for number in range(30_000)).encode()[:65_000] + b"\n1\n",
    "ndjson: lists in lists": lambda: b'{"a":' + b"[" * 500_000 + b"\n",
    "ndjson: a line without an end": lambda: b'{"a":"' + b"x" * (64 * MB),
    "ndjson: a number without an end": lambda: b'{"event_time": ' + b"9" * 1_000_000 + b"}\n",
}


@pytest.fixture(scope="module")
def bombs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The file of a bomb, written by a process of its own: making one takes the memory that reading it would."""
    home = tmp_path_factory.mktemp("bombs")

    def file(name: str) -> Path:
        path = home / f"{list(BOMBS).index(name)}"
        if not path.exists() and os.fork() == 0:
            # A collection would end Kafka clients of other tests, and wait for their threads, which no fork has.
            gc.disable()
            try:
                path.write_bytes(BOMBS[name]())
            finally:
                os._exit(0)
        os.waitpid(-1, 0) if not path.exists() else None
        return path

    return file


def _peak() -> int:
    """The highest resident memory of this process so far, in bytes. Reading another process's doesn't raise it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _answers(path: Path) -> Iterator[str]:
    """What each way of reading the file says."""
    sha256, _ = recording_store().keep([path.read_bytes()])
    file = recording_store().file(sha256)
    for ask in (
        lambda: confined.look(file),
        lambda: confined.words(file, "event_type"),
        lambda: confined.beginning(file, REES46, 10),
        lambda: recording_store().prepare(sha256, REES46, while_a_person_waits()),
    ):
        try:
            yield f"read: {ask()}"
        except RecordingError as error:
            yield str(error)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_the_process_that_asks_nothing(name: str, bombs: Callable[[str], Path], folder: Path) -> None:
    path = bombs(name)
    assert path.stat().st_size <= 66 * MB
    recording_store().keep([path.read_bytes()])
    before = _peak()
    said = list(_answers(path))
    assert _peak() - before < MOST_GROWTH, said
    # Whole reading ends with what is wrong and what to do, or with a summary of events.
    assert said[-1].startswith("read: Summary(") or "can't be read: the reader failed" not in said[-1]
    assert [path for path in folder.rglob("*") if path.is_file() and path.name != "file"] == [] or said[-1].startswith(
        "read: Summary("
    )


def test_a_file_that_takes_too_much_memory_says_so_and_what_to_do() -> None:
    sha256, _ = recording_store().keep([_one_cell(200)])
    small = Limits(memory_mb=256, cpu_seconds=20, seconds=30, remedy="Send a part of the file.")
    with pytest.raises(RecordingError, match=r"more than 256 MiB of memory\. Send a part of the file\."):
        recording_store().prepare(sha256, REES46, small)


@pytest.mark.parametrize("limits", [Limits(768, 1, 60, "Wait."), Limits(768, 60, 1, "Wait.")], ids=["cpu", "wall"])
def test_a_file_that_takes_too_long_says_so(limits: Limits) -> None:
    sha256, _ = recording_store().keep([rees46(300_000)])
    with pytest.raises(RecordingError, match=rf"more than {limits.cpu_seconds} s of CPU time or {limits.seconds} s"):
        recording_store().prepare(sha256, REES46, limits)


def test_what_the_caller_raises_ends_the_process() -> None:
    sha256, _ = recording_store().keep([rees46(300_000)])

    def gone(rows: int) -> None:
        raise KeyboardInterrupt

    before = _children()
    with pytest.raises(KeyboardInterrupt):
        recording_store().prepare(sha256, REES46, in_the_background(), gone)
    assert _children() == before
    assert [path for path in recording_store().folder.iterdir() if path.name.startswith("reading-")] == []


def test_the_process_has_no_secret_and_no_core(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DJANGO_SECRET_KEY", "canary-of-the-key")
    monkeypatch.setenv("DATABASE_URL", "postgresql://canary-of-the-database")
    seen: list[tuple[bytes, str]] = []
    others = _children()

    def watch(rows: int) -> None:
        (child,) = _children() - others
        process = Path(f"/proc/{child}")
        seen.append(((process / "environ").read_bytes(), (process / "limits").read_text()))

    sha256, _ = recording_store().keep([rees46(1000)])
    recording_store().prepare(sha256, REES46, in_the_background(), watch)
    environment, limits = seen[0]
    assert b"canary" not in environment
    bounds = {line[:25].strip(): line[25:].split()[:2] for line in limits.splitlines()[1:]}
    assert bounds["Max core file size"] == ["0", "0"]
    assert bounds["Max data size"] == [str(4096 * MB)] * 2
    assert bounds["Max cpu time"] == ["7200", "7202"]


def test_a_third_reading_waits_for_a_place() -> None:
    places = Places(1, wait_seconds=0.01)
    sha256, _ = recording_store().keep([rees46(10)])
    with places.one(), pytest.raises(RecordingError, match=r"busy with other files.*Try again"):
        confined.look(recording_store().file(sha256), places)
    assert confined.look(recording_store().file(sha256), places).kind == "csv"


def test_only_the_reader_reads_uploaded_files() -> None:
    """Whoever imports what opens a file could do so in the web server."""
    inside = "controlplane.scenarios.generator.recording"
    opening = {
        f"{inside}.{name}"
        for name in ("inspection", "formats", "csvfile", "ndjsonfile", "parquetfile", "lines", "unpacking", "preparing")
    }
    may = {"reader", "mapping", *(name.rsplit(".", 1)[1] for name in opening)}
    found = set()
    for path in Path(controlplane.__file__).parent.rglob("*.py"):
        if path.parent.name == "recording" and path.stem in may:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = {node.module} if isinstance(node, ast.ImportFrom) else set()
            names |= {name.name for name in node.names} if isinstance(node, ast.Import) else set()
            found |= {(path.name, name) for name in names & opening}
    assert found == set()


def _children() -> set[int]:
    """The processes that this one has started and that still run."""
    with open(f"/proc/self/task/{os.getpid()}/children") as children:
        return {int(child) for child in children.read().split()}


def test_columns_of_the_largest_answer_come_whole() -> None:
    names = [f"{number:03}" + "e" * 197 for number in range(200)]
    body = ",".join(names) + "\n" + (",".join(["ä" * 200] * 200) + "\n") * 5
    sha256, _ = recording_store().keep([body.encode()])
    seen = confined.look(recording_store().file(sha256))
    assert (seen.columns, seen.rows) == (names, [["ä" * 200] * 200] * 5)
    # A longer name can't be mapped, and refuses nothing.
    sha256, _ = recording_store().keep([body.replace("000", "0000", 1).encode()])
    assert confined.look(recording_store().file(sha256)).columns == names[1:]


def test_a_mapping_of_its_own_reaches_the_process() -> None:
    own = Columns(event_time="t", event_type="e", user_id="u", types={"seen": "view"}, product_id="p", price="c")
    sha256, _ = recording_store().keep([b"t,e,u,p,c\n2019-10-01 00:00:00 UTC,seen,u1,p1,2.50\n"])
    events, left_out = confined.beginning(recording_store().file(sha256), own, 5)
    assert ([event["cents"] for event in events], left_out) == ([250], {})


def test_how_a_recording_begins_is_read_by_the_process_too() -> None:
    """The events that a reading leaves behind come from an uploaded file, whatever has become of that reading."""
    sha256, _ = recording_store().keep([rees46(20)])
    recording_store().prepare(sha256, REES46, while_a_person_waits())
    begins = recording_store().first(sha256, REES46, 5)
    assert [event["at"] for event in begins] == sorted(event["at"] for event in begins)
    assert len(begins) == 5
    (events,) = (path for path in recording_store().file(sha256).parent.iterdir() if path.suffix == ".parquet")
    events.write_bytes(_one_cell(200))
    before = _peak()
    # What was read once is not read again.
    assert recording_store().first(sha256, REES46, 5) == begins
    small = Limits(memory_mb=256, cpu_seconds=20, seconds=30, remedy="Send a part of the file.")
    with pytest.raises(RecordingError, match=r"more than 256 MiB of memory"):
        recording_store().first(sha256, REES46, 6, small)
    assert _peak() - before < MOST_GROWTH
    assert not [path for path in recording_store().folder.iterdir() if path.name.startswith("reading-")]
