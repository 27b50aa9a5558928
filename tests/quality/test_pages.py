"""The pages of validations, and the same through the API."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.quality.adapters.null import NullArchive
from controlplane.quality.models import UnreadableDocument, Validation
from controlplane.quality.services import validations_index
from tests.adapters import Adapters
from tests.labels import Everywhere, Quality
from tests.pages import Part, Visitor
from tests.quality.validations import content, expectation

pytestmark = pytest.mark.django_db


def _index(*documents: bytes) -> None:
    archive = NullArchive()
    for number, said in enumerate(documents):
        archive.put(f"silver/events.validations/{number}.json", said, timezone.now() - timedelta(minutes=5))
    validations_index(archive)


def listed_rows(page: Part) -> list[str]:
    """How many rows each validation of the list has judged."""
    return [] if page.is_empty else page.table().column(Quality.ROWS)


def test_a_stranger_is_sent_to_sign_in(client: Client) -> None:
    for address in ("/quality/", f"/quality/{uuid4()}/"):
        answer = client.get(address)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/sign-in/?next={address}")
    assert client.get("/api/v1/validations").status_code == 401


def test_an_empty_page_says_what_belongs_here(viewer: Visitor) -> None:
    page = viewer.page("/quality/")

    assert page.is_empty
    assert Everywhere.CLEAR_FILTERS not in page.links


def test_the_list_shows_verdicts_and_filters(viewer: Visitor) -> None:
    _index(content(minutes=0), content(minutes=1, success=False, published=False, rows=123_456))

    assert listed_rows(viewer.page("/quality/")) == ["123,456", "58,000"]
    assert listed_rows(viewer.page("/quality/?state=succeeded")) == ["58,000"]
    nothing = viewer.page("/quality/?q=nothing-like-it")
    assert (nothing.is_empty, Everywhere.CLEAR_FILTERS in nothing.links) == (True, True)


def test_filters_that_are_no_choice_are_said_and_ignored(viewer: Visitor) -> None:
    _index(content())

    page = viewer.page("/quality/?state=%00&period=9y&suite=nope")
    assert listed_rows(page) == ["58,000"]


def test_a_cursor_of_nothing_is_a_mistake_of_the_address(viewer: Visitor) -> None:
    assert viewer.get("/quality/?cursor=x").status_code == 422
    assert viewer.get("/api/v1/validations?cursor=x").status_code == 422


def test_the_detail_shows_what_did_not_hold_first(viewer: Visitor) -> None:
    key = uuid4()
    _index(
        content(
            validation_id=key,
            success=False,
            published=False,
            expectations=[
                expectation(title="user_id is never null"),
                expectation(title="few are late", severity="warning", success=False),
                expectation(
                    title="price is positive",
                    success=False,
                    unexpected_count=17,
                    unexpected_percent=1.25,
                    unexpected_sample=["-3.50", "<b>x</b>", None],
                    observed={"min": -3.5},
                ),
            ],
        )
    )

    page = viewer.page(f"/quality/{key}/")
    table = page.table(Quality.EXPECTATIONS)
    titles = ("price is positive", "few are late", "user_id is never null")
    for title, shown in zip(titles, table.column(Quality.EXPECTATION), strict=True):
        assert shown.startswith(title)
    price = table.rows[0]
    assert "1.25%" in price[Quality.UNEXPECTED]
    assert "<b>x</b>" in price.part
    assert "/lakehouse/silver/events/?snapshot=8744736658442914487#snapshot" in page.links.values()
    assert "/runs/dag/manual__2026-11-23/" in page.links.values()


def test_an_unknown_validation_is_not_found(viewer: Visitor) -> None:
    assert viewer.get(f"/quality/{uuid4()}/").status_code == 404
    assert viewer.get(f"/api/v1/validations/{uuid4()}").status_code == 404


def test_of_many_unreadable_documents_it_is_said_how_many_there_are(viewer: Visitor) -> None:
    now = timezone.now()
    for number in range(25):
        UnreadableDocument.objects.create(path=f"v/{number:02}.json", modified_at=now, size=1, reason="no JSON")
    said = viewer.page("/quality/").part("unreadable")
    assert said.text.startswith("25 ")
    assert [f"v/{number:02}.json" in said for number in range(25)].count(True) == 20
    assert list(said.links.values()) == ["/api/v1/validations/unreadable"]
    first = viewer.get("/api/v1/validations/unreadable?limit=20").json()
    second = viewer.get(f"/api/v1/validations/unreadable?limit=20&cursor={first['next']}").json()
    assert len({one["path"] for page in (first, second) for one in page["items"]}) == 25
    assert second["next"] is None


def test_unreadable_documents_are_shown(viewer: Visitor) -> None:
    _index(b"{ no", content())

    assert "silver/events.validations/0.json" in viewer.page("/quality/").part("unreadable")
    (said,) = viewer.get("/api/v1/validations/unreadable").json()["items"]
    assert said["path"] == "silver/events.validations/0.json"
    assert "Invalid JSON" in said["reason"]


def test_the_api_pages_through_all(viewer: Visitor) -> None:
    _index(*(content(minutes=number) for number in range(5)))

    seen: list[UUID] = []
    cursor = ""
    while True:
        answer = viewer.get(f"/api/v1/validations?limit=2&cursor={cursor}").json()
        seen += [item["id"] for item in answer["items"]]
        if answer["next"] is None:
            break
        cursor = answer["next"]
    assert len(seen) == len(set(seen)) == 5
    one = viewer.get(f"/api/v1/validations/{seen[0]}").json()
    assert one["url"] == f"/quality/{seen[0]}/"
    assert one["expectations"][0]["title"] == "event_id is never null"


def test_validations_are_found_by_time_and_turned_round(viewer: Visitor) -> None:
    _index(content(minutes=0), content(minutes=1), content(minutes=2))
    rows = list(Validation.objects.order_by("finished_at"))
    middle = rows[1].finished_at.isoformat().replace("+00:00", "Z")

    def listed(query: str) -> list[str]:
        return [item["id"] for item in viewer.get(f"/api/v1/validations?{query}").json()["items"]]

    assert listed("sort=oldest") == [str(row.pk) for row in rows]
    assert listed(f"since={middle}") == [str(row.pk) for row in reversed(rows[1:])]
    assert listed("text=nothing-like-it") == listed("q=nothing-like-it") == []
    page = viewer.page("/quality/?text=nothing-like-it")
    assert page.is_empty
    assert page.link(Everywhere.CLEAR_FILTERS) == "/quality/"


def test_a_large_document_has_bounded_pages_and_is_a_download(viewer: Visitor, adapters: Adapters) -> None:
    key = uuid4()
    many = [
        expectation(title=f"title {number} " + "x" * 900, kwargs={"<&>" * 300: "<&>" * 900}, success=number > 990,
                    unexpected_sample=["<&>" * 50] * 30, exception_info={"exception_message": "e" * 5000})
        for number in range(1000)
    ]  # fmt: skip
    large = content(validation_id=key, success=False, expectations=many)
    assert len(large) > 10_000_000
    archive = NullArchive()
    archive.put("silver/events.validations/large.json", large, timezone.now() - timedelta(minutes=5))
    validations_index(archive)
    adapters.use(validation_archive=archive)

    seen: set[str] = set()
    following: str | None = ""
    while following is not None:
        page = viewer.page(f"/quality/{key}/{following}")
        assert len(page.html.encode()) < 2_000_000
        seen |= {" ".join(title.split()[:2]) for title in page.table(Quality.EXPECTATIONS).column(Quality.EXPECTATION)}
        assert f"/quality/{key}/document/" in page.links.values()
        following = page.links.get(Everywhere.NEXT_PAGE)
    assert seen == {f"title {number}" for number in range(1000)}
    for query in ("?page=0", "?page=99999999999", "?page=x", "?page=%F0%9F%99%82", "?page=-1"):
        assert viewer.get(f"/quality/{key}/{query}").status_code == 200
    said = viewer.get(f"/api/v1/validations/{key}")
    assert len(said.content) < 2_000_000
    assert said.json()["expectations_in_all"] == 1000
    for address in (f"/quality/{key}/document/", f"/api/v1/validations/{key}/document"):
        answer = viewer.get(address)
        assert answer.content == large
        assert answer.headers["Content-Disposition"] == f'attachment; filename="validation-{key}.json"'
    archive.documents.clear()
    assert viewer.get(f"/quality/{key}/document/").status_code == 404
    archive.unreachable = "down"
    assert viewer.get(f"/api/v1/validations/{key}/document").status_code == 503
