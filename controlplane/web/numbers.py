"""Formats numbers for display.

Each function accepts every value. A value that is no finite number (NaN, Infinity, text in a numeric field) is shown
unchanged, since it is not unknown.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation, localcontext
from functools import wraps
from typing import Any

Number = int | float | Decimal
LONGEST = 40
UNKNOWN = "–"


def _total(shown: Callable[[Decimal], str]) -> Callable[[Any], str]:
    """Extend `shown`, which formats finite numbers, to every value."""

    @wraps(shown)
    def of(value: Any) -> str:
        if value is None or value == "":
            return UNKNOWN
        # A precision higher than LARGEST_EXPONENT: integers are shown exactly.
        with localcontext(prec=400):
            try:
                number = Decimal(value if isinstance(value, int) else str(value))
                if number.is_finite() and -LARGEST_EXPONENT < number.adjusted() < LARGEST_EXPONENT:
                    return shown(number)
            except (InvalidOperation, ValueError):
                return _cut(str(value))
        return f"{number:.3e}" if number.is_finite() else _NAMES.get(str(number), str(number))

    return of


# Numbers with more digits are written with an exponent.
LARGEST_EXPONENT = 30
_NAMES = {"NaN": "NaN", "sNaN": "NaN", "Infinity": "Infinity", "-Infinity": "-Infinity"}


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


@_total
def grouped(number: Decimal) -> str:
    """`1234567` as `1,234,567`; a fraction keeps at most two digits."""
    if number == number.to_integral_value():
        return f"{int(number):,}"
    return f"{number:,.2f}".rstrip("0").rstrip(".")


@_total
def short(number: Decimal) -> str:
    """`1234567` as `1.23M`; below ten thousand it is written whole."""
    if abs(number) < 10_000:
        return f"{number:,.1f}" if number != number.to_integral_value() and abs(number) < 100 else f"{round(number):,}"
    for size, letter in (
        (Decimal(10) ** 12, "T"),
        (Decimal(10) ** 9, "G"),
        (Decimal(10) ** 6, "M"),
        (Decimal(10) ** 3, "k"),
    ):
        if abs(number) >= size:
            scaled = number / size
            digits = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
            return f"{scaled:.{digits}f}{letter}" if abs(scaled) < 10_000 else f"{scaled:.2e}{letter}"
    return grouped(number)


@_total
def duration(number: Decimal) -> str:
    """Seconds as `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 days 4 h`."""
    if number < 0:
        return f"-{duration(-number)}"
    if number < 10:
        return f"{number:.1f} s"
    whole = int(number)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole // 60, "min", whole % 60, "s")
    if whole < 86_400:
        return _two(whole // 3600, "h", whole % 3600 // 60, "min")
    return _two(whole // 86_400, "days", whole % 86_400 // 3600, "h")


@_total
def filesize(number: Decimal) -> str:
    """Bytes as `512 B`, `1.2 KiB`, `34 MiB`."""
    scaled = float(number)
    units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while abs(scaled) >= 1024 and len(units) > 1:
        scaled /= 1024
        del units[0]
    return f"{scaled:.0f} {units[0]}" if units[0] == "B" or abs(scaled) >= 10 else f"{scaled:.1f} {units[0]}"


def money(value: Any, currency: str = "") -> str:
    """An amount with two decimals, grouped, and its currency."""
    amount = _amount(value)
    return amount if amount == UNKNOWN else f"{amount} {currency}".strip()


@_total
def _amount(number: Decimal) -> str:
    return f"{number:,.2f}"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large:,} {large_unit} {small} {small_unit}" if small else f"{large:,} {large_unit}"
