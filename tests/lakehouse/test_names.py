"""Every name that a catalogue takes has an address, and no two names have the same."""

import random
from urllib.parse import unquote, urlsplit

import pytest
from django.urls import resolve

from controlplane.lakehouse.selectors import table_url
from controlplane.table_names import TableName, from_segment, to_segment

SEED = 20261129
NAMES = (
    "events", "a/b", "/", "//", ".", "..", "...", "./..", "", " ", " a ", "a b", "'", '"', "`", "``", "a`b", ".`", "`.",
    "a.b", "a..b", ".a", "a.", "%2F", "%2e%2e", "%", "~", "~2F", "~7E", "~~", "\\", "..\\..", "?", "a?b=c", "#", "a#b",
    "&", ";", ":", "@", "+", "日本語", "é", "e\u0301", "\U0001f9ca", "\u202e", "\u200b", "\n", "\t", "\x7f", "<b>",
    "{{ x }}", "records.json", "snapshots", "index", "-", "_", "A" * 255, "日" * 255, "/" * 255, "a\x00b", "\ud800",
)  # fmt: skip


def _generated(count: int) -> list[str]:
    print(f"seed {SEED}")
    drawn = random.Random(SEED)
    letters = "aB1._-~%`/\\ '\"?#&é日\u0301\U0001f9ca\n2FE"
    return ["".join(drawn.choices(letters, k=drawn.randrange(12))) for _ in range(count)]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_is_one_segment_of_a_path_that_nothing_resolves(name: str) -> None:
    segment = to_segment(name)
    assert from_segment(segment) == name
    assert segment not in ("", ".", "..")
    assert not set(segment) & set("/\\%?#;:@&+ \"'<>`\n\t\x00")


def test_usual_names_stand_as_they_are() -> None:
    assert TableName("silver", "events").path == "silver/events"
    assert TableName("extra.nested", "user_sessions-2.old").path == "extra.nested/user_sessions-2.old"
    assert str(TableName("silver", "events")) == "silver.events"
    assert TableName("日本", "語").path == "日本/語"


def test_a_page_is_found_again_by_its_address() -> None:
    drawn = random.Random(SEED)
    names = [*NAMES, *_generated(500)]
    for short in names:
        name = TableName(drawn.choice(names), short)
        assert TableName.parse(str(name)) == name, name
        if "\ud800" in (name.namespace, name.short_name):
            continue  # no catalogue keeps half of a surrogate pair
        url = table_url(str(name))
        assert urlsplit(url).path == url
        # A server decodes the path before it is matched.
        match = resolve(unquote(url))
        assert (match.view_name, match.kwargs) == (
            "lakehouse:table",
            {"namespace": name.namespace, "name": name.short_name},
        )


def test_no_two_tables_have_the_same_text_or_address() -> None:
    parts = ["a", "b", "a.b", "", ".", "`", "``", "a`", "`b", ".`b", "a.`", "b`.", "`.`", "~", "a/b"]
    names = [TableName(namespace, short) for namespace in parts for short in parts]
    assert len({str(name) for name in names}) == len(names)
    assert len({name.path for name in names}) == len(names)
    for name in names:
        assert TableName.parse(str(name)) == name


@pytest.mark.parametrize("segment", ["50%~", "~FF", "~C3", "a~ZZ", "~2"])
def test_a_segment_without_an_escape_that_makes_a_text_stands_for_itself(segment: str) -> None:
    assert from_segment(segment) == segment
