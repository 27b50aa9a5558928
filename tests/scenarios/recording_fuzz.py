"""Generated files for the readers of recordings: valid ones, mutated. `case(seed, number)` is always the same file.

Each file is read in a child process with limits, as the product reads it. A reader may refuse a file in a sentence, run
out of memory or be ended by a signal (`confined` says so to a person): it may not fail in another way.
"""

import csv
import gzip
import io
import json
import os
import random
import resource
import signal
import struct
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from controlplane.scenarios.generator.document import READY, Columns
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.inspection import look, words
from controlplane.scenarios.generator.recording.inspection import opened as opened_beginning
from controlplane.scenarios.generator.recording.preparing import beginning, prepare
from controlplane.scenarios.generator.recording.proposing import proposed, ready_for
from controlplane.scenarios.generator.recording.unpacking import plain

_MOST_BYTES = 2 << 30
# What a child has found is known when it ends.
_CASES_A_CHILD = 200
_SECONDS_A_CASE = 20
TOKENS = (
    b'"', b'""', b'"""', b",", b";", b"\t", b"|", b"\r", b"\n", b"\r\n", b"\n\n", b"\0", b"\xef\xbb\xbf", b"\xff",
    b"\xe9",
    b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", "\u2028".encode(), "\u202e".encode(), b"\\", b"\\u", b"\\ud800",
    b"\\u0000", b"{", b"}", b"[", b"]", b":", b"{}", b"[]", b"null", b"true", b"NaN", b"-Infinity", b"1e400", b"-1",
    b"9" * 400, b"0.", b".", b"+", b"e", b"[" * 3000, b'{"a":' * 3000, b'"' + b"x" * 70_000 + b'"', b"x" * 1_100_000,
    b"," * 5000, b"\n" * 3000, b"sep=;\n", b"=1+1", b"'", b"`", b"PAR1", b"PARE", b"\x1f\x8b", b"PK\x03\x04",
    b"event_time",
    b"9999-12-31T23:59:59-12:00", b"0001-01-01T00:00:00+14:00", b"1969-12-31 23:59:59", b"2019-02-30T00:00:00Z",
    b"1569888000", b"1569888000000000000", b" UTC", b"price", b"price,price", b'"price":1,"price":2', b"\x1a", b"\x85",
)  # fmt: skip
_WORDS = (
    "view",
    "cart",
    "purchase",
    "search",
    "",
    "u1",
    "p-1",
    "9.99",
    "0",
    "-1",
    "a,b",
    'a"b',
    "x\ny",
    "ä",
    "\U0001f6d2",
)


def case(seed: int, number: int) -> bytes:
    """The file of that number."""
    chance = random.Random(f"{seed} {number}")
    body = chance.choice((_csv, _csv, _ndjson, _ndjson, _parquet))(chance)
    for _ in range(chance.choice((0, 0, 1, 1, 1, 2, 8))):
        body = chance.choice(_MUTATIONS)(chance, body)
    if chance.random() < 0.1:
        body = gzip.compress(body, 1, mtime=0)
        if chance.random() < 0.5:
            body = chance.choice(_MUTATIONS)(chance, body)
    return body


def _names(chance: random.Random) -> list[str]:
    named = [column for name, column in READY[chance.choice(list(READY))].model_dump().items()
             if name not in ("types", "default_currency", "leave_out") and column]  # fmt: skip
    names = list(dict.fromkeys([*named, *(f"c{n}" for n in range(chance.choice((0, 0, 1, 5, 5, 300))))]))
    if chance.random() < 0.3:
        chance.shuffle(names)
    if chance.random() < 0.1:
        names.append(chance.choice([*names, "", " ", "x" * 300, "a.b", "é"]))
    return names


def _value(chance: random.Random, name: str, number: int, odd: float) -> str:
    if chance.random() < odd:
        return chance.choice(_WORDS)
    return {
        "event_time": f"2019-10-01 00:{number // 60 % 60:02}:{number % 60:02} UTC", "event_type": "view",
        "user_id": f"u{number % 7}", "product_id": f"p{number % 5}", "price": f"{number % 90 + 1}.99",
        "currency": "EUR", "quantity": "1",
    }.get(name, chance.choice(_WORDS))  # fmt: skip


def _rows(chance: random.Random) -> tuple[list[str], list[list[str]]]:
    names = _names(chance)
    count, odd = chance.choice((0, 1, 3, 20, 20, 20, 100)), chance.choice((0, 0, 0.03))
    return names, [[_value(chance, name, number, odd) for name in names] for number in range(count)]


