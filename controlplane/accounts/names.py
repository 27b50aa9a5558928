"""Usernames: which are allowed, and how an entered one is found.

A name has 1 to 150 letters and digits of one script, and the marks . _ - + @ between them. It is stored in Unicode's
normal form NFKC, and unique regardless of case. A name that looks like another one is refused: the characters that look
alike are those of Unicode's UTS 39, which confusable-homoglyphs carries.
"""

import re
import unicodedata
from functools import cache

from confusable_homoglyphs import confusables

from controlplane.accounts.models import User
from controlplane.errors import InvalidInputError

LONGEST_NAME = 150
# A character of NFKC stands for at most four that were typed, and spaces around a name don't count.
LONGEST_TYPED = 4 * LONGEST_NAME + 100
CHARACTERS = "letters and digits of one script, and . _ - + @ after the first"
_ALLOWED = re.compile(r"[^\W_][\w.+@-]*")
# The same for a JSON Schema as far as ASCII goes: it has no class of all letters that every program reads.
NAME_PATTERN = r"^[^\x00-/:-@\[-`{-\xa9][^\x00-*,/:-?\[-^`{-\xa9]*$"

# They mean something else in the audit, in the system's own parts or to whoever reads a list of people. `admin` is not
# among them: it is the first admin's name.
RESERVED = frozenset(
    {
        *(
            "administrator",
            "airflow",
            "anonymous",
            "api",
            "celery",
            "control-plane",
            "controlplane",
            "daemon",
            "everybody",
        ),
        *(
            "everyone",
            "first-start",
            "guest",
            "kafka",
            "lakehouse",
            "me",
            "minio",
            "nobody",
            "none",
            "null",
            "pipeline",
        ),
        *("postgres", "redis", "root", "scheduler", "security", "self", "service", "spark", "superuser", "support"),
        *("svc", "system", "tour", "undefined"),
    }
)


def normalised(name: str) -> str:
    """The name without spaces around it, in the normal form NFKC.

    Of a text that is too long to be a name in any form, the beginning is left as it is: the time that normalising takes
    grows with the square of the length, and anybody may send a name to the sign-in form.
    """
    return name[:LONGEST_TYPED] if len(name) > LONGEST_TYPED else unicodedata.normalize("NFKC", name).strip()


def person_named(name: str) -> User | None:
    """The person with this name, in whatever case and normal form it was typed."""
    wanted = normalised(name)
    if not wanted or len(wanted) > LONGEST_NAME or "\x00" in wanted:
        return None
    return User.objects.filter(username__iexact=wanted).first()


def name_checked(name: str) -> str:
    """The name as it is stored.

    Raises:
        InvalidInputError: it is too long, has other characters than the allowed ones, is reserved, is taken, or looks
            like the name of somebody else.
    """
    wanted = normalised(name)
    if not 1 <= len(wanted) <= LONGEST_NAME:
        raise InvalidInputError(
            f"username: must have 1 to {LONGEST_NAME} characters, has {len(wanted)}.", "Choose another name."
        )
    if not _ALLOWED.fullmatch(wanted):
        raise InvalidInputError("username: contains characters that are not allowed.", f"Use {CHARACTERS}.")
    if confusables.is_mixed_script(wanted):
        raise InvalidInputError("username: mixes letters of several scripts.", f"Use {CHARACTERS}.")
    looks = _looks(wanted)
    if any(looks & _looks(reserved) for reserved in RESERVED):
        raise InvalidInputError(f"username: {wanted} is reserved.", "Choose another name.")
    for other in User.objects.values_list("username", flat=True).iterator():
        if other.casefold() == wanted.casefold():
            raise InvalidInputError(f"username: {wanted} is taken.", "Choose another name.")
        if looks & _looks(other):
            raise InvalidInputError(
                f"username: {wanted} looks like the existing name {other}.", "Choose a name that can't be confused."
            )
    return wanted


def _looks(name: str) -> frozenset[str]:
    """What a name looks like, as typed, in small and in capital letters; names that share one of these look alike."""
    return frozenset(_skeleton(form) for form in (name, name.casefold(), name.upper()))


def _skeleton(name: str) -> str:
    """The name with every character replaced by the one that stands for all that look like it (UTS 39, section 4)."""
    return "".join(_prototype(letter) for letter in name).casefold().replace("rn", "m")


@cache
def _prototype(letter: str) -> str:
    alike = {found["c"] for found in confusables.confusables_data.get(letter, ()) if len(found["c"]) == 1} | {letter}
    ascii_alike = {one for one in alike if one.isascii() and one.isalnum()}
    # A small letter first, so that l stands for 1 and I, and O for 0.
    return min(ascii_alike or alike, key=lambda one: (not one.islower(), one.isdigit(), one))
