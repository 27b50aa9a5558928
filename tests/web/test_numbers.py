"""Numbers as people read them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from controlplane.web.numbers import duration, filesize, grouped, short


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), ("", "–"), (0, "0"), (1234567, "1,234,567"), (-1234.5, "-1,234.5"), (Decimal("19.90"), "19.9")],
)
def test_grouped(value: float | Decimal | str | None, text: str) -> None:
    assert grouped(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (12.34, "12.3"),
        (9_999, "9,999"),
        (10_000, "10.0k"),
        (60_000, "60.0k"),
        (123_456, "123k"),
        (1_234_567, "1.23M"),
        (-25_000_000_000, "-25.0G"),
    ],
)
def test_short(value: float | None, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.42, "0.4 s"), (12, "12 s"), (200, "3 min 20 s"), (7200, "2 h"), (270_000, "3 days 3 h")],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(None, "–"), (512, "512 B"), (1536, "1.5 KiB"), (35 * 2**20, "35 MiB"), (3 * 2**50, "3072 TiB")],
)
def test_filesize(size: int | None, text: str) -> None:
    assert filesize(size) == text


@pytest.mark.parametrize("shown", [grouped, short, duration, filesize])
def test_what_is_no_finite_number_is_shown_for_what_it_is(shown: Callable[[Any], str]) -> None:
    inf = float("inf")
    known = {"NaN": "NaN", "1e400": "1.000e+400", "abc": "abc", "1e999999999": "1.000e+999999999"}
    assert {text: shown(text) for text in known} == known
    assert [shown(value) for value in (float("nan"), inf, -inf)] == ["NaN", "Infinity", "-Infinity"]
    assert shown(10**5000) == "1.000e+5000"
    assert shown(-(10**32)) == "-1.000e+32"
    for odd in (True, [1] * 100, {"items": 1}, "x" * 500, Decimal("1e-999999"), Decimal("sNaN"), 2**63, 5e-324):
        assert 0 < len(shown(odd)) <= 50
