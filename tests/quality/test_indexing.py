"""The index follows the documents, whatever state they are in."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from controlplane.quality.adapters.null import NullArchive
from controlplane.quality.models import UnreadableDocument, Validation
from controlplane.quality.ports import ArchiveUnreachableError
from controlplane.quality.services import MAX_BYTES, Indexed, validations_index
from tests.quality.validations import NOW, content, expectation

pytestmark = pytest.mark.django_db
PATH = "silver/events.validations/{}.json"


def _ago(**time: float) -> datetime:
    return timezone.now() - timedelta(**time)


def test_a_document_becomes_a_row() -> None:
    archive, key = NullArchive(), uuid4()
    broken = expectation(success=False, unexpected_count=3, unexpected_percent=0.5, unexpected_sample=["x", None, 1])
    archive.put(
        PATH.format(key),
        content(validation_id=key, success=False, published=False, expectations=[expectation(), broken]),
        _ago(minutes=1),
    )

    assert validations_index(archive) == Indexed(added=1)
    row = Validation.objects.get()
    assert row.pk == key
    assert (row.suite, row.table_name, row.rows, row.state, row.published) == (
        "silver.events",
        "silver.events",
        58_000,
        "failed",
        False,
    )
    assert row.finished_at == NOW
    assert row.duration == 8
    assert row.expectations_failed == 1
    assert row.expectations[1]["unexpected_sample"] == ["x", None, 1]


def test_nothing_new_reads_nothing() -> None:
    archive = NullArchive()
    for number in range(3):
        archive.put(PATH.format(number), content(), _ago(minutes=number))
    validations_index(archive)

    assert validations_index(archive) == Indexed()
    assert validations_index(archive, everything=True) == Indexed()
    assert archive.reads == 3


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b"", "empty"),
        (b'{"validation_id": "1', "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b"[1, 2]", "object"),
        (b"{}", "validation_id: Field required"),
        (content(rows=-1), "rows"),
        (content(started_at="2026-11-23T17:00:00"), "started_at"),
        (content(suite="s" * 129), "suite"),
        (content(expectations=[expectation(title="a\u0000b")]), "stored"),
    ],
    ids=["nothing", "half", "no_utf8", "a_list", "no_fields", "negative_rows", "no_time_zone", "long_suite", "nul"],
)
def test_what_is_no_validation_is_set_aside_once(broken: bytes, said: str) -> None:
    archive = NullArchive()
    archive.put(PATH.format("broken"), broken, _ago(minutes=2))
    archive.put(PATH.format("good"), content(), _ago(minutes=1))

    assert validations_index(archive) == Indexed(added=1, set_aside=1)
    assert said in UnreadableDocument.objects.get(path=PATH.format("broken")).reason
    assert validations_index(archive) == Indexed()
    assert archive.reads == 2


def test_a_document_that_is_too_large_is_set_aside_unread() -> None:
    archive = NullArchive()
    archive.put(PATH.format("large"), b" " * (MAX_BYTES + 1), _ago(minutes=2))

    assert validations_index(archive) == Indexed(set_aside=1)
    assert UnreadableDocument.objects.get().reason == "The document has 8,388,609 bytes; 8,388,608 at most are read."
    assert archive.reads == 0


def test_a_half_written_document_is_awaited_then_read() -> None:
    archive, whole = NullArchive(), content()
    archive.put(PATH.format("slow"), whole[:50], timezone.now())
    assert validations_index(archive) == Indexed(left=1)
    assert not UnreadableDocument.objects.exists()

    archive.put(PATH.format("slow"), whole, timezone.now())
    assert validations_index(archive) == Indexed(added=1)


def test_a_mended_document_leaves_the_unreadable_ones() -> None:
    archive = NullArchive()
    archive.put(PATH.format("x"), b"{", _ago(minutes=5))
    validations_index(archive)
    archive.put(PATH.format("x"), content(), _ago(minutes=1))

    assert validations_index(archive) == Indexed(added=1)
    assert not UnreadableDocument.objects.exists()


def test_a_second_document_of_one_id_is_set_aside() -> None:
    archive, key = NullArchive(), uuid4()
    archive.put(PATH.format(key), content(validation_id=key), _ago(minutes=2))
    archive.put(PATH.format("copy"), content(validation_id=key), _ago(minutes=1))

    assert validations_index(archive) == Indexed(added=1, set_aside=1)
    assert validations_index(archive) == Indexed()
    assert PATH.format(key) in UnreadableDocument.objects.get().reason


def test_a_document_restored_with_an_old_time_is_found_by_the_full_pass() -> None:
    archive = NullArchive()
    archive.put(PATH.format("new"), content(), _ago(minutes=1))
    validations_index(archive)
    archive.put(PATH.format("restored"), content(), _ago(days=3))

    assert validations_index(archive) == Indexed()
    assert validations_index(archive, everything=True) == Indexed(added=1)


def test_a_warehouse_that_is_down_changes_nothing() -> None:
    archive = NullArchive()
    archive.put(PATH.format("x"), content(), _ago(minutes=1))
    validations_index(archive)
    archive.unreachable = "down"

    with pytest.raises(ArchiveUnreachableError):
        validations_index(archive)
    assert Validation.objects.count() == 1
