"""The index follows the documents, whatever state they are in."""

import gzip
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.quality.adapters.null import NullArchive
from controlplane.quality.documents import MAX_BYTES
from controlplane.quality.models import UnreadableDocument, Validation
from controlplane.quality.ports import ArchiveUnreachableError
from controlplane.quality.presenters import results, results_bounded
from controlplane.quality.services import Indexed, _is_too_large, validations_index
from tests.labels import Quality
from tests.pages import Visitor
from tests.quality.odd import RESULTS
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
        (b"[1, 2]", "Expected a JSON object, got an array"),
        (b"{}", "validation_id: Field required"),
        (content(rows=-1), "rows"),
        (content(started_at="2026-11-23T17:00:00"), "started_at"),
        (content(suite="s" * 129), "suite"),
        (content(rows=2**63), "rows"),
        (b"[" * 200_000, "nested too deep"),
        (gzip.compress(content())[:-20], "corrupt or truncated"),
        (gzip.compress(b"0" * (MAX_BYTES + 1)), f"larger than {MAX_BYTES:,} bytes when decompressed"),
    ],
    ids=[
        *("nothing", "half", "no_utf8", "a_list", "no_fields", "negative_rows", "no_time_zone", "long_suite"),
        *("rows_beyond_64_bits", "nested", "cut_gzip", "gzip_bomb"),
    ],
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
    assert UnreadableDocument.objects.get().reason == (
        f"The document has {MAX_BYTES + 1:,} bytes; the limit is {MAX_BYTES:,}."
    )
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


# Moments without a place in the calendar of UTC, and the years that ISO 8601 has no four digits for.
NO_MOMENTS = (
    "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59.999999-00:01", "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00.000001+00:01", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z", "2026-11-23T24:00:01Z", "9999-12-31T23:59:59Z", "", None, "now", 1e300, -1e300,
    True, [], {},
)  # fmt: skip


def test_no_moment_stops_the_others_or_a_page(viewer: Visitor) -> None:
    archive = NullArchive()
    for number, moment in enumerate(NO_MOMENTS):
        archive.put(PATH.format(number), content(finished_at=moment), _ago(minutes=2))
    archive.put(PATH.format("good"), content(), _ago(minutes=1))

    assert validations_index(archive) == Indexed(added=1, set_aside=len(NO_MOMENTS))
    assert {row.reason.split(":")[0] for row in UnreadableDocument.objects.all()} == {"finished_at"}
    for page in ("/", "/quality/", "/search/?q=silver", "/api/v1/validations", "/api/v1/validations/unreadable"):
        assert viewer.get(page).status_code == 200, page


def test_moments_at_the_ends_of_the_calendar_are_kept_in_utc(viewer: Visitor, viewer_user: User) -> None:
    archive, key = NullArchive(), uuid4()
    first = "0001-01-01T00:00:00-12:00"
    archive.put(PATH.format(key), content(validation_id=key, started_at=first, finished_at=first), _ago(minutes=1))
    assert validations_index(archive) == Indexed(added=1)
    assert Validation.objects.get().finished_at == datetime(1, 1, 1, 12, tzinfo=UTC)
    with timezone.override("UTC"):  # a request leaves the zone of its person in force
        for zone in ("Pacific/Kiritimati", "Pacific/Midway"):
            User.objects.filter(pk=viewer_user.pk).update(time_zone=zone)
            for page in ("/", "/quality/", f"/quality/{key}/", "/search/?q=silver"):
                assert viewer.get(page).status_code == 200, (zone, page)


def test_a_time_of_a_file_in_the_future_delays_no_document() -> None:
    archive = NullArchive()
    archive.put(PATH.format("ahead"), content(), _ago(days=-3))
    assert validations_index(archive) == Indexed(added=1)
    archive.put(PATH.format("next"), content(), _ago(seconds=1))
    assert validations_index(archive) == Indexed(added=1)
    archive.put(PATH.format("cut"), b"{", _ago(days=-3))
    assert validations_index(archive) == Indexed(set_aside=1)
    assert validations_index(archive) == Indexed()


def test_one_document_that_may_not_be_read_hides_no_other() -> None:
    archive = NullArchive()
    archive.put(PATH.format("denied"), content(), _ago(minutes=2))
    archive.put(PATH.format("good"), content(), _ago(minutes=1))
    archive.denied.add(PATH.format("denied"))
    assert validations_index(archive) == Indexed(added=1, set_aside=1)
    assert UnreadableDocument.objects.get().reason == "Permission denied."

    archive.denied.clear()
    assert validations_index(archive) == Indexed()
    assert validations_index(archive, everything=True) == Indexed(added=1)
    assert not UnreadableDocument.objects.exists()


def test_what_was_unreadable_and_is_gone_is_forgotten() -> None:
    archive = NullArchive()
    archive.put(PATH.format("x"), b"{", _ago(minutes=5))
    validations_index(archive)
    archive.documents.clear()
    validations_index(archive, everything=True)
    assert not UnreadableDocument.objects.exists()


