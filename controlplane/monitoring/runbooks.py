"""The runbook of each alert: Markdown in `docs/runbooks/`, served as pages so that an alert's link works anywhere."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

FOLDER: Path = settings.BASE_DIR / "docs" / "runbooks"


@dataclass(frozen=True)
class Runbook:
    """One runbook: `name` is in its URL, `title` is its first heading, `html` the rest."""

    name: str
    title: str
    html: SafeString


@cache
def runbooks() -> tuple[Runbook, ...]:
    """All runbooks, sorted by title."""
    return tuple(sorted((_read(path) for path in FOLDER.glob("*.md")), key=lambda one: one.title))


def runbook(name: str) -> Runbook | None:
    """The runbook of that name, or None."""
    return next((one for one in runbooks() if one.name == name), None)


def _read(path: Path) -> Runbook:
    title, _, text = path.read_text(encoding="utf-8").partition("\n")
    # Trusted files of this repository; raw HTML in them is escaped.
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return Runbook(path.stem, title.removeprefix("# ").strip(), mark_safe(html))  # noqa: S308
