"""How the id of a run or a task is written in a URL.

Ids are Airflow's and opaque. Nearly all of them are written unchanged. Browsers and proxies resolve `.` and `..`, a
slash splits the path, and control characters get lost: such an id is written as `=` and its base64url, and so is an
id that starts with `=`.
"""

import base64
from binascii import Error

from django.urls import register_converter


class IdConverter:
    """A path segment that is an id: `<airflow_id:run_id>`."""

    regex = "[^/]+"

    def to_python(self, segment: str) -> str:
        """The id that a segment of an address stands for; `ValueError` if it stands for none."""
        if not segment.startswith("="):
            return segment
        text = segment[1:]
        try:
            found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        except (Error, UnicodeDecodeError) as error:
            raise ValueError("not the base64url of an id") from error
        if self.to_url(found) != segment:
            raise ValueError("another way to write an id")
        return found

    def to_url(self, value: str) -> str:
        """The segment of an address for an id: the id itself, or `=` and its base64url form."""
        plain = value.isprintable() and value not in ("", ".", "..") and value[:1] != "="
        if plain and not any(letter in "/\\" for letter in value):
            return value
        return "=" + base64.urlsafe_b64encode(value.encode("utf-8", "surrogatepass")).decode().rstrip("=")


register_converter(IdConverter, "airflow_id")
