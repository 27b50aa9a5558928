"""The page of settings, from `.env.example`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from docs.reference.markdown import code, table, text

SOURCE = Path(__file__).resolve().parents[2] / ".env.example"
_SECTION = re.compile(r"# --- (.+?) -+$")
_VARIABLE = re.compile(r"#?([A-Z0-9_]+)=(.*)$")
_PAGE = re.compile(r"docs/([a-z-]+)\.md")


@dataclass
class Group:
    """Variables that share a comment."""

    comment: list[str] = field(default_factory=list)
    variables: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Section:
    """One section of the file."""

    title: str
    groups: list[Group] = field(default_factory=list)


def sections(source: str) -> list[Section]:
    """The sections of the file, with every variable and its comment. The text before the first section has no title."""
    found = [Section("")]
    group = Group()

    def end() -> None:
        nonlocal group
        if group.comment or group.variables:
            found[-1].groups.append(group)
        group = Group()

    for line in source.splitlines():
        if section := _SECTION.match(line):
            end()
            found.append(Section(section[1]))
        elif variable := _VARIABLE.match(line):
            group.variables.append((variable[1], variable[2]))
        elif line.startswith("#"):
            if group.variables:
                end()
            group.comment.append(line.removeprefix("#").strip())
        else:
            end()
    end()
    return found


def page() -> str:
    """The page in Markdown."""
    first, *others = sections(SOURCE.read_text(encoding="utf-8"))
    intro = " ".join(line for group in first.groups for line in group.comment)
    parts = ["# Settings\n", f"{text(intro)}\n"]
    for section in others:
        parts += [f"## {section.title}\n", table(("variable", "default or example", "description"), _rows(section))]
    return "\n".join(parts)


def _rows(section: Section) -> Iterator[tuple[str, str, str]]:
    for group in section.groups:
        comment = _PAGE.sub(r"[\1.md](../\1.md)", text(" ".join(group.comment)))
        if not group.variables:
            yield "", "", comment
        for number, (name, value) in enumerate(group.variables):
            yield code(name), code(value), comment if number == 0 else ""
