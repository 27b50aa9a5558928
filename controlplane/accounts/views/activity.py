"""Activity: who did what to what, how it ended, and whether the record of it is whole."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from controlplane.accounts.auditing.actions import ACTIONS
from controlplane.accounts.auditing.exporting import Format, audit_export
from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role
from controlplane.accounts.selectors import (
    AUDIT_ORDER,
    AuditQuery,
    actions_seen,
    audit,
    audit_neighbours,
    chain_status,
)
from controlplane.errors import InvalidInputError
from controlplane.web.filters import ListForm
from controlplane.web.ip_addresses import ip_address
from controlplane.web.paging import paginate

RANGES = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
# What is always shown; the rest is behind "More filters".
FIRST = ("text", "actor", "action", "outcome", "range")


def _action_choices() -> list[tuple[str, str]]:
    return [("", "All"), *((name, name) for name in sorted({*ACTIONS, *actions_seen()}))]


class ActivityForm(ListForm):
    """Which audit rows to list. Only admins filter by address."""

    text_label = "Search"
    actor = forms.CharField(required=False, max_length=150, label="User")
    action = forms.ChoiceField(required=False, label="Action", choices=_action_choices)
    outcome = forms.ChoiceField(required=False, label="Outcome", choices=[("", "All"), *AuditEntry.Outcome.choices])
    range = forms.ChoiceField(
        required=False, label="Time", choices=[("", "All"), *((key, label) for key, (label, _) in RANGES.items())]
    )
    target = forms.CharField(required=False, max_length=255, label="Resource")
    request_id = forms.CharField(required=False, max_length=64, label="Request ID")
    address = forms.CharField(required=False, max_length=45, label="Address")

    def __init__(self, data: Any, *, reader: User) -> None:
        super().__init__(data)
        if not reader.has_role(Role.ADMIN):
            del self.fields["address"]
        for name in ("actor", "target", "request_id", "address"):
            if name in self.fields:
                self.fields[name].widget.attrs["autocomplete"] = "off"

    def clean_address(self) -> str:
        """The IP address in its canonical form; raises `ValidationError`."""
        given = str(self.cleaned_data["address"])
        address = ip_address(given)
        if given and not address:
            raise forms.ValidationError(f"{given} is not an IP address. Use an address such as 192.0.2.1.")
        return address

    @property
    def query(self) -> AuditQuery:
        """The rows that are wanted; a field in error lets everything through."""
        wanted, chosen = self.list_filter, self.value("range")
        if wanted.since is None and chosen:
            wanted = replace(wanted, since=timezone.now() - RANGES[chosen][1])
        names = ("actor", "action", "target", "outcome", "request_id", "address")
        return AuditQuery(**{name: self.value(name) for name in names}, wanted=wanted)

    @property
    def first_fields(self) -> list[forms.BoundField]:
        """The fields that are always shown."""
        return [self[name] for name in FIRST]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        """The fields under More filters."""
        return [field for field in self.visible_fields() if field.name not in FIRST]

    @property
    def more_open(self) -> bool:
        """Whether one of the further filters is set."""
        return any(self.data.get(field.name) for field in self.more_fields)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The rows, filtered by the address."""
    reader = current_user(request)
    form = ActivityForm(request.GET, reader=reader)
    query = form.query
    page = paginate(
        audit(query, reader=reader), order=query.wanted.ordered(AUDIT_ORDER), cursor=request.GET.get("cursor")
    )
    kept = request.GET.copy()
    kept.pop("cursor", None)
    context = {
        "page": page,
        "form": form,
        "chain": chain_status(),
        "exports": kept.urlencode() if reader.has_role(Role.ADMIN) else None,
    }
    return render(request, "accounts/activity.html", context)


@require_safe
def entry(request: HttpRequest, entry_id: UUID) -> HttpResponse:
    """One row: what changed, where it came from, and its place in the chain."""
    reader = current_user(request)
    row = get_object_or_404(AuditEntry, pk=entry_id)
    previous, following = audit_neighbours(row)
    context = {
        "entry": row,
        "changes": row.changes_for(reader),
        "hidden": bool(row.changes),
        "nothing_to_compare": ACTIONS.get(row.action, ""),
        "shows_origin": row.shows_origin_to(reader),
        "has_person": reader.has_role(Role.ADMIN) and User.objects.filter(username=row.actor_name).exists(),
        "previous": previous,
        "next": following,
        "chain": chain_status(),
    }
    return render(request, "accounts/activity_entry.html", context)


@require_safe
def export(request: HttpRequest, kind: str) -> HttpResponseBase:
    """The filtered rows as a file, for admins.

    Raises:
        InvalidInputError: a filter can't be read: a file must not hold more than was asked for.
    """
    person = current_user(request)
    form = ActivityForm(request.GET, reader=person)
    if not form.is_valid():
        field, errors = next(iter(form.errors.items()))
        label = f"{form.fields[field].label}: "
        # A moment's error names its field already.
        raise InvalidInputError(f"{label}{str(errors[0]).removeprefix(label)}", "Change the filter, then export again.")
    return audit_export(actor=person, query=form.query, kind=Format(kind))
