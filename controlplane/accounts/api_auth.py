"""Authentication of the API: a bearer token, or the session of a user who is signed in to the web interface."""

from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer, SessionAuth

from controlplane.accounts.models import ApiToken, User
from controlplane.accounts.refusals import token_refused
from controlplane.accounts.request_rate import requests_bounded
from controlplane.accounts.requests import client_address
from controlplane.accounts.second_factor.factors import SecondFactorNeededError, must_set_up
from controlplane.accounts.selectors import valid_tokens
from controlplane.accounts.services import token_digest
from controlplane.accounts.sessions import person_of_session


def _valid_token(text: str) -> ApiToken | None:
    return valid_tokens().filter(digest=token_digest(text)).first()


def _owner(token: ApiToken) -> User:
    """The token's owner, with no more rights than the token's scope gives."""
    owner = token.owner
    owner.via_token = token
    return owner


_FOR_SETTING_UP = ("/api/v1/me/second-factors", "/api/v1/me/verification")


class TokenAuth(HttpBearer):
    """`Authorization: Bearer lh_…`."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        """The owner of a valid token; None for any other token, which is logged."""
        row = _valid_token(token)
        if row is None:
            known = ApiToken.objects.select_related("owner__service_owner").filter(digest=token_digest(token)).first()
            token_refused(request, known)
            return None
        requests_bounded(f"token {row.pk}")
        now = timezone.now()
        # A resolution of one minute is enough to see which tokens are in use, and saves a write per request.
        if row.last_used_at is None or now - row.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=row.pk).update(last_used_at=now, last_used_from=client_address(request) or None)
        request.user = _owner(row)
        return request.user


class PageSession(SessionAuth):
    """The session of the pages, for scripts on a page; writing then needs the header `X-CSRFToken`.

    Who must have a second factor and has none may do nothing but set it up. Tokens are not asked for one.
    """

    def __call__(self, request: HttpRequest) -> User | None:
        """The user of the session; None without one."""
        # Without a session, the response is 401 and not the error of a missing CSRF token.
        if not isinstance(request.user, User):
            return None
        user: User | None = super().__call__(request)
        if user is not None and not request.path.startswith(_FOR_SETTING_UP) and must_set_up(user, request.session):
            raise SecondFactorNeededError
        return user


def person_behind(*, session_key: str = "", token: str = "") -> User | None:
    """Who a session or a bearer token belongs to, for what is decided before or beside a request: bodies that come in,
    streams and sockets that stay open.

    It holds both to the same conditions as a request: not ended, expired or revoked, of an active person. A token's
    person has no more rights than the token's scope gives (`has_role` says which). It does not count as activity.
    """
    if token:
        row = _valid_token(token)
        return _owner(row) if row is not None else None
    return person_of_session(session_key) if session_key else None


AUTH = [TokenAuth(), PageSession()]
