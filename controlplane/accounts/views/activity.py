"""Activity: who did what to what, and how it ended."""

from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from controlplane.accounts.errors import InvalidInputError
from controlplane.accounts.models import AuditEntry
from controlplane.accounts.selectors import AUDIT_ORDER, actions_seen, audit
from controlplane.web.paging import paginate

RANGES = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}


def index(request: HttpRequest) -> HttpResponse:
    given = request.GET
    rows = audit(
        actor=given.get("actor", ""),
        action=given.get("action", ""),
        outcome=given.get("outcome", ""),
        text=given.get("text", ""),
        since=moment("since", given.get("since", "")) or _range(given.get("range", "")),
        until=moment("until", given.get("until", "")),
    )
    page = paginate(rows, order=AUDIT_ORDER, cursor=given.get("cursor"))
    context = {
        "page": page,
        "given": given,
        "filtered": any(value for name, value in given.items() if name != "cursor"),
        "actions": actions_seen(),
        "outcomes": AuditEntry.Outcome.values,
        "ranges": [(key, label) for key, (label, _) in RANGES.items()],
    }
    return render(request, "accounts/activity.html", context)


def moment(name: str, text: str) -> datetime | None:
    """A moment from an address, in the person's zone unless it names one.

    Raises:
        InvalidInputError: it is no ISO 8601 moment.
    """
    if not text:
        return None
    try:
        found = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        found = None
    if found is None:
        raise InvalidInputError(f"{name}: {text} is no moment.", "Write it as 2026-11-23T17:00:00Z.")
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def _range(key: str) -> datetime | None:
    return timezone.now() - RANGES[key][1] if key in RANGES else None
