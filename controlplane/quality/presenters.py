"""The results of a validation for its page and the API, with bounded sizes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from controlplane.quality.models import Validation
from controlplane.web.numbers import grouped
from controlplane.web.values import compact

# Results per page. A page takes at most a few hundred KiB; the complete document is a download.
RESULTS_SHOWN = 50
SAMPLE_SHOWN = 20
SETTINGS_SHOWN = 20
LONGEST_TITLE = 300
LONGEST_VALUE = 200
LONGEST_SAMPLE_VALUE = 100
LONGEST_EXCEPTION = 1000
_STATES = {True: ("succeeded", "passed"), False: ("failed", "failed"), None: ("unknown", "no result")}


@dataclass(frozen=True)
class Result:
    """The result of one expectation, with a sample of unexpected values."""

    title: str
    type: str
    column: str
    state: str
    label: str
    warning: bool
    observed: str
    unexpected: str
    sample: list[str]
    sample_size: int
    settings: list[tuple[str, str]]
    settings_size: int
    exceptions: list[str]
    problem: str


@dataclass(frozen=True)
class Results:
    """One page of the results of a validation, failed ones first. `number` counts pages from 1."""

    shown: list[Result] = field(default_factory=list)
    size: int = 0
    number: int = 1
    pages: int = 1

    @property
    def first(self) -> int:
        """The position of the first result on this page, from 1."""
        return (self.number - 1) * RESULTS_SHOWN + 1

    @property
    def last(self) -> int:
        """The position of the last result on this page."""
        return self.first + len(self.shown) - 1

    @property
    def next(self) -> int | None:
        """The number of the next page; None on the last."""
        return self.number + 1 if self.number < self.pages else None

    @property
    def previous(self) -> int | None:
        """The number of the previous page; None on the first."""
        return self.number - 1 if self.number > 1 else None


def results(validation: Validation, page: str = "") -> Results:
    """The page with that number; the first one for an invalid number, the last one for a number beyond the end."""
    every = sorted(_objects(validation.expectations), key=_place)
    pages = max(1, -(-len(every) // RESULTS_SHOWN))
    number = max(1, min(int(page), pages)) if page.isascii() and page.isdecimal() and len(page) < 10 else 1
    start = (number - 1) * RESULTS_SHOWN
    return Results([_result(one) for one in every[start : start + RESULTS_SHOWN]], len(every), number, pages)


def results_bounded(validation: Validation) -> list[dict[str, Any]]:
    """The first results for the API, in document order. Long values are truncated to strings."""
    found = _objects(validation.expectations)[:RESULTS_SHOWN]
    return [{name[:LONGEST_VALUE]: _bounded(name, value) for name, value in _some(one)} for one in found]


def _some(result: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """The known fields of a result, and the first additional ones."""
    known = ("type", "title", "success", "column", "severity", "observed", "unexpected_count", "unexpected_percent",
             "unexpected_sample", "kwargs", "problem")  # fmt: skip
    more = [name for name in result if name not in known][:SETTINGS_SHOWN]
    return ((name, result[name]) for name in (*known, *more) if name in result)


def _bounded(name: str, value: Any) -> Any:
    if name == "unexpected_sample" and isinstance(value, list):
        return [_cut(one, LONGEST_VALUE) for one in value[:SAMPLE_SHOWN]]
    if name == "kwargs" and isinstance(value, dict):
        return {key[:LONGEST_VALUE]: _cut(one, LONGEST_VALUE) for key, one in list(value.items())[:SETTINGS_SHOWN]}
    return _cut(value, LONGEST_EXCEPTION if isinstance(value, dict | list) else LONGEST_VALUE)


def _cut(value: Any, longest: int) -> Any:
    """The value, unchanged if its text does not exceed the limit, else truncated."""
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 10**longest):
        return value
    text = compact(value, longest)
    return value if len(text) <= longest else text


def _objects(expectations: Any) -> list[dict[str, Any]]:
    """The results of a row. Rows of earlier versions hold unchecked document content."""
    listed = expectations if isinstance(expectations, list) else []
    return [one if isinstance(one, dict) else {"problem": f"Unreadable result: {compact(one, 80)}."} for one in listed]


def _place(result: dict[str, Any]) -> tuple[int, bool]:
    """The sort key: failed results first, then results without an outcome."""
    return (False, None, True).index(_success(result)), result.get("severity") == "warning"


def _success(result: dict[str, Any]) -> bool | None:
    said = result.get("success")
    return said if isinstance(said, bool) else None


def _result(one: dict[str, Any]) -> Result:
    warning = one.get("severity") == "warning"
    state, label = _STATES[_success(one)]
    if warning and state == "failed":
        state, label = "degraded", "warning"
    sample = one.get("unexpected_sample")
    sample = sample if isinstance(sample, list) else []
    settings = one.get("kwargs")
    settings = settings if isinstance(settings, dict) else {}
    return Result(
        title=_text(one.get("title") or one.get("type") or "Untitled result", LONGEST_TITLE),
        type=_text(one.get("type"), LONGEST_VALUE),
        column=_text(one.get("column"), LONGEST_VALUE),
        state=state,
        label=label,
        warning=warning,
        observed=_text(one.get("observed"), LONGEST_VALUE),
        unexpected=_unexpected(one.get("unexpected_count"), one.get("unexpected_percent")),
        sample=[compact(value, LONGEST_SAMPLE_VALUE) for value in sample[:SAMPLE_SHOWN]],
        sample_size=len(sample),
        settings=[
            (_text(name, LONGEST_SAMPLE_VALUE), compact(value, LONGEST_VALUE))
            for name, value in list(settings.items())[:SETTINGS_SHOWN]
        ],
        settings_size=len(settings),
        exceptions=exceptions(one.get("exception_info")),
        problem=_text(one.get("problem"), LONGEST_EXCEPTION),
    )


def exceptions(information: Any) -> list[str]:
    """The exceptions that Great Expectations caught during validation: one, or one per metric."""
    if not isinstance(information, dict):
        return [compact(information, LONGEST_EXCEPTION)] if information else []
    each = [information, *(one for one in information.values() if isinstance(one, dict))]
    said = (one.get("exception_message") or one.get("exception_traceback") for one in each)
    return [compact(text, LONGEST_EXCEPTION) for text in dict.fromkeys(map(str, filter(None, said)))][:SETTINGS_SHOWN]


def _text(value: Any, longest: int) -> str:
    return "" if value is None else compact(value, longest)


def _unexpected(count: Any, percent: Any) -> str:
    if count is None:
        return ""
    return f"{grouped(count)} ({grouped(percent)}%)" if percent not in (None, 0, "") else grouped(count)
