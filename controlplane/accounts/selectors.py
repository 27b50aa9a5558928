"""Reading the audit, and what guards signing in."""

from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from controlplane.accounts.models import AuditEntry, User
from controlplane.web.filters import ALL, Narrowing

# So many failures for one name from one address within the window, and the next has to wait until the window is over.
FAILURES_ALLOWED = 5
# A guesser who tries many names from one address is stopped too; a whole office behind one address isn't, in practice.
FAILURES_ALLOWED_BY_ADDRESS = 30
WINDOW = timedelta(minutes=5)

SIGN_IN = "person.sign-in"


def name_digest(username: str) -> str:
    """Stands for a typed name in the audit: people sometimes type their password where the name belongs."""
    return salted_hmac("controlplane.accounts.sign-in", username, algorithm="sha256").hexdigest()[:32]


def sign_in_allowed_at(*, username: str, address: str) -> datetime | None:
    """When `username` may be tried from `address` again, or None when that is now.

    The audit is the record of failures; a successful sign-in of the name from there forgives those before it.
    """
    since = timezone.now() - WINDOW
    name = name_digest(username)
    failures = AuditEntry.objects.filter(
        action=SIGN_IN, outcome=AuditEntry.Outcome.FAILED, at__gt=since, detail__address=address
    )
    succeeded = AuditEntry.objects.filter(
        action=SIGN_IN, outcome=AuditEntry.Outcome.SUCCEEDED, at__gt=since, detail__digest=name, detail__address=address
    ).aggregate(last=Max("at"))["last"]
    of_name = failures.filter(detail__digest=name)
    if succeeded:
        of_name = of_name.filter(at__gt=succeeded)
    for found, allowed in ((of_name, FAILURES_ALLOWED), (failures, FAILURES_ALLOWED_BY_ADDRESS)):
        moments = list(found.order_by("-at").values_list("at", flat=True)[:allowed])
        if len(moments) == allowed:
            return moments[-1] + WINDOW
    return None


def audit(*, actor: str = "", action: str = "", outcome: str = "", wanted: Narrowing = ALL) -> QuerySet[AuditEntry]:
    """The audit rows that match all of what is given, in no order yet."""
    rows = AuditEntry.objects.all()
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
