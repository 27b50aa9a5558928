"""Reading the audit, people, their tokens and sessions."""

from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.utils import timezone

from controlplane.accounts.models import ApiToken, AuditEntry, AuditVerification, User, UserSession
from controlplane.accounts.roles import Role
from controlplane.accounts.sessions import live_sessions
from controlplane.web.filters import ALL, Narrowing


@dataclass(frozen=True)
class AuditQuery:
    """Which audit rows are wanted. What is empty lets everything through."""

    actor: str = ""
    action: str = ""
    target: str = ""
    outcome: str = ""
    request_id: str = ""
    address: str = ""
    wanted: Narrowing = ALL

    def filters(self) -> dict[str, str]:
        """What is filtered by, by the names of the address: for the audit row of an export."""
        since, until = self.wanted.since, self.wanted.until
        given = {
            **{name: value for name, value in vars(self).items() if name != "wanted"},
            "text": self.wanted.text,
            "since": since.isoformat() if since else "",
            "until": until.isoformat() if until else "",
            "sort": "oldest" if self.wanted.oldest_first else "",
        }
        return {name: value for name, value in given.items() if value}


def audit(query: AuditQuery, *, reader: User) -> QuerySet[AuditEntry]:
    """The audit rows that match all of what is given, in no order yet.

    The text is looked for in names and in what the row holds; never in addresses, which only admins filter by.

    Raises:
        PermissionDenied: an address is given, and `reader` is no admin.
    """
    if query.address and not reader.has_role(Role.ADMIN):
        raise PermissionDenied("Filtering by address is for the role admin.")
    rows = AuditEntry.objects.all()
    for field in ("actor_name", "action", "outcome", "request_id", "address"):
        value = query.actor if field == "actor_name" else getattr(query, field)
        if value:
            rows = rows.filter(**{field: value})
    if query.target:
        rows = rows.filter(target__icontains=query.target)
    searched = ["target", "action", "actor_name"]
    if query.wanted.text:
        held = {f"{name}_text": Cast(name, TextField()) for name in ("detail", "before", "after")}
        rows = rows.alias(**held)
        searched += held
    return query.wanted.of(rows, at="at", text=searched)


AUDIT_ORDER = ("-sequence",)


def audit_neighbours(entry: AuditEntry) -> tuple[AuditEntry | None, AuditEntry | None]:
    """The row before and the row after one in the chain."""
    previous = AuditEntry.objects.filter(sequence__lt=entry.sequence).order_by("-sequence").first()
    following = AuditEntry.objects.filter(sequence__gt=entry.sequence).order_by("sequence").first()
    return previous, following


# A verification that is older says nothing about today.
VERIFICATION_VALID = timedelta(hours=26)


@dataclass(frozen=True)
class ChainStatus:
    """What is known of the chain. `state` is `succeeded`, `failed`, or `unknown`: never verified, or too long ago."""

    state: str
    verification: AuditVerification | None


def chain_status() -> ChainStatus:
    """What the last verification of the audit found. A broken chain stays broken however long ago that was."""
    row = AuditVerification.objects.filter(pk=1).first()
    if row is None:
        return ChainStatus("unknown", None)
    if row.problem is not None:
        return ChainStatus("failed", row)
    return ChainStatus("succeeded" if timezone.now() - row.checked_at < VERIFICATION_VALID else "unknown", row)


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
