"""Sessions in the database, with their user, their browser, an idle and an absolute timeout.

This is the way that Django documents to extend its database store ("Extending database-backed session engines"):
`settings.SESSION_ENGINE` names this module. The defaults follow ASVS 5.0 chapter 7.3 and NIST SP 800-63B-4 for AAL2:
60 minutes without activity, 12 hours in all.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from controlplane.accounts.models import Kind, User, UserSession
from controlplane.accounts.second_factor.factors import must_set_up

ADDRESS, USER_AGENT = "signed_in_from", "signed_in_with"
# The ID token of a session that single sign-on began; "" if it is too long to keep.
SIGN_OUT_HINT = "signed_in_by"
# How the provider of single sign-on has authenticated the person: `acr` and `amr`, as far as it says them.
HOW = "signed_in_how"
# A resolution of one minute is enough to see which sessions are in use, and saves a write per request.
PRECISION = timedelta(minutes=1)
SESSIONS_AT_MOST = 100


class SessionStore(DatabaseStore):
    """Django's database store on `UserSession`."""

    # The row that was loaded; None for a session that is new or has ended.
    row: UserSession | None = None

    @classmethod
    def get_model_class(cls) -> type[UserSession]:
        """The model of the sessions."""
        return UserSession

    def load(self) -> dict[str, Any]:
        """The data of the session; empty if it does not exist or has expired."""
        self.row = UserSession.objects.filter(session_key=self.session_key, expire_date__gt=timezone.now()).first()
        if self.row is None:
            self._session_key = None
            return {}
        return self.decode(self.row.session_data)

    def create_model_instance(self, data: dict[str, Any]) -> UserSession:
        """The row of the session, with user, address and times from its data."""
        row = super().create_model_instance(data)
        assert isinstance(row, UserSession)
        row.user_id = data.get(SESSION_KEY)
        row.address = data.get(ADDRESS)
        row.user_agent = data.get(USER_AGENT, "")
        row.last_used_at = row.created_at
        row.expire_date = _expires(created_at=row.created_at, last_used_at=row.last_used_at)
        return row

    async def acreate_model_instance(self, data: dict[str, Any]) -> UserSession:
        """`create_model_instance`, asynchronous."""
        return await sync_to_async(self.create_model_instance)(data)


def session_rekey(request: HttpRequest) -> None:
    """Give the session of the request another key. Its row, with its times and its public id, stays.

    Django's `cycle_key` would make a new row, whose longest life begins again.
    """
    session: Any = request.session
    key = session._get_new_session_key()
    UserSession.objects.filter(session_key=session.session_key).update(session_key=key)
    if session.row is not None:
        session.row.session_key = key
    session._session_key = key
    session.modified = True


def _expires(*, created_at: datetime, last_used_at: datetime) -> datetime:
    idle = last_used_at + timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    return min(idle, created_at + timedelta(hours=settings.SESSION_MAX_HOURS))


def session_used(request: HttpRequest) -> None:
    """Note that the person behind the request is active, which moves the idle time-out.

    What a page's script reads by itself (live streams, charts, parts that are loaded again) is no activity: a page that
    is left open does not keep its session alive.
    """
    if not request.user.is_authenticated or _read_by_a_script(request):
        return
    row = getattr(request.session, "row", None)
    if row is None:
        return
    now = timezone.now()
    if now - row.last_used_at < PRECISION:
        return
    UserSession.objects.filter(pk=row.pk).update(
        last_used_at=now, expire_date=_expires(created_at=row.created_at, last_used_at=now)
    )


def _read_by_a_script(request: HttpRequest) -> bool:
    if request.method not in ("GET", "HEAD") or request.path.startswith("/api/"):
        return False
    accepted = request.headers.get("Accept", "")
    return "HX-Request" in request.headers or accepted in ("text/event-stream", "application/json")


def live_sessions() -> QuerySet[UserSession]:
    """The sessions that have not ended, of people who may sign in."""
    return UserSession.objects.filter(expire_date__gt=timezone.now(), user__is_active=True, user__kind=Kind.PERSON)


def session_id(request: HttpRequest) -> UUID | None:
    """The public id of the request's session, which stays when its key changes; None without a session."""
    row = getattr(request.session, "row", None)
    if row is None:
        row = UserSession.objects.filter(session_key=request.session.session_key or "").first()
    return row.public_id if row is not None else None


def live_session(request: HttpRequest) -> Callable[[], bool]:
    """A function that says whether the request's session still belongs to somebody who may sign in.

    It outlives the session's key, which changes when the person verifies again in another tab.
    """
    session = session_id(request)
    return lambda: session is not None and person_of_session(public_id=session) is not None


def person_of_session(session_key: str = "", *, public_id: UUID | None = None) -> User | None:
    """The person whose live session has this key or, for what stays open while the key changes, this id; or None.

    It holds the session to the same conditions as Django does for a request: not expired, of an active person, begun
    with the password that the person has now; and the person has the second factor that the installation requires.
    """
    named = {"session_key": session_key} if public_id is None else {"public_id": public_id}
    row = live_sessions().select_related("user").filter(**named).first()
    if row is None or row.user is None:
        return None
    session = row.get_decoded()
    began_with = session.get(HASH_SESSION_KEY, "")
    hashes = (row.user.get_session_auth_hash(), *row.user.get_session_auth_fallback_hash())
    if not any(constant_time_compare(began_with, one) for one in hashes):
        return None
    return None if must_set_up(row.user, session) else row.user


def sessions_end_all() -> int:
    """Delete every session; gives how many there were."""
    ended, _ = UserSession.objects.all().delete()
    return ended


def sessions_bound(person: User, *, keep: str) -> None:
    """End the sessions beyond `SESSIONS_AT_MOST` of a person, those used longest ago first; the one `keep` stays."""
    others = UserSession.objects.filter(user=person).exclude(session_key=keep).order_by("-last_used_at", "-created_at")
    beyond = list(others.values_list("session_key", flat=True)[SESSIONS_AT_MOST - 1 :])
    UserSession.objects.filter(session_key__in=beyond).delete()


def sessions_end(person: User, *, keep: str = "") -> int:
    """Delete the sessions of a user except the one with the key `keep`; returns how many were deleted."""
    ended, _ = UserSession.objects.filter(user=person).exclude(session_key=keep).delete()
    return ended
