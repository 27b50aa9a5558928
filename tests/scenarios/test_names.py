"""Names have letters of any script in one spelling, and nothing that is invisible or turns text round."""

import unicodedata

import pytest
from django.test import Client

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.errors import InvalidInputError
from controlplane.names import hidden_in, normal_name
from controlplane.scenarios.documents.services import scenario_save
from controlplane.scenarios.documents.slugs import LONGEST, slug_of
from controlplane.scenarios.models import Scenario
from tests.people import person

pytestmark = pytest.mark.django_db
SCRIPTS = {
    "日本語": "日本語", "हिन्दी ट्रैफ़िक": "हिन्दी-ट्रैफ़िक", "ภาษาไทย": "ภาษาไทย", "العربية": "العربية",
    "Ελλάδα 2": "ελλάδα-2",
    "Straße": "straße", "Café": "cafe", "Own light": "own-light", "日本語 (copy)": "日本語-copy",
    "한국어": "한국어",
}  # fmt: skip
HIDDEN = ("\u202e", "\u202d", "\u2066", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u061c", "\u3164", "\u2800", "\ufe0f",
          "\U000e0041", "\u0085", "\x07", "\u2028", "\u3000")  # fmt: skip


@pytest.fixture
def operator() -> User:
    return person(Role.OPERATOR)


def document(name: str) -> str:
    return f'name: "{name}"\nduration_seconds: 10\ntraffic: {{stages: [{{events_per_second: 5}}]}}'


@pytest.mark.parametrize("number", range(len(SCRIPTS)))
def test_a_name_of_any_script_has_an_address(number: int, operator: User, client: Client) -> None:
    name, slug = list(SCRIPTS.items())[number]
    slug = unicodedata.normalize("NFKC", slug)
    assert scenario_save(actor=operator, text=document(name)).scenario.slug == slug
    # The same document again is no second scenario.
    assert scenario_save(actor=operator, text=document(unicodedata.normalize("NFD", name))).number == 1
    client.force_login(operator)
    for address in (f"/scenarios/{slug}/", f"/scenarios/{slug}/edit/", f"/scenarios/{slug}/document.yaml"):
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert unicodedata.normalize("NFC", name) in answer.content.decode()
    said = client.get(f"/api/v1/scenarios/{unicodedata.normalize('NFD', slug)}").json()
    assert (said["slug"], said["name"]) == (slug, unicodedata.normalize("NFC", name))


@pytest.mark.parametrize("letter", HIDDEN, ids=[f"U+{ord(letter):04X}" for letter in HIDDEN])
def test_what_is_invisible_or_turns_text_round_is_in_no_name(letter: str, operator: User) -> None:
    assert hidden_in(f"a{letter}b").startswith(f"U+{ord(letter):04X}")
    with pytest.raises(InvalidInputError, match="name: "):
        scenario_save(actor=operator, text=document(f"a\\U{ord(letter):08X}b"))
    assert not Scenario.objects.filter(builtin=False).exists()


@pytest.mark.parametrize("name", ["\U0001f389", "…", "- -", "_"])
def test_a_name_needs_a_letter_or_a_digit(name: str, operator: User) -> None:
    with pytest.raises(InvalidInputError, match="no letter and no digit"):
        scenario_save(actor=operator, text=document(name))


def test_an_address_is_never_longer_than_its_column() -> None:
    for name in ("\ufdfa" * 80, "日" * 80, "\u1e9e" * 80, "\u0390" * 80):
        assert len(slug_of(name)) <= LONGEST


def test_a_kept_scenario_with_an_earlier_name_is_still_read(operator: User, client: Client) -> None:
    version = scenario_save(actor=operator, text=document("Before"))
    type(version).objects.filter(pk=version.pk).update(document={**version.document, "name": "Be\u202efore"})
    client.force_login(operator)
    assert client.get("/scenarios/before/").status_code == 200


def test_names_are_normal() -> None:
    assert normal_name(" e\u0301 ") == "\u00e9"
