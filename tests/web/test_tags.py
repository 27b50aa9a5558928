"""The tags of the shell."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone

from controlplane.web.templatetags.lakehouse import STATES, SYNONYMS
from tests.pages import Page


def rendered(text: str, **context: object) -> str:
    return Template("{% load lakehouse %}" + text).render(Context(context))


def shown(text: str, **context: object) -> Page:
    """What a person reads of it."""
    return Page(f"<main>{rendered(text, **context)}</main>")


def test_a_state_has_a_word_and_an_icon_beside_its_colour() -> None:
    html = rendered("{% state 'failed' %}")
    assert html.count("ti ti-x") == html.count("text-red") == html.count(">failed<") == 1


@pytest.mark.parametrize(("word", "ours"), [("queued", "waiting"), ("success", "succeeded"), (None, "unknown")])
def test_other_systems_words_for_a_state_become_ours(word: str | None, ours: str) -> None:
    page = shown("{% state word %}", word=word)
    assert (page.states, page.text) == ([ours], ours)


def test_every_synonym_is_of_a_state() -> None:
    assert set(SYNONYMS.values()) <= set(STATES)


def test_a_state_says_since_when_in_the_persons_zone() -> None:
    with timezone.override("Asia/Tokyo"):
        html = rendered("{% state 'unknown' since=at %}", at=datetime(2026, 1, 2, 23, 30, tzinfo=UTC))
    assert 'title="2026-01-03 08:30:00 JST">2026-01-03 08:30</time>' in html


@pytest.mark.parametrize(
    ("age", "text"),
    [(5, "5 s ago"), (200, "3 min ago"), (7300, "2 h ago"), (300_000, "3 days ago"), (-125, "in 2 min"), (0, "now")],
)
def test_a_moment_is_relative_with_the_absolute_on_hover(age: int, text: str) -> None:
    moment = timezone.now() - timedelta(seconds=age)
    assert shown("{% when at %}", at=moment).text == text
    html = rendered("{% when at %}", at=moment)
    assert f'title="{moment:%Y-%m-%d %H:%M:%S} UTC"' in html


def test_what_never_happened_says_so() -> None:
    assert shown("{% when None 'never' %}").text == "never"


def test_what_people_wrote_is_never_markup() -> None:
    bad = '"><script>alert(1)</script>'
    for text in ("{% copy bad %}", "{% empty 'inbox' bad bad %}", "{% state bad %}", "{% number 1 bad %}"):
        assert "<script" not in rendered(text, bad=bad)


def test_a_form_has_a_request_id_of_its_own() -> None:
    ids = re.findall(r'value="([0-9a-f-]{36})"', rendered("{% request_id %}{% request_id %}"))
    assert len(set(ids)) == 2


def test_a_blank_place_holds_html_of_its_own() -> None:
    assert "<form></form>" in rendered("{% blank 'inbox' 'Nothing' %}<form></form>{% endblank %}")
