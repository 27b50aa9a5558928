"""A text that somebody or something else has written is shown as it was written, and is never more than a text."""

import re
from urllib.parse import urlsplit

import pytest
from django.db import transaction
from django.test import Client

from tests.adapters import Adapters
from tests.payloads import surfaces, texts
from tests.payloads.markup import Page

pytestmark = pytest.mark.django_db
HARMLESS = "harmless"
# Pages on which the text need not stand: what can't be chosen is left out.
SILENT = {"recordings", "runs, filtered"}
EVERY = slice(None)
# What could become markup is looked for on a third of the pages, the other texts on an eighth: each kind reaches all.
MARKUP = (*texts.ELEMENTS, *texts.ATTRIBUTES)
# Each of these is tried on every page: what it breaks is a place, not a kind of text.
TRAVERSED = ("items", "keys", "values", "0", "_x")
LOOKED_AT = [
    (text, EVERY if text in TRAVERSED else slice(number % (step := 3 if text in MARKUP else 8), None, step))
    for number, text in enumerate(texts.SHOWN)
]
_structures: dict[str, list[tuple[str, ...]]] = {}


def _pages(client: Client, text: str, part: slice = EVERY) -> dict[str, Page]:
    found = {}
    for name, address in list(surfaces.addresses(text).items())[part]:
        answer = client.get(address)
        assert answer.status_code == (404 if name == "nowhere" else 200), f"{name} answers {answer.status_code}"
        found[name] = Page.of(answer.content.decode())
    return found


@pytest.fixture
def harmless(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[str, ...]]]:
    """How the pages are built when every text is a plain word."""
    if not _structures:
        with transaction.atomic():
            client = surfaces.build(HARMLESS, Adapters(monkeypatch))
            _structures.update({name: page.structure for name, page in _pages(client, HARMLESS).items()})
            transaction.set_rollback(True)
    return _structures


@pytest.mark.parametrize(("text", "part"), LOOKED_AT, ids=texts.SHOWN)
def test_it_is_shown_as_it_was_written(
    text: str, part: slice, harmless: dict[str, list[tuple[str, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = surfaces.build(text, Adapters(monkeypatch))
    pages = _pages(client, text, part)
    assert {name for name, page in pages.items() if page.structure != harmless[name]} == set()
    assert {name for name, page in pages.items() if name not in SILENT and not page.says(text)} == set()
    followed = {address for page in pages.values() for address in page.addresses}
    assert {
        address for address in followed if not re.match(r"[/#?]|http://127\.0\.0\.1|data:image/|$", address)
    } == set()
    assert {address for address in followed if address.startswith(("//", "/\\"))} == set()


# A browser follows these segments upwards, to another page of the application.
CLIMBING = {".", "..", "%2e", "%2e%2e", ".%2e", "%2e."}


@pytest.mark.parametrize("text", ["..", "../../sign-out", "%2e%2e"])
def test_it_never_leads_out_of_the_address_that_it_is_part_of(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = surfaces.build(text, Adapters(monkeypatch))
    climbing = {
        (name, address)
        for name, page in _pages(client, text).items()
        for address in page.addresses
        if CLIMBING & set(urlsplit(address).path.lower().split("/"))
    }
    assert climbing == set()
