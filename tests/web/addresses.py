"""The address of every route."""

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


def addresses(patterns: list[Any], before: str = "") -> Iterator[str]:
    """The routes of `patterns`, with their parameters as they are written there."""
    for found in patterns:
        address = before + str(found.pattern)
        if isinstance(found, URLResolver):
            yield from addresses(found.url_patterns, address)
        elif isinstance(found, URLPattern):
            yield address


def urls() -> Iterator[str]:
    """An address for every route: pages, live parts, data and the API."""
    for route in addresses(get_resolver().url_patterns):
        yield "/" + _PARAMETER.sub(lambda found: str(_EXAMPLES[found[1] or "str"]), route)
