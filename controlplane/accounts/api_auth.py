"""How the API knows who asks: a bearer token, or the session of a person who has signed in to the pages."""

from datetime import timedelta
from importlib import import_module

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer, SessionAuth

from controlplane.accounts.models import ApiToken, User
from controlplane.accounts.services import token_digest


class TokenAuth(HttpBearer):
    """`Authorization: Bearer lh_…`."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        row = (
            ApiToken.objects.select_related("owner")
            .filter(digest=token_digest(token), revoked_at=None, owner__is_active=True)
            .first()
        )
        if row is None:
            return None
        now = timezone.now()
        # To the minute is enough to see which tokens are in use, and spares a write a request.
        if row.last_used_at is None or now - row.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
        request.user = row.owner
        return row.owner


class PageSession(SessionAuth):
    """The session of the pages, for scripts on a page; writing then needs the header `X-CSRFToken`."""

    def __call__(self, request: HttpRequest) -> User | None:
        # Who isn't signed in at all is told that (401), not that a CSRF token is missing.
        if not isinstance(request.user, User):
            return None
        user: User | None = super().__call__(request)
        return user


def person_behind(*, session_key: str = "", token: str = "") -> User | None:
    """Who a session or a bearer token belongs to, as far as that can be said before a request is read. It is no more
    than a first look: who acts is asked again where they act."""
    if token:
        row = ApiToken.objects.select_related("owner").filter(digest=token_digest(token), revoked_at=None).first()
        return row.owner if row is not None and row.owner.is_active else None
    if not session_key:
        return None
    known = import_module(settings.SESSION_ENGINE).SessionStore(session_key).load()
    return User.objects.filter(pk=known.get(SESSION_KEY), is_active=True).first()


AUTH = [TokenAuth(), PageSession()]
