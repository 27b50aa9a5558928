"""Tables and code in Markdown."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; line breaks within a cell become spaces."""
    lines = [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(' '.join(cell.split()) for cell in cells)} |"


def text(plain: str) -> str:
    """Plain text for a cell or a paragraph: only backticks keep their meaning."""
    parts = plain.split("`")
    if len(parts) % 2 == 0:
        return _escaped(plain.replace("`", "'"))
    return "".join(code(part) if number % 2 else _escaped(part) for number, part in enumerate(parts))


def code(value: str) -> str:
    """A value as inline code; in HTML, because a table's separators can't be escaped in Markdown's code."""
    if not value:
        return ""
    escaped = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "&#124;")
    for character in "\\`*_[]{}":
        escaped = escaped.replace(character, f"&#{ord(character)};")
    return f"<code>{escaped}</code>"


def _escaped(plain: str) -> str:
    escaped = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "&#124;")
    for character in "\\*_[]{}":
        escaped = escaped.replace(character, f"&#{ord(character)};")
    return escaped
