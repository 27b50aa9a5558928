"""Serves selected files of npm packages.

`npm ci` in this folder installs the packages; only the files in `SERVED` are served.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage, Error
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage

PACKAGES = Path(__file__).parent / "node_modules"

# Path below /static/ -> file below node_modules.
SERVED = {
    "packages/tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "packages/tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
    "packages/tabler-icons.min.css": "@tabler/icons-webfont/dist/tabler-icons.min.css",
    "packages/fonts/tabler-icons.woff2": "@tabler/icons-webfont/dist/fonts/tabler-icons.woff2",
    "packages/htmx.min.js": "htmx.org/dist/htmx.min.js",
    "packages/htmx-sse.min.js": "htmx-ext-sse/dist/sse.min.js",
    "packages/idiomorph-ext.min.js": "idiomorph/dist/idiomorph-ext.min.js",
    "packages/echarts.min.js": "echarts/dist/echarts.common.min.js",
}

# Removed from the served text, since these references name files that are not served, which would fail
# `collectstatic`. Every browser that supports these pages supports woff2.
_LEFT_OUT = re.compile(
    rb"""
    /\*\#\ sourceMappingURL=[^*]*\*/
    | //\#\ sourceMappingURL=\S*
    | ,url\("[^"]*\.(?:woff|ttf)\?[^"]*"\)\ format\("\w+"\)
    """,
    re.VERBOSE,
)


class PackageStorage(FileSystemStorage):
    """Reads the served files from node_modules."""

    prefix = ""  # the staticfiles commands look for it

    def path(self, name: str) -> str:
        """The path of a served file in node_modules."""
        return str(PACKAGES / SERVED[name])

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        content = Path(self.path(name)).read_bytes()
        if name.endswith((".css", ".js")):
            content = _LEFT_OUT.sub(b"", content)
        return ContentFile(content, name)


class PackageFinder(BaseFinder):
    """Finds the files of `SERVED`."""

    storage = PackageStorage(location=PACKAGES)

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """An error for each served file that the installed packages do not have."""
        missing = [source for source in SERVED.values() if not (PACKAGES / source).is_file()]
        if not missing or not PACKAGES.exists():
            # Without the folder nothing is installed yet: commands before `npm ci` must work too.
            return []
        return [
            Error(f"{source} is not in node_modules.", hint="Run `npm ci` in controlplane/web.") for source in missing
        ]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """The path of a served file; None for other names."""
        found = str(PACKAGES / SERVED[path]) if path in SERVED else None
        if find_all:
            return [found] if found else []
        return found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        """All served files with their storage."""
        for name in SERVED:
            yield name, self.storage
