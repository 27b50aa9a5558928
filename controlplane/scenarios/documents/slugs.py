"""The slug of a scenario, derived from its name: `日本語`, `first-light`, `cafe` for `café`."""

import unicodedata
from hashlib import blake2b

from django.urls import register_converter
from django.utils.text import slugify

LONGEST = 80


def slug_of(name: str) -> str:
    """Lowercase letters of any script with their marks, digits and dashes; empty if the name has no letter or digit.

    Accents are removed from ASCII letters. If the name has other letters, all of its letters stay unchanged.
    """
    spelled = unicodedata.normalize("NFKC", name)
    plain = unicodedata.normalize("NFKD", spelled)
    if all(letter.isascii() for letter in plain if letter.isalnum()):
        return _bounded(slugify(spelled))
    # Like `slugify`, which treats the vowel marks of many scripts as punctuation. Here they stay.
    kept = "".join(
        letter
        for letter in spelled.lower()
        if letter.isalnum() or letter.isspace() or letter in "_-" or unicodedata.category(letter).startswith("M")
    )
    return _bounded("-".join(kept.replace("-", " ").split()).strip("-_"))


def _bounded(slug: str) -> str:
    if len(slug) <= LONGEST:
        return slug
    return f"{slug[: LONGEST - 9]}-{blake2b(slug.encode(), digest_size=4).hexdigest()}"


class SlugConverter:
    """Path converter for the slug of a scenario: `<scenario:slug>`."""

    regex = "[^/]+"

    def to_python(self, segment: str) -> str:
        """The slug that a segment of an address stands for; `ValueError` if it stands for none."""
        # A typed or copied address may have another Unicode normal form than the stored slug.
        slug = unicodedata.normalize("NFKC", segment)
        if len(slug) > LONGEST or not slug.replace("-", "").replace("_", "") or "\x00" in slug:
            raise ValueError("no address of a scenario")
        return slug

    def to_url(self, value: str) -> str:
        """The segment of an address for a slug."""
        return value


register_converter(SlugConverter, "scenario")
