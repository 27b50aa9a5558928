"""A line of a task's log is shown, whatever the task has logged with it."""

import random
from types import SimpleNamespace
from typing import Any

import pytest

from controlplane.orchestration.adapters.airflow import _line

ODD: tuple[Any, ...] = (
    "text", "", 7, 0, -1.5, float("nan"), 2**80, True, False, {}, {"exc_type": "E"}, {"exc_value": "v"}, {"items": 1},
    [], [1], ["a", None], [[]], [{}], [{"exc_type": None, "exc_value": None}], [{"exc_type": "E", "exc_value": [1]}, 3],
)  # fmt: skip


def entry(event: Any = "said", **more: Any) -> SimpleNamespace:
    return SimpleNamespace(event=event, timestamp=None, additional_properties={"level": "error", **more})


def test_the_exceptions_of_a_line_are_named() -> None:
    causes = [{"exc_type": "ValueError", "exc_value": "wrong"}, {"exc_type": "KeyError", "exc_value": "'a'"}]
    line = _line(entry(error_detail=causes))
    assert (line.text, line.level) == ("said\nValueError: wrong\nKeyError: 'a'", "error")
    assert _line(entry()).text == _line(entry(error_detail=None)).text == _line(entry(error_detail=[])).text == "said"
    assert _line("a line of text").text == "a line of text"


@pytest.mark.parametrize("details", ODD, ids=range(len(ODD)))
def test_whatever_stands_there_is_shown(details: Any) -> None:
    line = _line(entry(error_detail=details))
    assert line.text.startswith("said")
    for one in details if isinstance(details, list) else [details]:
        if not (isinstance(one, dict) and "exc_type" in one):
            assert str(one) in line.text


def test_any_value_at_any_place_makes_a_line() -> None:
    drawn = random.Random("log lines")
    print("seed: log lines")
    for _ in range(500):
        more = {name: drawn.choice(ODD) for name in ("error_detail", "level", "logger", "more") if drawn.random() < 0.6}
        line = _line(entry(drawn.choice(("said", *ODD)), **more))
        assert isinstance(line.text, str)
