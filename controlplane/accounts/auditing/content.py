"""The content allowed in an audit row: no secrets, and a limited size."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from controlplane.accounts.auditing.canonical import canonical, plain
from controlplane.accounts.text import shortened

LONGEST_TEXT = 1000
MOST_ENTRIES = 100
DEEPEST = 6
# A value beyond this is kept as its digest; a row beyond the second as the digest of the whole.
LARGEST_VALUE, LARGEST_ROW = 4 * 1024, 16 * 1024
HIDDEN = "(hidden)"

_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)|secret|authorization|cookie|(api|private|access)[_-]?key|(^|[_-])token$", re.IGNORECASE
)
# A token of this application, and the password in a URL.
_SECRET_TEXT = (
    (re.compile(r"lh_[A-Za-z0-9_-]{16,}"), f"lh_{HIDDEN}"),
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
)


def kept(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as an audit row keeps them.

    The names decide what is a secret, and texts that look like one of our tokens or have a password in an address.
    A service never passes a secret on purpose: this is the second line.
    """
    found = {str(name): _bounded(_clean(str(name), value, 0)) for name, value in values.items()}
    found = plain(found)
    encoded = canonical(found)
    return found if len(encoded) <= LARGEST_ROW else _digest(encoded)


def kept_text(text: str) -> str:
    """A text without what looks like a secret, and without what PostgreSQL can't keep."""
    for pattern, instead in _SECRET_TEXT:
        text = pattern.sub(instead, text)
    return str(plain(text))


def _clean(name: str, value: Any, depth: int) -> Any:
    if _SECRET_NAME.search(name) and not isinstance(value, bool | int | float | None):
        return HIDDEN
    if depth >= DEEPEST and isinstance(value, Mapping | list | tuple | set | frozenset):
        return _digest(canonical(value))
    if isinstance(value, Mapping):
        return {
            kept_text(str(inner))[:LONGEST_TEXT]: _clean(str(inner), one, depth + 1)
            for inner, one in list(value.items())[:MOST_ENTRIES]
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", one, depth + 1) for one in list(value)[:MOST_ENTRIES]]
    value = plain(value)
    return shortened(kept_text(value), LONGEST_TEXT) if isinstance(value, str) else value


def _bounded(value: Any) -> Any:
    encoded = canonical(value)
    return value if len(encoded) <= LARGEST_VALUE else _digest(encoded)


def _digest(encoded: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(encoded).hexdigest(), "bytes": len(encoded)}
