"""The address of a scenario, made of its name: `日本語`, `first-light`, `café` as `cafe`."""

import unicodedata
from hashlib import blake2b

from django.urls import register_converter
from django.utils.text import slugify

LONGEST = 80


def slug_of(name: str) -> str:
    """Small letters of any script with their marks, digits and dashes; empty where the name has no letter or digit.

    A letter that is a letter of ASCII with accents stands there without them. Where a name has other letters, all of
    its letters stay as they are.
    """
    spelled = unicodedata.normalize("NFKC", name)
    plain = unicodedata.normalize("NFKD", spelled)
    if all(letter.isascii() for letter in plain if letter.isalnum()):
        return _bounded(slugify(spelled))
    # As `slugify`, which takes the vowels of many scripts for punctuation: they are marks on their letters.
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
    """A segment of a path that is a scenario's address: `<scenario:slug>`."""

    regex = "[^/]+"

    def to_python(self, segment: str) -> str:
        # What was typed or copied may be in another normal form than what is kept.
        slug = unicodedata.normalize("NFKC", segment)
        if len(slug) > LONGEST or not slug.replace("-", "").replace("_", "") or "\x00" in slug:
            raise ValueError("no address of a scenario")
        return slug

    def to_url(self, value: str) -> str:
        return value


register_converter(SlugConverter, "scenario")
