"""Recordings: what is taken, what is refused with row and column, and what becomes of what is taken."""

import gzip
import io
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from controlplane.scenarios.generator.document import READY, Columns, DocumentError, Scenario, check
from controlplane.scenarios.generator.errors import DeliveryError
from controlplane.scenarios.generator.faults import truth_of
from controlplane.scenarios.generator.preview import preview
from controlplane.scenarios.generator.reading import parse
from controlplane.scenarios.generator.recording.confined import while_a_person_waits
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.making import records_of
from controlplane.scenarios.generator.recording.store import columns_digest, recording_store
from controlplane.scenarios.generator.records import Records
from tests.scenarios.bad_recordings import BAD, REES46, ndjson, parquet
from tests.scenarios.recorded import rees46, written

pytestmark = pytest.mark.usefixtures("folder")

ANCHOR = datetime(2026, 11, 24, 12, tzinfo=UTC)
LIMITS = while_a_person_waits()
FAULTS = """
faults:
  - {kind: duplicate, rate: 0.03, delay_seconds: 1}
  - {kind: duplicate_delayed, rate: 0.03, delay_seconds: 100}
  - {kind: out_of_order, rate: 0.03, delay_seconds: 2}
  - {kind: negative_price, rate: 0.05, from_seconds: 0, until_seconds: 20}
  - {kind: dropped, rate: 0.02}
  - {kind: late, rate: 0.02}
"""


def _kept(body: bytes) -> str:
    return recording_store().keep([body])[0]


def _left_over() -> list[str]:
    """What is on the shelf beside the files as they were sent."""
    return [path.name for path in recording_store().folder.rglob("*") if path.is_file() and path.name != "file"]


def _scenario(folder: Path, more: str = "", *, speed: float = 1.0, mapping: str = "rees46") -> Scenario:
    return parse(
        f"name: Recorded\nsource: {{recording: 2019-Oct.csv, mapping: {mapping}, speed: {speed}}}\n{more}", folder
    )


def _records(scenario: Scenario, *, seed: int = 1, anchor: datetime = ANCHOR, partitions: int = 4) -> Records:
    return records_of(scenario, seed=seed, anchor=anchor, partitions=partitions)


def _values(records: Records) -> list[bytes]:
    return [value for block in records.blocks() for value in block.values]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("write", [bytes, ndjson, parquet])
