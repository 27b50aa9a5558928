"""JSON that a person may have kept, and what is refused of it by its place."""

from typing import Any

import pytest

from controlplane.accounts.auditing.canonical import plain
from controlplane.errors import InvalidInputError
from controlplane.web.values import keepable


def _nested(depth: int) -> Any:
    found: Any = 1
    for _ in range(depth):
        found = {"a": found}
    return found


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"a": {"b": ["x", "y\x00"]}}, "conf.a.b[1]: contains a NUL character. Remove the character."),
        ({"a\x00": 1}, "conf, a key: contains a NUL character. Remove the character."),
        ({"a": "\ud800"}, "conf.a: contains a lone surrogate. Use a complete character."),
        ({"a": [1.0, float("inf")]}, "conf.a[1]: not a finite number. Use a finite number or a string."),
        ({"a": float("nan")}, "conf.a: not a finite number. Use a finite number or a string."),
        (_nested(21), "conf: exceeds 20 levels of nesting. Reduce the nesting."),
        (_nested(100_000), "conf: exceeds 20 levels of nesting. Reduce the nesting."),
        ({"a": "x" * 70_000}, "conf: 70,009 characters of JSON exceed the limit of 65,536. Shorten the value."),
    ],
    ids=["NUL", "NUL in a key", "surrogate", "infinite", "no number", "deep", "deeper than the stack", "long"],
)
def test_a_value_that_no_row_holds_is_refused_at_its_place(value: Any, says: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        keepable("conf", value)
    assert str(refused.value) == says


def test_anything_else_may_be_kept() -> None:
    keepable("conf", {"a": [1, -2.5, True, None, "ä\u202e\r\n", {"": [_nested(15)]}], "b": 10**30})


def test_what_was_tried_is_kept_with_a_mark() -> None:
    assert plain({"a\x00": ["b\ud800", 1], "c": None}) == {"a\ufffd": ["b?", 1], "c": None}
