"""Foreign text for terminals and text logs. Standard library only: the launcher of `make` uses it too."""


def printable(text: str) -> str:
    r"""The text in one line, with every character that is not printable as an escape sequence of Python.

    A line break in a path forges a line of a log, an escape sequence moves a terminal's cursor or changes its title,
    and a bidirectional override shows letters in another order than they have (CWE-117, CWE-150, CVE-2021-42574).

    Non-printable are, as for `str.isprintable`, control and format characters, separators other than the space, and
    what is unassigned.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def printable_lines(text: str, before: str = "    ") -> str:
    """A text of several lines, such as a traceback: each printable, and set in, so that none looks like a line of its
    own."""
    return "\n".join(before + printable(line) for line in text.split("\n"))


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode() if ord(letter) > 127 else repr(letter)[1:-1]
