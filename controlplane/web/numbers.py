"""Numbers as people read them.

A value that no program should have given is shown for what it is and never ends a page: `NaN`, `∞`, a text as the text.
"""

import math
from decimal import Decimal, InvalidOperation

Number = int | float | Decimal
# Powers of ten: from the one on numbers are written with an exponent, up to the other they are 0.
HUGE, TINY = 21, -30
# Of a text that stands where a number should.
LONGEST = 40


def grouped(value: Number | str | None) -> str:
    """`1234567` as `1,234,567`; a fraction keeps at most two digits."""
    number = _number(value)
    if not isinstance(number, Decimal):
        return number
    if number == number.to_integral_value():
        return f"{int(number):,}"
    return f"{number:,.2f}".rstrip("0").rstrip(".")


def short(value: Number | str | None) -> str:
    """`1234567` as `1.23M`; below ten thousand it is written whole."""
    number = _number(value)
    if not isinstance(number, Decimal):
        return number
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
            return f"{scaled:.{digits}f}{letter}"
    return grouped(number)


def duration(seconds: Number | str | None) -> str:
    """Seconds as `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 days 4 h`."""
    number = _number(seconds)
    if not isinstance(number, Decimal):
        return number
    if abs(number) < 10:
        return f"{number:.1f} s"
    whole = int(number)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole // 60, "min", whole % 60, "s")
    if whole < 86_400:
        return _two(whole // 3600, "h", whole % 3600 // 60, "min")
    return _two(whole // 86_400, "days", whole % 86_400 // 3600, "h")


def money(value: Number | str | None, currency: str = "") -> str:
    """An amount with two decimals, grouped, and its currency."""
    number = _number(value)
    return f"{number:,.2f} {currency}".strip() if isinstance(number, Decimal) else number


def filesize(size: Number | str | None) -> str:
    """Bytes as `512 B`, `1.2 KiB`, `34 MiB`."""
    number = _number(size)
    if not isinstance(number, Decimal):
        return number
    scaled = float(number)
    units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while abs(scaled) >= 1024 and len(units) > 1:
        scaled /= 1024
        del units[0]
    return f"{scaled:.0f} {units[0]}" if units[0] == "B" or abs(scaled) >= 10 else f"{scaled:.1f} {units[0]}"


def _number(value: Number | str | None) -> Decimal | str:
    """A number that can be written out, or what stands in its place."""
    if value is None or value == "":
        return "–"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "-∞"
    try:
        number = Decimal(value) if isinstance(value, int) else Decimal(str(value))
    except (InvalidOperation, ValueError, TypeError):
        text = str(value)
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    if not number.is_finite():
        return "NaN" if number.is_nan() else "∞" if number > 0 else "-∞"
    # Without arithmetic, whose exponents have bounds.
    size = number.adjusted()
    if number and size >= HUGE:
        sign, digits, _ = number.as_tuple()
        leading = "".join(map(str, (*digits[:3], 0, 0)))
        return f"{'-' if sign else ''}{leading[0]}.{leading[1:3]}e+{size}"
    return number if not number or size > TINY else Decimal(0)


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"
