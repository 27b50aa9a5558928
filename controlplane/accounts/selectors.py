"""Reading the audit, people, their tokens and sessions."""

from datetime import timedelta

from django.core.cache import cache
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from controlplane.accounts.models import OF_TOKENS, ApiToken, AuditEntry, User, UserSession
from controlplane.accounts.roles import Role
from controlplane.accounts.sessions import live_sessions
from controlplane.web.filters import ALL, Narrowing


def audit(
    *, reader: User, actor: str = "", action: str = "", outcome: str = "", wanted: Narrowing = ALL
) -> QuerySet[AuditEntry]:
    """The audit rows that match all of what is given, in no order yet. A text finds only what the reader may see."""
    rows = AuditEntry.objects.all()
    if wanted.text and not reader.has_role(Role.ADMIN):
        rows = rows.exclude(~Q(actor=reader), action__startswith=OF_TOKENS)
    if actor:
        rows = rows.filter(actor_name=actor)
    if action:
        rows = rows.filter(action=action)
    if outcome:
        rows = rows.filter(outcome=outcome)
    return wanted.of(rows, at="at", text=("target", "action", "actor_name"))


AUDIT_ORDER = ("-at", "-id")


def actions_seen() -> list[str]:
    """The actions of the last 30 days, for the filter; at most a minute old."""
    seen = cache.get("audit-actions")
    if seen is None:
        recent = AuditEntry.objects.filter(at__gt=timezone.now() - timedelta(days=30)).order_by()
        seen = sorted(recent.values_list("action", flat=True).distinct())
        cache.set("audit-actions", seen, 60)
    return list(seen)


def people(*, text: str = "") -> QuerySet[User]:
    """Everybody who can or could sign in, whose name contains `text`."""
    rows = User.objects.all()
    return rows.filter(username__icontains=text) if text else rows


def tokens_of(person: User) -> QuerySet[ApiToken]:
    """A person's tokens, the newest first: valid, expired and revoked ones."""
    return ApiToken.objects.filter(owner=person).order_by("-created_at", "-pk")


def valid_tokens() -> QuerySet[ApiToken]:
    """The tokens that are neither revoked nor expired, of people who may sign in, with their owners."""
    unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return ApiToken.objects.select_related("owner").filter(unexpired, revoked_at=None, owner__is_active=True)


def sessions_of(person: User) -> QuerySet[UserSession]:
    """A person's live sessions, the one used last first."""
    return live_sessions().filter(user=person).order_by("-last_used_at", "-created_at")


def marked_sessions(request: HttpRequest, person: User) -> list[UserSession]:
    """A person's live sessions; `this_one` marks the one that the request came with."""
    sessions = list(sessions_of(person))
    for session in sessions:
        session.this_one = session.session_key == request.session.session_key
    return sessions
