"""MkDocs hooks: generated reference pages, files from outside `docs/`, and links that work on the site.

The Markdown files are written for the repository: `README.md` links to `docs/tls.md`, and a runbook links to pages of
the web application. The hooks rewrite such links for the site, so that MkDocs checks every one of them.
"""

import posixpath
import re
import sys
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
# MkDocs loads this file by its path, so the repository may not be importable yet.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from mkdocs.config.defaults import MkDocsConfig  # noqa: E402
from mkdocs.structure.files import File, Files  # noqa: E402
from mkdocs.structure.pages import Page  # noqa: E402

from docs import reference  # noqa: E402

# Files outside `docs/` by their path in the repository, and their place on the site.
OUTSIDE = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "LICENSE.txt",
}
# The site has a generated page in place of this file.
REPLACED = {".env.example": "reference/settings.md"}

# Code is matched first, so that a link within it stays as it is.
_LINK = re.compile(r"```.*?```|`[^`\n]+`|(?P<text>!?\[[^\]\n]*(?:\n[^\]\n]*)?\])\((?P<target>[^)\s]+)\)", re.DOTALL)
_RUNBOOK = re.compile(r"/runbooks/([a-z-]+)/$")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated reference pages and the files from outside `docs/`."""
    for name, place in OUTSIDE.items():
        files.append(File.generated(config, place, content=(ROOT / name).read_text(encoding="utf-8")))
    for place, write in reference.PAGES.items():
        files.append(File.generated(config, place, content=write()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links of a page for the site."""
    return links_for_site(markdown, page.file.src_uri)


def links_for_site(markdown: str, place: str) -> str:
    """Rewrite links between files of the repository to links between pages of the site.

    Args:
        markdown: The text of the page.
        place: The page's path on the site, such as `how-to/scripts.md`.

    A link to a page of the web application becomes bold text. A link to anything else is left for MkDocs to check.
    """
    origins = {site: name for name, site in OUTSIDE.items()}
    origin = PurePosixPath(origins.get(place, f"docs/{place}"))

    def rewritten(found: re.Match[str]) -> str:
        target = found["target"]
        if target is None or re.match(r"[a-z]+:|#", target):
            return found[0]
        if target.startswith("/"):
            runbook = _RUNBOOK.match(target)
            if runbook is None:
                return f"**{found['text'].strip('[]')}**"
            return f"{found['text']}({_relative(f'runbooks/{runbook[1]}.md', place)})"
        path, mark, anchor = target.partition("#")
        named = posixpath.normpath(str(origin.parent / path))
        on_site = (OUTSIDE | REPLACED).get(named, named.removeprefix("docs/") if named.startswith("docs/") else "")
        return f"{found['text']}({_relative(on_site, place)}{mark}{anchor})" if on_site else found[0]

    return _LINK.sub(rewritten, markdown)


def _relative(target: str, place: str) -> str:
    return posixpath.relpath(target, posixpath.dirname(place) or ".")
