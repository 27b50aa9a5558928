"""Names have letters of any script in one spelling, and nothing that is invisible or turns text round."""

import unicodedata

import pytest

from controlplane.accounts.models import User
from controlplane.errors import InvalidInputError
from controlplane.names import hidden_in, normal_name
from controlplane.scenarios.documents.services import scenario_save
from controlplane.scenarios.documents.slugs import LONGEST, slug_of
from controlplane.scenarios.models import Scenario
from tests.pages import Visitor

pytestmark = pytest.mark.django_db
SCRIPTS = {
    "日本語": "日本語", "हिन्दी ट्रैफ़िक": "हिन्दी-ट्रैफ़िक", "ภาษาไทย": "ภาษาไทย", "العربية": "العربية",
    "Ελλάδα 2": "ελλάδα-2",
    "Straße": "straße", "Café": "cafe", "Own light": "own-light", "日本語 (copy)": "日本語-copy",
    "한국어": "한국어",
}  # fmt: skip
HIDDEN = ("\u202e", "\u202d", "\u2066", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u061c", "\u3164", "\u2800", "\ufe0f",
          "\U000e0041", "\u0085", "\x07", "\u2028", "\u3000")  # fmt: skip


def document(name: str) -> str:
    return f'name: "{name}"\nduration_seconds: 10\ntraffic: {{stages: [{{events_per_second: 5}}]}}'


@pytest.mark.parametrize("number", range(len(SCRIPTS)))
def test_a_name_of_any_script_has_an_address(number: int, operator_user: User, operator: Visitor) -> None:
    name, slug = list(SCRIPTS.items())[number]
    slug = unicodedata.normalize("NFKC", slug)
    assert scenario_save(actor=operator_user, text=document(name)).scenario.slug == slug
    # The same document again is no second scenario.
    assert scenario_save(actor=operator_user, text=document(unicodedata.normalize("NFD", name))).number == 1
    shown = unicodedata.normalize("NFC", name)
    assert operator.page(f"/scenarios/{slug}/").heading == shown
    assert operator.page(f"/scenarios/{slug}/edit/").field("name").value == shown
    taken = operator.get(f"/scenarios/{slug}/document.yaml")
    assert (taken.status_code, shown in taken.content.decode()) == (200, True)
    said = operator.get(f"/api/v1/scenarios/{unicodedata.normalize('NFD', slug)}").json()
    assert (said["slug"], said["name"]) == (slug, shown)


@pytest.mark.parametrize("letter", HIDDEN, ids=[f"U+{ord(letter):04X}" for letter in HIDDEN])
def test_what_is_invisible_or_turns_text_round_is_in_no_name(letter: str, operator_user: User) -> None:
    assert hidden_in(f"a{letter}b").startswith(f"U+{ord(letter):04X}")
    with pytest.raises(InvalidInputError, match="name: "):
        scenario_save(actor=operator_user, text=document(f"a\\U{ord(letter):08X}b"))
    assert not Scenario.objects.filter(builtin=False).exists()


@pytest.mark.parametrize("name", ["\U0001f389", "…", "- -", "_"])
def test_a_name_needs_a_letter_or_a_digit(name: str, operator_user: User) -> None:
    with pytest.raises(InvalidInputError, match="no letter and no digit"):
        scenario_save(actor=operator_user, text=document(name))


def test_an_address_is_never_longer_than_its_column() -> None:
    for name in ("\ufdfa" * 80, "日" * 80, "\u1e9e" * 80, "\u0390" * 80):
        assert len(slug_of(name)) <= LONGEST


def test_a_kept_scenario_with_an_earlier_name_is_still_read(operator_user: User, operator: Visitor) -> None:
    version = scenario_save(actor=operator_user, text=document("Before"))
    type(version).objects.filter(pk=version.pk).update(document={**version.document, "name": "Be\u202efore"})
    assert operator.get("/scenarios/before/").status_code == 200


def test_names_are_normal() -> None:
    assert normal_name(" e\u0301 ") == "\u00e9"