def _csv(chance: random.Random) -> bytes:
    names, rows = _rows(chance)
    out = io.StringIO(newline="")
    writer = csv.writer(
        out, delimiter=chance.choice(",,;\t|"), lineterminator=chance.choice(("\n", "\r\n", "\r")),
        quoting=chance.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
    )  # fmt: skip
    writer.writerows([names, *rows])
    return out.getvalue().encode()


def _ndjson(chance: random.Random) -> bytes:
    names, rows = _rows(chance)

    def value(text: str) -> Any:
        return chance.choice((text, text, text, None, 1, 1.5, True, [text], {text: text}))

    odd = chance.random() < 0.2
    lines = [json.dumps({n: value(v) if odd else v for n, v in zip(names, row, strict=True)},
                        ensure_ascii=chance.random() < 0.5) for row in rows]  # fmt: skip
    return chance.choice(("\n", "\n", "\r\n", "\r", "\n\n", "", ",\n")).join(lines).encode()


def _parquet(chance: random.Random) -> bytes:
    names, rows = _rows(chance)
    kinds: tuple[Callable[[list[str]], pa.Array], ...] = (
        pa.array, pa.array, pa.array,
        lambda texts: pa.array(texts).dictionary_encode(),
        lambda texts: pa.array([text.encode("utf-16") for text in texts]),
        lambda texts: pa.array([chance.randrange(-(2**62), 2**62) for _ in texts]),
        lambda texts: pa.array([chance.choice((1.5, float("nan"), float("inf"), 1e300)) for _ in texts]),
        lambda texts: pa.array([chance.randrange(-(2**62), 2**62) for _ in texts], pa.timestamp("us", "UTC")),
        lambda texts: pa.array([chance.randbytes(16) for _ in texts], pa.uuid()),
        lambda texts: pa.array([[text] for text in texts], pa.list_(pa.string())),
        lambda texts: pa.array([{"price": text} for text in texts], pa.struct({"price": pa.string()})),
        lambda texts: pa.nulls(len(texts)),
        lambda texts: pa.array([chance.randbytes(3) for _ in texts], pa.binary()).view(pa.string()),
        lambda texts: pa.array([1.5] * len(texts)).cast(pa.float16()),
        lambda texts: pa.array([chance.randrange(10**9) for _ in texts], pa.duration("ns")),
    )  # fmt: skip
    usual = chance.random() < 0.7
    columns = [
        (pa.array if usual else chance.choice(kinds))([row[at] for row in rows]) if rows else pa.array([], pa.string())
        for at in range(len(names))
    ]
    out = io.BytesIO()
    pq.write_table(
        pa.Table.from_arrays(columns, names=names), out, compression=chance.choice(("none", "snappy", "zstd", "gzip")),
        row_group_size=chance.choice((1, 7, 1000)), use_dictionary=chance.random() < 0.5,
        data_page_version=chance.choice(("1.0", "2.0")),
    )  # fmt: skip
    return out.getvalue()


def _place(chance: random.Random, body: bytes) -> int:
    """Often near the beginning or the end, where headers and footers are."""
    near = chance.choice((len(body), len(body), 200, -200))
    return chance.randrange(min(near, len(body)) + 1) if near > 0 else max(len(body) + near, 0) + chance.randrange(
        min(-near, len(body)) + 1
    )  # fmt: skip


def _inserted(chance: random.Random, body: bytes) -> bytes:
    at = _place(chance, body)
    return body[:at] + chance.choice(TOKENS) + body[at:]


def _replaced(chance: random.Random, body: bytes) -> bytes:
    at, token = _place(chance, body), chance.choice(TOKENS)
    return body[:at] + token + body[at + min(len(token), 9) :]


def _flipped(chance: random.Random, body: bytes) -> bytes:
    changed = bytearray(body or b"x")
    for _ in range(chance.choice((1, 1, 4, 30))):
        changed[min(_place(chance, body), len(changed) - 1)] = chance.choice(
            (0, 0x7F, 0x80, 0xFF, chance.randrange(256))
        )
    return bytes(changed)


def _cut(chance: random.Random, body: bytes) -> bytes:
    return body[: _place(chance, body)] if chance.random() < 0.7 else body[_place(chance, body) :]


