"""Activity: who did what to what, and how it ended."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from controlplane.accounts.models import AuditEntry
from controlplane.accounts.requests import person_of
from controlplane.accounts.selectors import AUDIT_ORDER, actions_seen, audit
from controlplane.web.filters import ListForm
from controlplane.web.paging import paginate

RANGES = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    given = request.GET
    form = ListForm(given)
    wanted = form.narrowing
    rows = audit(
        reader=person_of(request),
        actor=given.get("actor", ""),
        action=given.get("action", ""),
        outcome=given.get("outcome", ""),
        wanted=replace(wanted, since=wanted.since or _range(given.get("range", ""))),
    )
    page = paginate(rows, order=wanted.ordered(AUDIT_ORDER), cursor=given.get("cursor"))
    context = {
        "page": page,
        "given": given,
        "form": form,
        "filtered": any(value for name, value in given.items() if name not in ("cursor", "sort")),
        "actions": actions_seen(),
        "outcomes": AuditEntry.Outcome.values,
        "ranges": [(key, label) for key, (label, _) in RANGES.items()],
    }
    return render(request, "accounts/activity.html", context)


def _range(key: str) -> datetime | None:
    return timezone.now() - RANGES[key][1] if key in RANGES else None
