"""The session key of a request that Django has not parsed yet."""

from django.conf import settings
from django.http import parse_cookie


def session_key(cookie: str) -> str:
    """The key in the text of a `Cookie` header, "" without one."""
    return parse_cookie(cookie).get(settings.SESSION_COOKIE_NAME, "")
