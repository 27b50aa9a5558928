"""When a cron expression is due, and what is said of one that is none."""

import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from controlplane.errors import InvalidInputError
from controlplane.scenarios.schedules.times import Cron, Once, cron_text, upcoming

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday


def _times(text: str, after: datetime = NOON, count: int = 3) -> list[str]:
    return [f"{moment:%a %Y-%m-%d %H:%M}" for moment in upcoming(Cron.parse(text), after, count)]


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("* * * * *", ["Tue 2026-11-24 12:01", "Tue 2026-11-24 12:02", "Tue 2026-11-24 12:03"]),
        ("0 12 * * *", ["Wed 2026-11-25 12:00", "Thu 2026-11-26 12:00", "Fri 2026-11-27 12:00"]),
        ("*/30 8-9 * * mon-fri", ["Wed 2026-11-25 08:00", "Wed 2026-11-25 08:30", "Wed 2026-11-25 09:00"]),
        ("5 0 * * 0", ["Sun 2026-11-29 00:05", "Sun 2026-12-06 00:05", "Sun 2026-12-13 00:05"]),
        ("0 6 31 * *", ["Thu 2026-12-31 06:00", "Sun 2027-01-31 06:00", "Wed 2027-03-31 06:00"]),
        ("0 0 29 2 *", ["Tue 2028-02-29 00:00", "Sun 2032-02-29 00:00", "Fri 2036-02-29 00:00"]),
        ("0 0 1 JAN,Jul *", ["Fri 2027-01-01 00:00", "Thu 2027-07-01 00:00", "Sat 2028-01-01 00:00"]),
        ("0 0 1-31 * mon", ["Mon 2026-11-30 00:00", "Mon 2026-12-07 00:00", "Mon 2026-12-14 00:00"]),
        ("0 0 * * fri-mon", ["Fri 2026-11-27 00:00", "Sat 2026-11-28 00:00", "Sun 2026-11-29 00:00"]),
    ],
)
def test_when_an_expression_is_due(text: str, due: list[str]) -> None:
    assert _times(text) == due


def test_the_next_time_is_after_the_moment_and_never_the_moment_itself() -> None:
    cron = Cron.parse("0 12 * * *")
    assert next(cron.after(NOON)) == NOON + timedelta(days=1)
    assert next(cron.after(NOON - timedelta(microseconds=1))) == NOON
    assert next(cron.after(NOON.astimezone().replace(tzinfo=None).astimezone())) == NOON + timedelta(days=1)


def test_the_times_are_those_that_going_through_every_minute_finds() -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)

    def part(least: int, most: int, last: int) -> tuple[str, set[int]]:
        """A field and its numbers. Numbers up to `most` are written; the field has those up to `last`."""
        a, b = sorted(chance.sample(range(least, most + 1), 2))
        everything = set(range(least, last + 1))
        return chance.choice(
            [
                ("*", everything),
                (str(a), {a}),
                (f"{a},{b}", {a, b}),
                (f"{a}-{b}", set(range(a, b + 1))),
                (f"{b}-{a}", everything - set(range(a + 1, b))),
                (f"*/{max(a, 1)}", set(range(least, last + 1, max(a, 1)))),
            ]
        )

    for _ in range(30):
        parts = [part(0, 59, 59), part(0, 23, 23), part(1, 28, 31), part(1, 12, 12), ("*", set(range(7)))]
        if chance.random() < 0.5:
            parts[2:] = [("*", set(range(1, 32))), parts[3], part(0, 6, 6)]
        cron = Cron.parse(" ".join(text for text, _ in parts))
        start = NOON + timedelta(minutes=chance.randrange(500_000))
        end = start + timedelta(days=3)
        minutes = (start + timedelta(minutes=n) for n in range(1, 3 * 24 * 60 + 1))
        wanted = [
            minute
            for minute in minutes
            if all(
                number in numbers
                for number, (_, numbers) in zip(
                    (minute.minute, minute.hour, minute.day, minute.month, minute.isoweekday() % 7), parts, strict=True
                )
            )
        ]
        found = []
        for moment in cron.after(start):
            if moment > end:
                break
            found.append(moment)
        assert found == wanted, parts


