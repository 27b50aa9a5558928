"""Single fields of the form: from a value of the document to text, and from typed text back to a value."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from controlplane.scenarios.generator.bounded_yaml import MAX_NUMBER
from controlplane.scenarios.generator.errors import Problem

_WHOLE = re.compile(r"[+-]?\d{1,18}")
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_BOUND = re.compile(r"(at least|at most|greater than|less than) ([\d,]*\.?\d+)")
_TYPED = re.compile(r"^Invalid value: (-?[\d.]+(?:e[+-]?\d+)?)\.$")


class Kind(StrEnum):
    """The type of a field's value, which decides how it is entered."""

    TEXT = "text"
    PROSE = "prose"
    NUMBER = "number"
    PERCENT = "percent"
    CHOICE = "choice"
    FLAG = "flag"


@dataclass(frozen=True)
class Field:
    """A field of the form. `key` is its path within its section. `default` is the value of an omitted field; None when
    there is no value to show."""

    key: str
    label: str
    kind: Kind = Kind.NUMBER
    unit: str = ""
    hint: str = ""
    default: Any = None
    choices: tuple[tuple[str, str], ...] = ()

    def shown(self, value: Any) -> str:
        """A value of the document as the form shows it; "" for None."""
        if value is None:
            return ""
        if self.kind is Kind.FLAG:
            return "on" if value is True else ""
        if isinstance(value, bool | str) or not isinstance(value, int | float):
            return str(value).lower() if isinstance(value, bool) else str(value)
        return _percent(value) if self.kind is Kind.PERCENT else _plain(value)

    def read(self, typed: str) -> Any:
        """The typed text as a value of the document; None omits the field. An invalid number stays text, so that the
        validation of the document reports it."""
        if self.kind is Kind.PROSE:
            return typed.replace("\r\n", "\n").strip() or None
        typed = typed.strip()
        if self.kind is Kind.FLAG:
            return True if typed else None
        if self.kind in (Kind.TEXT, Kind.CHOICE):
            return typed or None
        return _number(typed, percent=self.kind is Kind.PERCENT) if typed else None

    def told(self, problem: Problem) -> Problem:
        """A problem of this field as the form shows it: shares as percentages."""
        if self.kind is not Kind.PERCENT:
            return problem
        message = _TYPED.sub(lambda found: f"Invalid value: {_percent(float(found[1]))}%.", problem.message)
        remedy = _BOUND.sub(lambda found: f"{found[1]} {_percent(float(found[2].replace(',', '')))}%", problem.remedy)
        return Problem(problem.field, message, remedy)


def _number(typed: str, *, percent: bool) -> Any:
    bare = typed.removesuffix("%").strip() if percent else typed
    bare = bare.replace(",", "") if _GROUPED.fullmatch(bare) else bare
    if len(bare) > MAX_NUMBER:
        return typed
    try:
        if percent:
            return float(Decimal(bare) / 100)
        return int(bare) if _WHOLE.fullmatch(bare) else float(bare)
    except (ValueError, ArithmeticError):
        return typed


def _plain(value: float) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def _percent(value: float) -> str:
    try:
        shown = format((Decimal(str(value)) * 100).normalize(), "f")
    except (InvalidOperation, ValueError):
        return str(value)
    return shown if len(shown) < 40 else str(value)
