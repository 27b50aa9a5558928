"""Every address that the application routes, as patterns and as examples."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver

_EXAMPLES: dict[str, Any] = {
    "uuid": UUID(int=7), "uuidstr": UUID(int=7), "int": 1, "slug": "first-light", "str": "silver", "path": "x",
    "name": "silver",
    "scenario": "first-light", "airflow_id": "x",
}  # fmt: skip
_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


def routes() -> Iterator[str]:
    """The pattern of every route: pages, live parts, data and the API."""
    return _below(get_resolver().url_patterns)


def _below(patterns: list[Any], before: str = "") -> Iterator[str]:
    for found in patterns:
        address = before + str(found.pattern)
        if isinstance(found, URLResolver):
            yield from _below(found.url_patterns, address)
        elif isinstance(found, URLPattern):
            yield address


def examples() -> list[str]:
    """An address for every route. Signing out comes last: who has signed out is a stranger from then on."""
    found = {"/" + _PARAMETER.sub(lambda one: str(_EXAMPLES[one[1] or "str"]), route) for route in routes()}
    return sorted(found, key=lambda url: (url == "/sign-out/", url))
