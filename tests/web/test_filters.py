"""Text, time and order of a list, as an address and as the API say them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict
from django.utils import timezone
from pydantic import ValidationError

from controlplane.accounts.models import User
from controlplane.errors import InvalidInputError
from controlplane.web.filters import ALL, ListFilter, ListForm, ListQuery, moment

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ends", "expected"),
    [
        ("2026-11-23T13:00", False, NOON),
        ("2026-11-23 13:00:00", False, NOON),
        ("2026-11-23T12:00:00Z", False, NOON),
        ("2026-11-23T14:00:00+02:00", False, NOON),
        ("2026-11-23T14:00:00 02:00", False, NOON),
        ("2026-11-23", False, datetime(2026, 11, 22, 23, tzinfo=UTC)),
        ("2026-11-23", True, datetime(2026, 11, 23, 22, 59, 59, 999999, tzinfo=UTC)),
        # In the hour that is there twice and in the one that is not.
        ("2026-10-25T02:30", False, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-03-29T02:30", False, datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("", False, None),
    ],
)
def test_a_moment_is_in_the_persons_zone_unless_it_names_one(text: str, ends: bool, expected: datetime | None) -> None:
    with timezone.override(BERLIN):
        assert moment("since", text, ends=ends) == expected


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01", "2026-11-23T25:00", "0001-01-01", "9999-12-31T23:59-12:00"]
)
def test_what_is_no_moment_is_refused_by_its_name(text: str) -> None:
    with timezone.override(BERLIN), pytest.raises(InvalidInputError, match="since: "):
        moment("since", text)


def test_a_moment_is_bounded_before_it_is_read() -> None:
    # The search for a lost plus is quadratic: of a million letters T it would not come back.
    with pytest.raises(InvalidInputError, match=r"since: 1,000,000 characters exceed the limit of 64\. Use the format"):
        moment("since", "T" * 1_000_000)


def form(address: str) -> ListForm:
    return ListForm(QueryDict(address))


def test_a_form_gives_what_the_address_says_and_shows_it_again() -> None:
    with timezone.override(BERLIN):
        asked = form("text=+abc+&since=2026-11-23T12:00:00Z&until=2026-11-23&sort=oldest&cursor=x")
        assert asked.list_filter == ListFilter(
            "abc", NOON, datetime(2026, 11, 23, 22, 59, 59, 999999, tzinfo=UTC), oldest_first=True
        )
        assert asked.filtered
        assert 'value="2026-11-23T13:00"' in str(asked["since"])
        assert 'value="2026-11-23T23:59:59"' in str(asked["until"])


def test_a_field_in_error_says_so_and_lets_everything_through() -> None:
    asked = form("since=yesterday&text=a%00b&sort=sideways&until=2026-11-23T12:00Z")
    assert asked.list_filter == ListFilter(until=NOON)
    assert set(asked.errors) == {"since", "text", "sort"}


def test_an_order_alone_filters_nothing() -> None:
    assert not form("sort=oldest").filtered
    assert form("").list_filter == ALL


def test_a_person_of_the_api_has_their_zone_too() -> None:
    person = User(username="x", time_zone="Europe/Berlin")
    query = ListQuery(text=" x ", since="2026-11-23T13:00", until="2026-11-23T12:00:00Z", sort="oldest")
    assert query.list_filter(person) == ListFilter("x", NOON, NOON, oldest_first=True)
    person.time_zone = "Gone/Away"
    assert ListQuery(since="2026-11-23T12:00").list_filter(person).since == NOON
    with pytest.raises(ValidationError, match="NUL"):
        ListQuery(text="\x00")


def test_rows_of_no_database_are_narrowed_the_same_way() -> None:
    hour = timedelta(hours=1)
    assert ALL.covers(None)
    assert ListFilter(text="VER").covers(NOON, "bronze", "silver")
    assert not ListFilter(text="gold").covers(NOON, "bronze", "silver")
    assert ListFilter(since=NOON, until=NOON).covers(NOON)
    assert not ListFilter(since=NOON + hour).covers(NOON)
    assert not ListFilter(until=NOON - hour).covers(NOON)
    assert not ListFilter(since=NOON).covers(None)


def test_an_order_is_turned_round_whole() -> None:
    assert ALL.ordered(("-at", "name")) == ("-at", "name")
    assert ListFilter(oldest_first=True).ordered(("-at", "name")) == ("at", "-name")
