"""Escapes untrusted text for terminals and text logs. Standard library only, since the launcher of `make` uses it."""


def printable(text: str) -> str:
    r"""The text in one line, with every non-printable character as a Python escape sequence.

    A line break in a path can forge a log line, an escape sequence can move a terminal's cursor or change its title,
    and a bidirectional override can reorder letters (CWE-117, CWE-150, CVE-2021-42574). As for `str.isprintable`,
    non-printable are control and format characters, separators other than the space, and unassigned code points.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def printable_lines(text: str, before: str = "    ") -> str:
    """A multi-line text such as a traceback, with every line escaped and indented, so that none looks like a separate
    log line."""
    return "\n".join(before + printable(line) for line in text.split("\n"))


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode() if ord(letter) > 127 else repr(letter)[1:-1]