def test_a_document_written_again_with_another_validation_takes_its_place() -> None:
    archive, old, new = NullArchive(), uuid4(), uuid4()
    archive.put(PATH.format("x"), content(validation_id=old), _ago(minutes=5))
    validations_index(archive)
    archive.put(PATH.format("x"), content(validation_id=new), _ago(minutes=1))
    assert validations_index(archive) == Indexed(added=1)
    assert Validation.objects.get().pk == new


def test_a_path_that_no_row_holds_is_named_by_its_beginning() -> None:
    archive = NullArchive()
    archive.put(PATH.format("x" * 2000), content(), _ago(minutes=5))
    assert validations_index(archive) == Indexed(set_aside=1)
    assert "the limit is 1,024" in UnreadableDocument.objects.get().reason
    assert validations_index(archive) == Indexed()


def test_packed_documents_are_read() -> None:
    archive = NullArchive()
    archive.put(PATH.format("packed") + ".gz", gzip.compress(content(rows=7)), _ago(minutes=1))
    assert validations_index(archive) == Indexed(added=1)
    assert Validation.objects.get().rows == 7


def test_as_many_results_as_there_are_are_shown_each_by_itself(viewer: Visitor) -> None:
    archive, key = NullArchive(), uuid4()
    archive.put(PATH.format(key), content(validation_id=key, success=None, expectations=list(RESULTS)), _ago(minutes=1))
    assert validations_index(archive) == Indexed(added=1)

    page = viewer.page(f"/quality/{key}/")
    assert len(page.table(Quality.EXPECTATIONS).rows) == len(RESULTS)
    for text in ("Infinity", "NaN", str(2**63), str(2**53 + 1), "boom", "bang", "items: x", "keys: 1", "a\ufffdb",
                 "expected an object, got a number", "expected an object, got null", "no result",
                 "unexpected_count: expected a number, got many."):  # fmt: skip
        assert text in page, text
    said = viewer.get(f"/api/v1/validations/{key}").json()
    assert (len(said["expectations"]), said["expectations_in_all"]) == (len(RESULTS), len(RESULTS))
    assert (said["state"], said["success"]) == ("unknown", None)


def test_a_document_without_anything_that_it_may_leave_out() -> None:
    archive = NullArchive()
    kept = ("validation_id", "suite", "table", "started_at", "finished_at", "success", "published", "expectations")
    bare = {name: value for name, value in json.loads(content()).items() if name in kept}
    archive.put(PATH.format("bare"), json.dumps(bare).encode(), _ago(minutes=1))
    nulls = {**json.loads(content()), **dict.fromkeys(("branch", "snapshot_id", "run_id", "job", "rows"))}
    archive.put(PATH.format("nulls"), json.dumps({**nulls, "expectations": None}).encode(), _ago(minutes=1))
    archive.put(PATH.format("numbers"), content(snapshot_id=8744736658442914487), _ago(minutes=1))
    assert validations_index(archive) == Indexed(added=3)
    assert set(Validation.objects.values_list("run_id", "snapshot_id")) == {
        ("", ""),
        ("manual__2026-11-23", "8744736658442914487"),
    }


def test_documents_with_a_random_value_in_a_random_place_are_each_one_row() -> None:
    drawn = random.Random("documents 14")
    print("seed: documents 14")
    odd = ("", "x", "\x00", "\ud800", "\u202e", None, True, -1, 2**63, 10**400, 1e308, float("nan"), float("inf"), [],
           {}, [[]], {"items": 1}, "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00")  # fmt: skip
    archive = NullArchive()
    for number in range(150):
        said = json.loads(content())
        for _ in range(drawn.randint(1, 3)):
            place = said if drawn.random() < 0.5 else drawn.choice(said["expectations"] or [said])
            if isinstance(place, dict) and place:
                place[drawn.choice(sorted(place))] = drawn.choice(odd)
            said["expectations"] = said["expectations"] if isinstance(said.get("expectations"), list) else []
        archive.put(PATH.format(number), json.dumps(said).encode(), _ago(minutes=1))
    found = validations_index(archive)
    assert (found.added + found.set_aside, found.left) == (150, 0)
    assert Validation.objects.count() + UnreadableDocument.objects.count() == 150
    assert found.added > 20
    for row in Validation.objects.all():
        results(row)
        results_bounded(row)


@pytest.mark.parametrize(
    "results", [[0] * 1_000_000, [{}] * 200_000, [[]] * 10_001], ids=["numbers", "objects", "lists"]
)
def test_too_many_results_are_set_aside_and_stop_no_other_document(results: list[Any]) -> None:
    archive = NullArchive()
    archive.put(PATH.format("many"), content(validation_id=uuid4(), expectations=results), _ago(minutes=2))
    archive.put(PATH.format("next"), content(validation_id=uuid4()), _ago(minutes=1))
    assert validations_index(archive) == Indexed(added=1, set_aside=1)
    assert f"{len(results):,} results" in UnreadableDocument.objects.get().reason


def test_a_limit_of_the_database_is_no_outage() -> None:
    wide = ", ".join(f"c{number} int" for number in range(1601))
    with pytest.raises(OperationalError) as raised, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE wide ({wide})")
    assert _is_too_large(raised.value)
    assert not _is_too_large(OperationalError("the server closed the connection unexpectedly"))
