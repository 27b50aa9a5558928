"""No template asks a mapping for its entries, keys or values by a dot: an entry of that name would be taken instead."""

import re
from pathlib import Path

import pytest

from controlplane.web.windows import Window, pairs

TEMPLATES = sorted(Path("controlplane").glob("**/templates/**/*.html"))
# `page.items` is a field of a dataclass of ours.
OURS = {"page.items"}
_CODE = re.compile(r"\{[%{](.*?)[%}]\}", re.DOTALL)
_LOOKUP = re.compile(r"([\w.]+)\.(items|keys|values|get|pop|popitem|copy|update|clear|setdefault|fromkeys)\b")


def lookups(text: str) -> list[str]:
    """What the template language would look up by the name of a method of mappings."""
    return [found[0] for code in _CODE.findall(text) for found in _LOOKUP.finditer(code) if found[0] not in OURS]


def test_no_template_looks_up_a_method_of_a_mapping() -> None:
    assert len(TEMPLATES) > 50
    found = {str(path): named for path in TEMPLATES if (named := lookups(path.read_text()))}
    assert found == {}


@pytest.mark.parametrize("text", ["{% for a, b in x.items %}", "{{ x.y.values }}", "{% if x.keys|length %}"])
def test_the_rule_finds_them(text: str) -> None:
    assert lookups(text)


def test_pairs_are_the_entries_whatever_they_are_called() -> None:
    assert pairs({"items": 1, "keys": 2}) == [("items", 1), ("keys", 2)]
    for no_mapping in (None, "", "items", 1, [("a", 1)], True):
        assert pairs(no_mapping) == []


def test_a_window_shows_a_part_and_the_way_to_the_others(rf: object) -> None:
    items = list(range(450))

    def window(query: str) -> Window[int]:
        return Window.of(rf.get(f"/?{query}"), "start", items)  # type: ignore[attr-defined]

    first, second, last = window(""), window("start=200"), window("start=400")
    assert (list(first), first.first, first.last, first.before, first.after) == (items[:200], 1, 200, None, "200")
    assert (list(second), second.before, second.after) == (items[200:400], "0", "400")
    assert (list(last), last.before, last.after, len(last)) == (items[400:], "200", None, 50)
    for odd in ("start=x", "start=-5", "start=450", "start=" + "9" * 50, "start=1.5", "start=%00", "start=\u0665"):
        assert list(window(odd)) == items[:200]
