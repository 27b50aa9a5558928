"""What people ask of recordings: a good file is kept once, of a bad one nothing is, and what is used stays."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from controlplane.accounts.models import AuditEntry, User
from controlplane.errors import ActionError, InvalidInputError, NotFoundError
from controlplane.leases import WorkState
from controlplane.scenarios import tasks
from controlplane.scenarios.documents.services import scenario_save
from controlplane.scenarios.generator.document import READY, Columns
from controlplane.scenarios.generator.recording.confined import look, words
from controlplane.scenarios.generator.recording.proposing import proposed, ready_for, types_proposed
from controlplane.scenarios.generator.recording.rules import FIELDS, origins
from controlplane.scenarios.generator.recording.store import RecordingStore, recording_store
from controlplane.scenarios.generator.recording.summary import Summary
from controlplane.scenarios.models import Recording, RecordingReading
from controlplane.scenarios.recordings import selectors
from controlplane.scenarios.recordings.reading import reading_execute, readings_reconcile
from controlplane.scenarios.recordings.services import (
    AT_ONCE_BYTES,
    recording_delete,
    recording_read,
    recording_upload,
)
from tests.scenarios.bad_recordings import BAD
from tests.scenarios.recorded import GOOD, OWN, OWN_COLUMNS, rees46
from tests.scenarios.requests import Requests

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]
# So that a task reads what is larger.
SMALL = 100


def _uploaded(actor: User, body: bytes, **more: Any) -> tuple[Recording, RecordingReading | None]:
    return recording_upload(actor=actor, name="2019-Oct.csv", chunks=[body], **more)


def _files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def _nothing(folder: Path) -> bool:
    return not Recording.objects.exists() and not RecordingReading.objects.exists() and _files(folder) == []


def test_a_file_is_kept_read_and_told_by_its_columns(operator_user: User, folder: Path) -> None:
    row, reading = _uploaded(operator_user, gzip.compress(rees46(1000)))
    assert reading is not None
    assert (row.name, row.kind, row.packed, row.columns[0]) == ("2019-Oct.csv", "csv", True, "event_time")
    assert (reading.mapping, reading.state, reading.summary["rows"]) == ("rees46", WorkState.SUCCEEDED, 980)
    assert reading.summary["left_out"] == {"price": 20}
    assert row.rows[0][1] in ("view", "cart", "purchase")
    again, same = _uploaded(operator_user, gzip.compress(rees46(1000), mtime=0), mapping="rees46")
    assert Recording.objects.count() == len({row.pk, again.pk})
    assert _uploaded(operator_user, gzip.compress(rees46(1000), mtime=0))[1] == same
    entry = AuditEntry.objects.filter(action="recording.upload").first()
    assert entry is not None
    assert (entry.target, entry.outcome, entry.detail["mapping"]) == ("2019-Oct.csv", "succeeded", "rees46")


@pytest.mark.parametrize(("body", "columns", "says"), [(c[1], c[2], c[5]) for c in BAD], ids=[case[0] for case in BAD])
def test_of_a_bad_file_nothing_is_kept(
    operator_user: User, folder: Path, body: bytes, columns: Columns, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READY, "tried", columns)
    with pytest.raises(InvalidInputError) as refused:
        _uploaded(operator_user, body, mapping="tried")
    if "wrong columns" not in str(refused.value) and "only" not in str(refused.value):
        assert says in str(refused.value)
    assert _nothing(folder)
    entry = AuditEntry.objects.get(action="recording.upload")
    assert entry.outcome == "refused"
    assert entry.detail["reason"] == str(refused.value)


def test_a_bomb_is_refused_and_nothing_is_kept(operator_user: User, folder: Path) -> None:
    header = GOOD.splitlines(keepends=True)[0]
    bomb = gzip.compress(header + GOOD.splitlines(keepends=True)[1] * 1_500_000)
    assert len(bomb) < AT_ONCE_BYTES
    for body, says in ((bomb, "more than 100 times its size"), (gzip.compress(b"\0" * (64 << 20)), "NUL bytes")):
        with pytest.raises(InvalidInputError, match=says):
            _uploaded(operator_user, body)
    assert _nothing(folder)


def test_a_file_that_is_too_large_is_refused(
    operator_user: User, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECORDING_MAX_MB", "1")
    with pytest.raises(InvalidInputError, match="more than 1,048,576 bytes"):
        _uploaded(operator_user, rees46(12_000))
    assert _nothing(folder)


def test_a_full_disk_is_said(operator_user: User, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("controlplane.scenarios.generator.recording.store.os.link", full)
    with pytest.raises(ActionError, match="No space left on device"):
        _uploaded(operator_user, GOOD)
    assert _nothing(folder)


def test_a_large_file_is_read_by_a_task(
    operator_user: User, requests: Requests, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        row, reading = _uploaded(operator_user, rees46(1000), at_once_bytes=SMALL)
    assert reading is not None
    assert (reading.state, requests.readings) == (WorkState.WAITING, [reading.pk])
    assert readings_reconcile(tasks.read_recording) == []
    RecordingReading.objects.update(sent_at=timezone.now() - RecordingReading.LOST_AFTER)
    assert readings_reconcile(tasks.read_recording) == [reading.pk]
    reading_execute(reading.pk)
    reading.refresh_from_db()
    assert (reading.state, reading.rows_read, reading.summary["rows"]) == (WorkState.SUCCEEDED, 1000, 980)
    reading_execute(reading.pk)
    assert RecordingReading.objects.get().attempts == 1
    assert recording_store().summary(row.sha256, READY["rees46"]) is not None


def test_a_file_that_ends_every_worker_is_given_up(operator_user: User, folder: Path) -> None:
    row, reading = _uploaded(operator_user, rees46(1000), at_once_bytes=SMALL)
    assert reading is not None
    RecordingReading.objects.update(
        state=WorkState.RUNNING, attempts=3, heartbeat_at=timezone.now() - RecordingReading.LOST_AFTER * 2
    )
    reading_execute(reading.pk)
    reading.refresh_from_db()
    assert (reading.state, _files(folder)) == (WorkState.FAILED, ["file"])
    assert "terminated 3 times" in reading.message
    again = recording_read(actor=operator_user, sha256=row.sha256, mapping="rees46", at_once_bytes=SMALL)
    assert (again.state, again.attempts) == (WorkState.WAITING, 0)


def test_a_large_file_that_is_wrong_further_on_leaves_no_events(operator_user: User, folder: Path) -> None:
    row, reading = _uploaded(operator_user, rees46(60_000)[:-70], at_once_bytes=SMALL)
    assert reading is not None
    reading_execute(reading.pk, tell_every_seconds=0)
    reading.refresh_from_db()
    assert reading.state == WorkState.FAILED
    assert reading.message.startswith("Row 60,000: 4 fields instead of 9")
    assert _files(folder) == ["file"]
    with pytest.raises(InvalidInputError, match="has not been imported with this mapping"):
        scenario_save(actor=operator_user, text=_document(row.sha256))
    # Asked again, it is tried again.
    again = recording_read(actor=operator_user, sha256=row.sha256, mapping="rees46", at_once_bytes=SMALL)
    assert again.state == WorkState.WAITING
    recording_delete(actor=operator_user, sha256=row.sha256)
    reading_execute(reading.pk)
    assert _nothing(folder)


class Deleting(RecordingStore):
    """Somebody deletes the recording as soon as its file, which stays open, is read."""

    def __init__(self, folder: Path, copy: Path, actor: User) -> None:
        super().__init__(folder)
        self._copy, self._actor = copy, actor

    def file(self, sha256: str) -> Path:
        return self._copy

    def prepare(self, sha256: str, *rest: Any, **more: Any) -> Summary:
        recording_delete(actor=self._actor, sha256=sha256)
        return super().prepare(sha256, *rest, **more)


def test_what_is_deleted_while_it_is_read_leaves_nothing(operator_user: User, folder: Path, tmp_path: Path) -> None:
    row, reading = _uploaded(operator_user, rees46(1000), at_once_bytes=SMALL)
    assert reading is not None
    copy = tmp_path / "copy"
    copy.write_bytes(recording_store().file(row.sha256).read_bytes())
    reading_execute(reading.pk, files=Deleting(folder, copy, operator_user), tell_every_seconds=0)
    assert _nothing(folder)


def test_columns_of_its_own_are_read_and_played(operator_user: User, folder: Path) -> None:
    row, none = _uploaded(operator_user, OWN)
    assert none is None
    reading = recording_read(actor=operator_user, sha256=row.sha256, columns=OWN_COLUMNS)
    assert (reading.mapping, reading.summary["types"]) == ("", {"view": 2, "purchase": 1})
    assert recording_read(actor=operator_user, sha256=row.sha256, columns=OWN_COLUMNS) == reading
    for change, says in (
        ({"price": "nowhere"}, r"Missing column nowhere\. The file has the columns: t, what"),
        ({"types": {}}, "Row 1, column what: 'look' is not an event type"),
    ):
        with pytest.raises(InvalidInputError, match=says):
            recording_read(actor=operator_user, sha256=row.sha256, columns=OWN_COLUMNS.model_copy(update=change))
    assert RecordingReading.objects.get() == reading
    document = {"name": "Mine", "source": selectors.source_of(reading)}
    version = scenario_save(actor=operator_user, text=orjson.dumps(document).decode())
    assert version.content.source is not None
    assert version.content.source.chosen == OWN_COLUMNS


def _document(sha256: str) -> str:
    return f"name: Played\nsource: {{recording: {sha256}, mapping: rees46}}\n"


def test_what_a_scenario_uses_stays_and_the_rest_can_go(operator_user: User, folder: Path) -> None:
    row, _ = _uploaded(operator_user, GOOD)
    scenario_save(actor=operator_user, text=_document(row.sha256))
    with pytest.raises(ActionError, match=r"2019-Oct\.csv is in use by Played"):
        recording_delete(actor=operator_user, sha256=row.sha256)
    assert recording_store().file(row.sha256).is_file()
    other, _ = _uploaded(operator_user, rees46(100))
    (listed,) = selectors.listed(selectors.recordings_page(text="2019", state="succeeded"))[1:]
    assert listed.scenarios == ["played"]
    recording_delete(actor=operator_user, sha256=other.sha256)
    assert [found.sha256 for found in Recording.objects.all()] == [row.sha256]
    assert len(_files(folder)) == 3
    with pytest.raises(NotFoundError):
        recording_delete(actor=operator_user, sha256=other.sha256)
    with pytest.raises(InvalidInputError, match="Upload the file again"):
        scenario_save(actor=operator_user, text=_document(other.sha256).replace("Played", "Gone"))


def test_a_viewer_may_do_none_of_it(operator_user: User, viewer_user: User, folder: Path) -> None:
    with pytest.raises(PermissionDenied):
        _uploaded(viewer_user, GOOD)
    assert _nothing(folder)
    row, _ = _uploaded(operator_user, GOOD)
    with pytest.raises(PermissionDenied):
        recording_delete(actor=viewer_user, sha256=row.sha256)
    with pytest.raises(PermissionDenied):
        recording_read(actor=viewer_user, sha256=row.sha256, mapping="rees46")


@pytest.mark.parametrize(
    ("name", "kept"),
    [("C:\\data\\Oct.csv", "Oct.csv"), ("../../etc/passwd", "passwd"), ("a\0b\n.csv", "ab.csv"), ("", "recording"),
     ("x" * 300, "x" * 79 + "…")],
)  # fmt: skip
def test_a_files_name_is_only_a_name(operator_user: User, folder: Path, name: str, kept: str) -> None:
    assert recording_upload(actor=operator_user, name=name, chunks=[GOOD])[0].name == kept


def test_a_file_is_looked_into_without_being_read(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.csv.gz"
    path.write_bytes(gzip.compress(rees46(200_000), 1))
    seen = look(path)
    assert (seen.kind, seen.packed, len(seen.columns), len(seen.rows), ready_for(seen)) == ("csv", True, 9, 5, "rees46")
    assert set(words(path, "event_type")) == {"view", "cart", "purchase"}
    own = tmp_path / "own.csv"
    own.write_bytes(b"Timestamp,Event,visitorid,itemid,transactionid\n1433221332117,view,257597,355908,\n")
    there = look(own)
    assert ready_for(there) is None
    assert proposed(there) == {
        "event_time": "Timestamp", "event_type": "Event", "user_id": "visitorid", "product_id": "itemid",
        "order_id": "transactionid",
    }  # fmt: skip
    assert types_proposed(["view", "addtocart", "transaction", "x"]) == {
        "addtocart": "add_to_cart", "transaction": "purchase",
    }  # fmt: skip
    lines = tmp_path / "own.ndjson"
    lines.write_bytes(b'{"event_time": 1, "event_type": "view", "user_id": {"a": 1}, "price": "\\u0000"}\n')
    assert look(lines).rows == [["1", "view", '{"a":1}', "�"]]


def test_every_field_has_an_origin() -> None:
    for columns in (*READY.values(), OWN_COLUMNS):
        found = origins(columns)
        assert [origin.field for origin in found] == list(FIELDS)
        assert all(origin.column or origin.rule for origin in found)
    shown = {origin.field: origin for origin in origins(READY["rees46"])}
    assert shown["currency"].rule == "USD"
    assert shown["category"].column == "category_code"
    assert "category_id" in shown["category"].rule


def test_what_killed_programs_left_is_swept(folder: Path) -> None:
    (folder / "reading-abc").mkdir(parents=True)
    (folder / "reading-abc" / "unpacked").write_bytes(b"x")
    (folder / "incoming-def").write_bytes(b"x")
    recording_store().sweep()
    assert len(_files(folder)) == 2
    recording_store().sweep(older_than_seconds=-1)
    assert list(folder.iterdir()) == []
