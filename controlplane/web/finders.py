"""The files of npm packages that are served, and nothing else of them.

`npm ci` in this folder brings the packages; a file is served once it stands in `SERVED`.
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

# Address below /static/ -> file below node_modules.
SERVED = {
    "packages/tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "packages/tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
    "packages/tabler-icons.min.css": "@tabler/icons-webfont/dist/tabler-icons.min.css",
    "packages/fonts/tabler-icons.woff2": "@tabler/icons-webfont/dist/fonts/tabler-icons.woff2",
    "packages/htmx.min.js": "htmx.org/dist/htmx.min.js",
    "packages/htmx-sse.min.js": "htmx-ext-sse/dist/sse.min.js",
    "packages/echarts.min.js": "echarts/dist/echarts.common.min.js",
}

# Left out of the served text, because the files that they name are not served: a reference to a missing file stops
# `collectstatic`. Every browser that runs these pages reads woff2.
_LEFT_OUT = re.compile(
    rb"""
    /\*\#\ sourceMappingURL=[^*]*\*/
    | //\#\ sourceMappingURL=\S*
    | ,url\("[^"]*\.(?:woff|ttf)\?[^"]*"\)\ format\("\w+"\)
    """,
    re.VERBOSE,
)


class PackageStorage(FileSystemStorage):
    """Reads the served files where npm put them."""

    prefix = ""  # the staticfiles commands look for it

    def path(self, name: str) -> str:
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
        missing = [source for source in SERVED.values() if not (PACKAGES / source).is_file()]
        if not missing or not PACKAGES.exists():
            # Without the folder nothing was installed yet: the commands that come before `npm ci` must run as well.
            return []
        return [
            Error(f"{source} is not in node_modules.", hint="Run `npm ci` in controlplane/web.") for source in missing
        ]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        found = str(PACKAGES / SERVED[path]) if path in SERVED else None
        if find_all:
            return [found] if found else []
        return found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        for name in SERVED:
            yield name, self.storage
