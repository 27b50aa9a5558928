"""Reading the audit, users, their tokens, links and sessions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import Case, F, Func, JSONField, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Coalesce
from django.http import HttpRequest
from django.utils import timezone

from controlplane.accounts.models import (
    FOR_ADMINS,
    OF_TOKENS,
    AccountLink,
    ApiToken,
    AuditEntry,
    AuditVerification,
    Kind,
    User,
    UserSession,
    UserState,
)
from controlplane.accounts.roles import Role
from controlplane.accounts.second_factor.factors import with_second_factor
from controlplane.accounts.sessions import live_sessions
from controlplane.web.filters import ALL, ListFilter


class _WithoutHidden(Func):
    """JSON of an audit row without the fields that are for admins."""

    template = f"(%(expressions)s - ARRAY[{', '.join(repr(name) for name in FOR_ADMINS)}])"
    output_field = JSONField()


@dataclass(frozen=True)
class AuditQuery:
    """Which audit rows are wanted. What is empty lets everything through."""

    actor: str = ""
    action: str = ""
    target: str = ""
    outcome: str = ""
    request_id: str = ""
    address: str = ""
    wanted: ListFilter = ALL

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

    The text is looked for in names and in what the row holds, as far as `reader` may see it; never in the addresses
    that requests came from, which only admins filter by.

    Raises:
        PermissionDenied: an address is given, and `reader` is no admin.
    """
    if query.address and not reader.has_role(Role.ADMIN):
        raise PermissionDenied("Filtering by address requires the role admin.")
    rows = AuditEntry.objects.all()
    for field in ("actor_name", "action", "outcome", "request_id", "address"):
        value = query.actor if field == "actor_name" else getattr(query, field)
        if value:
            rows = rows.filter(**{field: value})
    everything = reader.has_role(Role.ADMIN)
    if (query.target or query.wanted.text) and not everything:
        rows = rows.exclude(~Q(actor=reader), action__startswith=OF_TOKENS)
    if query.target:
        rows = rows.filter(target__icontains=query.target)
    searched = ["target", "action", "actor_name"]
    if query.wanted.text:
        names = ("detail", "before", "after")
        held = {f"{name}_text": Cast(name if everything else _WithoutHidden(name), TextField()) for name in names}
        rows = rows.alias(**held)
        searched += held
    return query.wanted.apply(rows, at="at", text=searched)


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


# By what the list of users can be ordered, and the order of each. Names are unique, which paging relies on.
PEOPLE_ORDERS = {
    "name": ("username",),
    "last_sign_in": ("-signed_in_at", "username"),
    "newest": ("-date_joined", "username"),
}
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def people(*, text: str = "", state: str = "") -> QuerySet[User]:
    """People and service accounts whose name or description contains `text`, in a `UserState`, in no order yet.

    `two_step` says who has a second factor.
    """
    rows = (
        with_second_factor(User.objects.all())
        .select_related("service_owner")
        .prefetch_related("socialaccount_set")
        .annotate(signed_in_at=Coalesce("last_login", Value(_NEVER)))
    )
    if text:
        rows = rows.filter(Q(username__icontains=text) | Q(description__icontains=text))
    invited = Q(last_login=None, password__startswith=UNUSABLE_PASSWORD_PREFIX)
    match state:
        case UserState.ACTIVE:
            return rows.filter(~invited, kind=Kind.PERSON, is_active=True)
        case UserState.INVITED:
            return rows.filter(invited, kind=Kind.PERSON, is_active=True)
        case UserState.DEACTIVATED:
            return rows.filter(is_active=False)
        case UserState.SERVICE:
            return rows.filter(kind=Kind.SERVICE)
    return rows


def account_links(*, kind: str = "", state: str = "", username: str = "") -> QuerySet[AccountLink]:
    """Links by which people choose a password, of one kind, state and person where given, in no order yet."""
    rows = AccountLink.objects.select_related("person")
    if kind:
        rows = rows.filter(kind=kind)
    if username:
        rows = rows.filter(person__username=username)
    now = timezone.now()
    unused = Q(used_at=None)
    match state:
        case "open":
            return rows.filter(unused, revoked_at=None, expires_at__gt=now)
        case "used":
            return rows.exclude(unused)
        case "revoked":
            return rows.filter(unused, revoked_at__lt=F("expires_at"))
        case "expired":
            return rows.filter(unused, expires_at__lte=now).exclude(revoked_at__lt=F("expires_at"))
    return rows


# More than anyone has valid ones.
TOKENS_LISTED = 100
LINK_ORDER = ("-created_at", "-id")


def service_accounts_of(person: User) -> QuerySet[User]:
    """The service accounts that a person owns."""
    return User.objects.select_related("service_owner").filter(service_owner=person).order_by("username")


def possible_owners() -> list[tuple[str, str]]:
    """Name and role of everybody who can own a service account."""
    able = User.objects.filter(kind=Kind.PERSON, is_active=True, role__in=(Role.OPERATOR, Role.ADMIN))
    return list(able.order_by("username").values_list("username", "role"))


def tokens_of(person: User) -> list[ApiToken]:
    """The `TOKENS_LISTED` newest tokens of a user, valid ones first: a user has fewer valid ones."""
    ended = Case(When(Q(revoked_at=None, expires_at__gt=timezone.now()), then=0), default=1)
    return list(ApiToken.objects.filter(owner=person).order_by(ended, "-created_at", "-pk")[:TOKENS_LISTED])


def valid_tokens() -> QuerySet[ApiToken]:
    """The tokens that are neither revoked nor expired, of active people and of service accounts whose owner is active
    too, with their owners."""
    answered_for = Q(owner__kind=Kind.PERSON) | Q(owner__service_owner__is_active=True)
    rows = ApiToken.objects.select_related("owner__service_owner")
    return rows.filter(answered_for, expires_at__gt=timezone.now(), revoked_at=None, owner__is_active=True)


def ended_by_deactivation(person: User) -> str:
    """What a deactivation would end, in numbers, as a sentence."""
    links = account_links(state="open", username=person.username).count()
    counts = (
        (sessions_of(person).count(), "session"),
        (valid_tokens().filter(owner=person).count(), "token"),
        (links, "link"),
    )
    said = [f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts if count]
    if not said:
        return f"{person.username} has no sessions, valid tokens or open links."
    *before, last = said
    listed = f"{', '.join(before)} and {last}" if before else last
    return f"{listed} of {person.username} {'ends' if listed.startswith('1 ') and not before else 'end'} at once."


def sessions_of(person: User) -> QuerySet[UserSession]:
    """A person's live sessions, the one used last first."""
    return live_sessions().filter(user=person).order_by("-last_used_at", "-created_at")


def marked_sessions(request: HttpRequest, person: User) -> list[UserSession]:
    """A person's live sessions; `this_one` marks the one that the request came with."""
    sessions = list(sessions_of(person))
    for session in sessions:
        session.this_one = session.session_key == request.session.session_key
    return sessions
