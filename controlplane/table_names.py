"""Table names and their encoding in URLs.

A catalog accepts any text as a name, but a URL path can't contain any text: browsers and servers resolve `.` and `..`,
and a percent-encoded slash is decoded before an application reads it. So a segment of our URLs has its own encoding:
letters, digits, `_`, `-` and `.` are unchanged, and any other byte of the name in UTF-8 is `~` and two hexadecimal
digits. `~` alone is the empty name.
"""

import re
from dataclasses import dataclass

CATALOG_PREFIX = "lake."
_ESCAPED = re.compile(rb"~([0-9A-Fa-f]{2})")
_QUOTED = re.compile(r"\A(.*)\.`((?:[^`]|``)*)`", re.DOTALL)
_EMPTY = "~"


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A namespace, with a dot between its levels, and the name of a table in it.

    As text it is `namespace.table`. A table name that is empty or contains a dot or backtick is quoted with backticks,
    so that two tables never have the same text.
    """

    namespace: str
    short_name: str

    def __str__(self) -> str:
        short = self.short_name
        if not short or "." in short or "`" in short:
            short = f"`{short.replace('`', '``')}`"
        return f"{self.namespace}.{short}"

    @classmethod
    def parse(cls, text: str) -> "TableName":
        """The reverse of `str`. A text without a dot is a table in the namespace without a name."""
        quoted = _QUOTED.fullmatch(text)
        if quoted is not None:
            return cls(quoted[1], quoted[2].replace("``", "`"))
        namespace, _, short = text.rpartition(".")
        return cls(namespace, short)

    @property
    def path(self) -> str:
        """The two segments of its URLs: `silver/events`."""
        return f"{to_segment(self.namespace)}/{to_segment(self.short_name)}"


def to_segment(name: str) -> str:
    """Encode a name as a path segment."""
    if not name:
        return _EMPTY
    plain = "" if name in (".", "..") else "_-."
    return "".join(one if one.isalnum() or one in plain else _escaped(one) for one in name)


def from_segment(segment: str) -> str:
    """Decode a path segment. Invalid escapes are unchanged, and so is a segment whose escapes are not valid UTF-8."""
    if segment == _EMPTY:
        return ""
    raw = segment.encode("utf-8", "surrogatepass")
    try:
        return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), raw).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return segment


def _escaped(letter: str) -> str:
    return "".join(f"~{byte:02X}" for byte in letter.encode("utf-8", "surrogatepass"))
