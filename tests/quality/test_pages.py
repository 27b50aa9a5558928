"""The pages of validations, and the same through the API."""

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.accounts.roles import Role
from controlplane.quality.adapters.null import NullArchive
from controlplane.quality.models import UnreadableDocument, Validation
from controlplane.quality.services import validations_index
from tests.adapters import Adapters
from tests.people import person
from tests.quality.validations import content, expectation

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(person(Role.VIEWER))
    return client


def _index(*documents: bytes) -> None:
    archive = NullArchive()
    for number, said in enumerate(documents):
        archive.put(f"silver/events.validations/{number}.json", said, timezone.now() - timedelta(minutes=5))
    validations_index(archive)


def test_a_stranger_is_sent_to_sign_in(client: Client) -> None:
    for address in ("/quality/", f"/quality/{uuid4()}/"):
        answer = client.get(address)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/sign-in/?next={address}")
    assert client.get("/api/v1/validations").status_code == 401


def test_an_empty_page_says_what_belongs_here(viewer: Client) -> None:
    page = viewer.get("/quality/").content.decode()

    assert "Nothing has been validated yet" in page


def test_the_list_shows_verdicts_and_filters(viewer: Client) -> None:
    _index(content(minutes=0), content(minutes=1, success=False, published=False, rows=123_456))

    page = viewer.get("/quality/").content.decode()
    assert "123,456" in page
    assert "58,000" in page
    filtered = viewer.get("/quality/?state=succeeded").content.decode()
    assert "123,456" not in filtered.split('<form class="filters"')[1]
    assert "No validation matches" in viewer.get("/quality/?q=nothing-like-it").content.decode()


def test_filters_that_are_no_choice_are_said_and_ignored(viewer: Client) -> None:
    _index(content())

    answer = viewer.get("/quality/?state=%00&period=9y&suite=nope")
    assert answer.status_code == 200
    assert "58,000" in answer.content.decode()


def test_a_cursor_of_nothing_is_a_mistake_of_the_address(viewer: Client) -> None:
    assert viewer.get("/quality/?cursor=x").status_code == 422
    assert viewer.get("/api/v1/validations?cursor=x").status_code == 422


def test_the_detail_shows_what_did_not_hold_first(viewer: Client) -> None:
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

    page = viewer.get(f"/quality/{key}/").content.decode()
    assert page.index("price is positive") < page.index("few are late") < page.index("user_id is never null")
    assert "1.25 %" in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert 'href="/lakehouse/silver/events/?snapshot=8744736658442914487#snapshot"' in page
    assert 'href="/runs/dag/manual__2026-11-23/"' in page


def test_an_unknown_validation_is_not_found(viewer: Client) -> None:
    assert viewer.get(f"/quality/{uuid4()}/").status_code == 404
    assert viewer.get(f"/api/v1/validations/{uuid4()}").status_code == 404


def test_of_many_unreadable_documents_it_is_said_how_many_there_are(viewer: Client) -> None:
    now = timezone.now()
    for number in range(25):
        UnreadableDocument.objects.create(path=f"v/{number:02}.json", modified_at=now, size=1, reason="no JSON")
    page = viewer.get("/quality/").content.decode()
    assert "25 result documents could not be read" in page
    assert "The newest 20 of them" in page
    first = viewer.get("/api/v1/validations/unreadable?limit=20").json()
    second = viewer.get(f"/api/v1/validations/unreadable?limit=20&cursor={first['next']}").json()
    assert len({one["path"] for page in (first, second) for one in page["items"]}) == 25
    assert second["next"] is None


def test_unreadable_documents_are_shown(viewer: Client) -> None:
    _index(b"{ no", content())

    assert "silver/events.validations/0.json" in viewer.get("/quality/").content.decode()
    (said,) = viewer.get("/api/v1/validations/unreadable").json()["items"]
    assert said["path"] == "silver/events.validations/0.json"
    assert "Invalid JSON" in said["reason"]


def test_the_api_pages_through_all(viewer: Client) -> None:
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


def test_validations_are_found_by_time_and_turned_round(viewer: Client) -> None:
    _index(content(minutes=0), content(minutes=1), content(minutes=2))
    rows = list(Validation.objects.order_by("finished_at"))
    middle = rows[1].finished_at.isoformat().replace("+00:00", "Z")

    def listed(query: str) -> list[str]:
        return [item["id"] for item in viewer.get(f"/api/v1/validations?{query}").json()["items"]]

    assert listed("sort=oldest") == [str(row.pk) for row in rows]
    assert listed(f"since={middle}") == [str(row.pk) for row in reversed(rows[1:])]
    assert listed("text=nothing-like-it") == listed("q=nothing-like-it") == []
    page = viewer.get("/quality/?text=nothing-like-it").content.decode()
    assert "No validation matches" in page
    assert 'href="/quality/">Clear the filters' in page


def test_a_large_document_has_bounded_pages_and_is_a_download(viewer: Client, adapters: Adapters) -> None:
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
    address: str | None = f"/quality/{key}/"
    while address:
        answer = viewer.get(address)
        assert len(answer.content) < 2_000_000
        page = answer.content.decode()
        seen |= set(re.findall(r"title (\d+) ", page))
        assert f"/quality/{key}/document/" in page
        following = re.search(r'href="(\?page=\d+)" rel="next"', page)
        address = f"/quality/{key}/{following[1]}" if following else None
    assert len(seen) == 1000
    for page in ("?page=0", "?page=99999999999", "?page=x", "?page=%F0%9F%99%82", "?page=-1"):
        assert viewer.get(f"/quality/{key}/{page}").status_code == 200
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