def test_every_format_gives_the_same_events(
    write: Callable[[bytes], bytes], pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    summary = recording_store().prepare(_kept(pack(write(rees46(1000)))), REES46, LIMITS)
    assert (summary.rows, summary.read, summary.left_out) == (980, 1000, {"price": 20})
    assert summary.last_us - summary.first_us == 60_000_000
    assert datetime.fromtimestamp(summary.first_us / 1e6, UTC) == datetime(2019, 10, 1, tzinfo=UTC)
    assert sum(summary.types.values()) == sum(summary.profile) == 980
    assert set(summary.types) == {"view", "add_to_cart", "purchase"}
    tables = [pq.read_table(path) for path in recording_store().folder.rglob("*.parquet")]
    assert [len(table) for table in tables] == [980]


@pytest.mark.parametrize(
    ("body", "columns", "row", "column", "says"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_what_is_wrong_is_said_with_row_and_column_and_nothing_of_it_stays(
    body: bytes, columns: Columns, row: int | None, column: str, says: str
) -> None:
    with pytest.raises(RecordingError) as refused:
        recording_store().prepare(_kept(body), columns, LIMITS)
    assert says in str(refused.value)
    assert column == refused.value.column
    if row is not None:
        assert refused.value.row == row
        assert f"Row {row}" in str(refused.value)
    assert _left_over() == []


def test_a_bomb_is_stopped_by_its_ratio_and_by_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b"\0" * (200 << 20))
    assert len(bomb) < 300_000
    with pytest.raises(RecordingError, match="more than 100 times its size"):
        recording_store().prepare(_kept(bomb), REES46, LIMITS)
    monkeypatch.setenv("RECORDING_MAX_UNPACKED_MB", "1")
    with pytest.raises(RecordingError, match="has more than 1,048,576 decompressed bytes"):
        recording_store().prepare(_kept(gzip.compress(rees46(12_000))), REES46, LIMITS)
    monkeypatch.setenv("RECORDING_MAX_MB", "1")
    with pytest.raises(RecordingError, match="more than 1,048,576 bytes"):
        _kept(rees46(12_000))
    assert _left_over() == []


def test_rows_out_of_order_are_sorted_by_their_times() -> None:
    lines = rees46(500).splitlines(keepends=True)
    shuffled = b"".join([lines[0], *reversed(lines[1:])])
    summary = recording_store().prepare(_kept(shuffled), REES46, LIMITS)
    assert not summary.in_order
    (path,) = recording_store().folder.rglob("*.parquet")
    at = pq.read_table(path)["at"].to_pylist()
    assert at == sorted(at)
    assert len(at) == 490


def test_a_recording_is_moved_to_the_anchor_and_keeps_its_rhythm(tmp_path: Path) -> None:
    written(tmp_path, rees46(500))
    real = _scenario(tmp_path)
    assert (real.duration_seconds, real.source and real.source.name) == (60.0, "2019-Oct.csv")
    assert check(orjson.loads(real.canonical())) == real
    for speed, begin in ((1.0, ANCHOR), (10.0, ANCHOR - timedelta(seconds=54)), (0.5, ANCHOR)):
        records = _records(_scenario(tmp_path, speed=speed))
        events = [orjson.loads(value) for value in _values(records)]
        moments = [datetime.fromisoformat(event["event_time"]) for event in events]
        assert records.total == len(events) == 490
        assert (moments[0], moments[-1]) == (begin, begin + timedelta(seconds=moments_end(events)))
        dues = [int(due) for block in _records(_scenario(tmp_path, speed=speed)).blocks() for due in block.due]
        assert dues[-1] == int(moments_end(events) / speed * 1e6)
        # Never of the future, whatever the speed.
        assert all(m <= ANCHOR + timedelta(microseconds=d) for m, d in zip(moments, dues, strict=True))


def moments_end(events: list[dict[str, Any]]) -> float:
    """Seconds from the first event to the last."""
    ends = [datetime.fromisoformat(events[n]["event_time"]) for n in (0, -1)]
    return (ends[1] - ends[0]).total_seconds()


def test_what_a_file_lacks_follows_from_seed_and_place(tmp_path: Path) -> None:
    written(tmp_path, rees46(500))
    scenario = _scenario(tmp_path)
    events = [orjson.loads(value) for value in _values(_records(scenario))]
    assert len({event["event_id"] for event in events}) == 490
    assert {event["currency"] for event in events} == {"USD"}
    assert {event["quantity"] for event in events if event["event_type"] != "view"} == {1}
    assert all("quantity" not in event for event in events if event["event_type"] == "view")
    assert {event["category"] for event in events} == {
        "electronics.smartphone", "2053013555631882655", 'odd "words", too',
    }  # fmt: skip
    homes, orders = dict[str, set[tuple[str, str]]](), dict[str, set[str]]()
    for event in events:
        homes.setdefault(event["user_id"], set()).add((event["country"], event["device"]))
        if "order_id" in event:
            orders.setdefault(event["session_id"], set()).add(event["order_id"])
    assert {len(found) for found in homes.values()} == {len(found) for found in orders.values()} == {1}
    assert {e["event_type"] for e in events if "order_id" in e} == {"purchase"}
    assert _values(_records(scenario)) == _values(_records(scenario))
    for unlike in (_records(scenario, seed=2), _records(scenario, anchor=ANCHOR + timedelta(hours=1))):
        ids = {orjson.loads(value)["event_id"] for value in _values(unlike)}
        assert not ids & {event["event_id"] for event in events}


def test_a_file_without_sessions_gets_them_from_user_and_time(tmp_path: Path) -> None:
    body = b"t,what,who,item,cost\n" + b"".join(
        b"%d,view,anna,p1,2.50\n" % (1_570_000_000 + minute * 60) for minute in (0, 5, 200)
    )
    columns = Columns(event_time="t", event_type="what", user_id="who", product_id="item", price="cost")
    document = {"name": "Own", "source": {"recording": "own.csv", "columns": columns.model_dump()}}
    written(tmp_path, body, "own.csv")
    scenario = parse(orjson.dumps(document), tmp_path)
    events = [orjson.loads(value) for value in _values(_records(scenario))]
    sessions = [event["session_id"] for event in events]
    assert sessions[0] == sessions[1] != sessions[2]
    assert [event["category"] for event in events] == ["uncategorised"] * 3


@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_faults_strike_a_recording_as_they_strike_made_up_traffic(tmp_path: Path, speed: float) -> None:
    written(tmp_path, rees46(30_000))
    scenario = _scenario(tmp_path, FAULTS, speed=speed)
    records = _records(scenario)
    plain = {orjson.loads(value)["event_id"] for value in _values(_records(_scenario(tmp_path)))}
    kinds, values, sources, dues, keys = Counter[str](), [], dict[int, int](), [-1], []
    first = 0
    for block in records.blocks():
        assert block.first == first
        first += len(block)
        kinds.update(records.kinds[code] for code in block.codes.tolist())
        values += block.values
        keys += block.keys
        sources.update({block.first + at: source for at, source in block.sources.items()})
        dues += block.due.tolist()
    assert dues == sorted(dues)
    assert dues[-1] <= scenario.duration_seconds * 1e6
    copies = kinds["duplicate"] + kinds["duplicate_delayed"]
    assert records.total == len(values) == 29_400 + copies
    assert len(plain) == 29_400
    for kind, rate in (("duplicate", 0.03), ("duplicate_delayed", 0.03), ("out_of_order", 0.03), ("dropped", 0.02)):
        assert kinds[kind] == pytest.approx(29_400 * rate, rel=0.15), kind
    window = min(20 / scenario.duration_seconds, 1)
    assert kinds["negative_price"] == pytest.approx(29_400 * 0.05 * window, rel=0.2)
    assert len(sources) == copies
    for copy, source in sources.items():
        assert source < copy
        assert (values[copy], keys[copy]) == (values[source], keys[source])
    assert truth_of({kind: count for kind, count in kinds.items() if kind}).duplicates == copies
    assert _values(_records(scenario)) == values


def test_a_limit_ends_it_with_the_same_beginning(tmp_path: Path) -> None:
    written(tmp_path, rees46(20_000))
    whole = _values(_records(_scenario(tmp_path, FAULTS)))
    scenario = _scenario(tmp_path, FAULTS)
    part = records_of(scenario, seed=1, anchor=ANCHOR, partitions=4, total=9_001)
    assert (part.total, _values(part)) == (9_001, whole[:9_001])


def test_our_own_events_can_be_recorded_and_played(tmp_path: Path) -> None:
    made = check({"name": "Made", "duration_seconds": 20, "traffic": {"stages": [{"events_per_second": 200}]}})
    body = b"\n".join(_values(_records(made))) + b"\n"
    written(tmp_path, body)
    scenario = _scenario(tmp_path, mapping="events")
    before = [orjson.loads(line) for line in body.splitlines()]
    after = [orjson.loads(value) for value in _values(_records(scenario))]
    assert len(after) == len(before) == 4000
    before.sort(key=lambda event: event["event_time"])
    lost = ("event_id", "session_id", "order_id", "event_time")
    assert [{k: v for k, v in e.items() if k not in lost} for e in after] == [
        {k: v for k, v in e.items() if k not in lost} for e in before
    ]
    assert [set(event) for event in after] == [set(event) for event in before]


def test_a_preview_counts_the_recording(tmp_path: Path) -> None:
    written(tmp_path, rees46(5000))
    shown = preview(_scenario(tmp_path, FAULTS))
    summary = recording_store().prepare(shelf_id(tmp_path), REES46, LIMITS)
    assert shown.total == summary.rows == 4900
    assert {kind: count for kind, count in shown.by_type.items() if count} == summary.types
    assert len(shown.samples) == 20


def shelf_id(folder: Path) -> str:
    """The SHA-256 of the tests' file."""
    return _kept((folder / "2019-Oct.csv").read_bytes())


def test_a_document_says_what_is_wrong_with_its_source(tmp_path: Path) -> None:
    written(tmp_path, rees46(100))
    sha256 = shelf_id(tmp_path)
    for text, field, says in (
        ("recording: nowhere.csv, mapping: rees46", "source.recording", "does not exist"),
        ("recording: 2019-Oct.csv, mapping: rees47", "source.mapping", "rees46?"),
        ("recording: 2019-Oct.csv", "source", "either mapping or columns"),
        ("recording: 2019-Oct.csv, mapping: events", "source.recording", "The file has the columns: event_time"),
        ("recording: 2019-Oct.csv, mapping: rees46, speed: 0.00001", "source.speed", "at least 0.01"),
    ):
        with pytest.raises(DocumentError) as refused:
            parse(f"name: Bad\nsource: {{{text}}}", tmp_path)
        (problem, *_) = refused.value.problems
        assert (problem.field, says in str(problem)) == (field, True), str(problem)
    with pytest.raises(DocumentError, match="Not allowed with a source"):
        parse("name: Bad\nsource: {recording: a, mapping: rees46}\nduration_seconds: 5", tmp_path)
    # Without a folder, as in the control plane, only what lies on the shelf counts, read with that mapping.
    with pytest.raises(DocumentError, match="Invalid SHA-256"):
        parse("name: Bad\nsource: {recording: /etc/passwd, mapping: rees46}")
    with pytest.raises(DocumentError, match="has not been imported with this mapping"):
        parse(f"name: Bad\nsource: {{recording: {sha256}, mapping: rees46}}")
    recording_store().prepare(sha256, REES46, LIMITS)
    scenario = parse(f"name: Good\nsource: {{recording: {sha256}, mapping: rees46}}")
    assert scenario.digest() == _scenario(tmp_path).digest()
    recording_store().forget(sha256)
    with pytest.raises(DeliveryError, match="Upload the file again"):
        _records(scenario)


def test_ready_mappings_stay_as_they_are() -> None:
    """Versions of scenarios name them: a change would change what those send."""
    assert {name: columns_digest(columns) for name, columns in READY.items()} == {
        "rees46": "7e0e0fa3aedc90c1",
        "events": "06bf7ad2ec838a08",
    }


def test_a_parquet_file_with_typed_columns_is_read_as_well(tmp_path: Path) -> None:
    table = pa.table(
        {
            "when": pa.array([datetime(2020, 1, day, tzinfo=UTC) for day in (1, 2)], pa.timestamp("ms", "UTC")),
            "what": pa.array(["view", "view"]).dictionary_encode(),
            "who": pa.array([1, 2], pa.int32()),
            "item": pa.array([b"p1", b"p2"], pa.binary()),
            "cost": pa.array([1.239, 2], pa.float32()),
        }
    )  # fmt: skip
    out = io.BytesIO()
    pq.write_table(table, out)
    columns = Columns(event_time="when", event_type="what", user_id="who", product_id="item", price="cost")
    summary = recording_store().prepare(_kept(out.getvalue()), columns, LIMITS)
    assert (summary.rows, summary.last_us - summary.first_us) == (2, 86_400_000_000)
    (path,) = recording_store().folder.rglob("*.parquet")
    assert pq.read_table(path)["cents"].to_pylist() == [124, 200]