@pytest.mark.parametrize(
    ("text", "field", "remedy"),
    [
        ("60 * * * *", "Invalid minute '60'", "0 to 59"),
        ("*/0 * * * *", "Invalid minute '*/0'", "*/5"),
        ("mon * * * *", "Invalid minute 'mon'", "0 to 59"),
        ("-1 * * * *", "Invalid minute '-1'", "0 to 59"),
        ("٣ * * * *", "Invalid minute '٣'", "0 to 59"),
        ("0 24 * * *", "Invalid hour '24'", "0 to 23"),
        ("0 6, * * *", "Invalid hour '6,'", "0 to 23"),
        ("0 6 0 * *", "Invalid day of month '0'", "1 to 31"),
        ("0 6 L * *", "Invalid day of month 'L'", "1 to 31"),
        ("0 6 ? * *", "Invalid day of month '?'", "1 to 31"),
        ("0 6 * 13 *", "Invalid month '13'", "jan to dec"),
        ("0 6 * mon *", "Invalid month 'mon'", "jan to dec"),
        ("0 6 * * 7", "Invalid day of week '7'", "Sunday is 0"),
        ("0 6 * * monx", "Invalid day of week 'monx'", "sun to sat"),
        ("0 6 * * mon#1", "Invalid day of week 'mon#1'", "sun to sat"),
        ("0 6 1 * mon", "Both day of month (1) and day of week (mon)", "two schedules"),
        ("0 6 30 2 *", "No month in 2 has the day 30", "Use a day"),
        ("0 6 * *", "Expected 5 fields, found 4", "0 6 * * mon-fri"),
        ("0 0 6 * * *", "Expected 5 fields, found 6", "0 6 * * mon-fri"),
        ("@daily", "Expected 5 fields, found 1", "0 6 * * mon-fri"),
        ("", "Expected 5 fields, found 0", "0 6 * * mon-fri"),
        ("1," * 60 + "1 * * * *", "129 characters", "maximum is 100 characters"),
        ("<script> * * * *", "Invalid minute '<script>'", "0 to 59"),
        ("\x00 * * * *", "Invalid minute", "0 to 59"),
    ],
)
def test_what_is_no_expression_is_said_with_field_and_remedy(text: str, field: str, remedy: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Cron.parse(text)
    assert refused.value.message.startswith("cron: ")
    assert field in refused.value.message
    assert remedy in refused.value.remedy


def test_no_text_makes_it_fail_otherwise() -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    for _ in range(3000):
        text = " ".join("".join(chance.choices("0123456789*/,-monjaL#?", k=chance.randint(1, 5))) for _ in range(5))
        with suppress(InvalidInputError):
            assert next(Cron.parse(text).after(NOON)) > NOON, text


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_a_change_of_daylight_saving_time_changes_nothing(zone: str) -> None:
    """Times are in UTC, also after a moment of another zone: none is left out or repeated in the hours of a change."""
    for change in (
        datetime(2026, 3, 29, tzinfo=UTC),
        datetime(2026, 10, 25, tzinfo=UTC),
        datetime(2026, 11, 1, tzinfo=UTC),
    ):
        moments = [change + timedelta(hours=hour) for hour in range(1, 25)]
        assert upcoming(Cron.parse("0 * * * *"), change.astimezone(ZoneInfo(zone)), 24) == moments
        assert _times("30 2 * * *", change.astimezone(ZoneInfo(zone)), 1) == [f"{change:%a %Y-%m-%d} 02:30"]


def test_the_expression_is_kept_with_single_spaces() -> None:
    assert cron_text("  0   6 * *\tmon-fri ") == "0 6 * * mon-fri"


def test_one_time_comes_once() -> None:
    assert upcoming(Once(NOON), NOON - timedelta(seconds=1)) == [NOON]
    assert upcoming(Once(NOON), NOON) == []