def _removed(chance: random.Random, body: bytes) -> bytes:
    at = _place(chance, body)
    return body[:at] + body[at + chance.choice((1, 2, 10, 100)) :]


def _repeated(chance: random.Random, body: bytes) -> bytes:
    at = _place(chance, body)
    return body[:at] + body[at : at + chance.choice((1, 10, 100))] * chance.choice((2, 30, 1000)) + body[at:]


def _recoded(chance: random.Random, body: bytes) -> bytes:
    return body.decode("utf-8", "replace").encode(
        chance.choice(("utf-16", "utf-16-le", "utf-16-be", "latin-1")), "replace"
    )


def _length(chance: random.Random, body: bytes) -> bytes:
    at = _place(chance, body)
    return body[:at] + struct.pack("<I", chance.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, len(body)))) + body[at + 4 :]


_MUTATIONS = (
    _inserted, _inserted, _inserted, _replaced, _replaced, _flipped, _flipped, _cut, _removed, _repeated, _recoded,
    _length,
)  # fmt: skip


def read(path: Path, folder: Path) -> str:
    """Read a file in every way that a person can have it read; gives how that ended.

    Raises:
        Exception: what no reader may raise.
    """
    try:
        seen = look(path)
        json.dumps([seen.columns, seen.rows], ensure_ascii=False).encode()
        assert not any("\0" in (text or "") for text in (*seen.columns, *(one for row in seen.rows for one in row)))
        known = proposed(seen)
        mapping = READY.get(ready_for(seen) or "")
        if mapping is None:
            if not {"event_time", "event_type", "user_id"} <= set(known):
                return f"{seen.kind}: no mapping"
            mapping = Columns.model_validate({**known, "types": {}})
        words(path, mapping.event_type)
        with opened_beginning(path) as (begins, _):
            try:
                beginning(begins, mapping, 10)
            except RecordingError as error:
                said(error)
        summary = prepare(plain(path, folder, 64 << 20), mapping, folder / "events.parquet", lambda rows: None)
        assert sum(summary.types.values()) == summary.rows > 0
        assert summary.rows + sum(summary.left_out.values()) == summary.read
        return f"{seen.kind}: taken"
    except RecordingError as error:
        said(error)
        return "refused"
    except MemoryError:
        return "memory"


def said(error: RecordingError) -> None:
    """A refusal is a sentence that can be shown, is bounded, and says what to do."""
    text = str(error)
    assert text.isprintable(), text
    assert 10 < len(text) < 2500, text
    assert error.remedy, text
    assert error.message.rstrip(".") != error.message, text


def campaign(seed: int, numbers: range, until: Callable[[], bool]) -> tuple[Counter[str], list[str]]:
    """(how the cases ended, what failed with seed and number), up to the end of the numbers or the time."""
    ended, failed = Counter[str](), list[str]()
    left = list(reversed(numbers))
    while left and not until() and len(failed) < 20:
        number = left[-1]
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            done = _child(seed, left[-_CASES_A_CHILD:], Path(folder), until)
            for at, how in done:
                ended[how.split("\n")[0][:40]] += 1
                if how.startswith("failed"):
                    failed.append(f"seed {seed}, case {at}: {how}")
                    print(failed[-1])
            number = done[-1][0] if done else number - 1
        while left and left[-1] <= number:
            left.pop()
        if left and not until() and len(done) < _CASES_A_CHILD:
            # The child was ended within this one.
            lost = left.pop()
            ended["ended by a signal"] += 1
            print(f"seed {seed}, case {lost}: the reader was ended by a signal")
    return ended, failed


def _child(seed: int, left: list[int], folder: Path, until: Callable[[], bool]) -> list[tuple[int, str]]:
    out = folder / "ended"
    pid = os.fork()
    if pid == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, _MOST_BYTES))
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            with out.open("w") as told:
                for number in reversed(left):
                    if until():
                        break
                    signal.alarm(_SECONDS_A_CASE * 3)
                    body = case(seed, number)
                    path = folder / "file"
                    path.write_bytes(body)
                    try:
                        how = read(path, folder)
                    except BaseException as error:
                        how = "failed\n" + "".join(traceback.format_exception(error))[-1500:]
                    told.write(f"{number} {json.dumps(how)}\n")
                    told.flush()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    done = []
    for line in out.read_text().splitlines() if out.exists() else []:
        number, _, how = line.partition(" ")
        done.append((int(number), json.loads(how)))
    return done
