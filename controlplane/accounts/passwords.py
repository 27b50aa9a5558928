"""Validators of new passwords, for `settings.AUTH_PASSWORD_VALIDATORS`."""

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

from controlplane.accounts.models import User

SHORTEST, LONGEST = 12, 256
# The time that zxcvbn takes grows faster than the length. What lies behind can only make a password stronger.
ESTIMATED = 72
LEAST_SCORE = 3
_PRODUCT = ("lakehouse", "control", "plane", "controlplane", "ecommerce", "data", "kafka", "spark", "airflow")


class MaximumLength:
    """A password is never cut: one that is too long is refused."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise `ValidationError` for a password that is not accepted."""
        if len(password) > LONGEST:
            raise ValidationError(
                f"The password has {len(password)} characters; the limit is {LONGEST}.",
                code="password_too_long",
            )

    def get_help_text(self) -> str:
        """The requirement, for the form."""
        return f"At most {LONGEST} characters."


class Strength:
    """zxcvbn's score has to be 3 of 4: more than 10^8 guesses for who knows the person, the product and the host."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise `ValidationError` for a password that is not accepted."""
        if not password:
            return
        known = [*_PRODUCT, *_host_words(), *_words(user.get_username() if user else "")]
        found = zxcvbn(password[:ESTIMATED], user_inputs=known)
        if found["score"] >= LEAST_SCORE:
            return
        feedback = found["feedback"]
        said = " ".join(_sentence(line) for line in (feedback["warning"], *feedback["suggestions"]) if line)
        message = f"The password is easy to guess: its strength is {found['score']} of 4, the minimum is {LEAST_SCORE}."
        raise ValidationError(f"{message} {said}".strip(), code="password_too_weak")

    def get_help_text(self) -> str:
        """The requirement, for the form."""
        return "Must be hard to guess, for example several uncommon words."


def _host_words() -> list[str]:
    return _words(urlsplit(settings.PUBLIC_URL).hostname or "")


def _words(text: str) -> list[str]:
    """The text, its words, and the words without what stands between them."""
    words = [word for word in re.split(r"[\W_]+", text) if word]
    return [text, "".join(words), *(word for word in words if len(word) > 2)] if words else []


def _sentence(line: str) -> str:
    return line if line.endswith(".") else f"{line}."
