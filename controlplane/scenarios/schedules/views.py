"""The pages of schedules: the list, one schedule, and the form."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.accounts.models import User
from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role
from controlplane.errors import InvalidInputError
from controlplane.scenarios import selectors as scenarios
from controlplane.scenarios.models import Scenario
from controlplane.scenarios.schedules import selectors
from controlplane.scenarios.schedules.forms import ScheduleForm
from controlplane.scenarios.schedules.models import TickOutcome
from controlplane.scenarios.schedules.services import (
    schedule_change,
    schedule_create,
    schedule_delete,
    schedule_pause,
    schedule_resume,
)
from controlplane.scenarios.schedules.starting import GRACE
from controlplane.scenarios.schedules.times import Cron, upcoming
from controlplane.web.filters import MOST_CHOICES
from controlplane.web.sse import stream_fragments

GRACE_MINUTES = int(GRACE.total_seconds() // 60)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every schedule, filtered by scenario and standing."""
    slug, standing = request.GET.get("scenario") or None, request.GET.get("standing") or None
    page = selectors.schedules(slug=slug, standing=standing, cursor=request.GET.get("cursor"))
    context = {
        "page": page,
        "shown": selectors.with_last(page.items),
        "scenarios": scenarios.scenario_choices(MOST_CHOICES),
        "slug": slug,
        "standings": selectors.STANDINGS,
        "chosen": standing,
        "grace_minutes": GRACE_MINUTES,
    }
    return render(request, "scenarios/schedules/index.html", context)


@require_safe
def detail(request: HttpRequest, schedule_id: UUID) -> HttpResponse:
    """One schedule: next due times and history."""
    return render(request, "scenarios/schedules/detail.html", _context(request, schedule_id))


@require_safe
def live(request: HttpRequest, schedule_id: UUID) -> StreamingHttpResponse:
    """One schedule, live."""
    selectors.schedule_get(schedule_id)

    def fragments() -> dict[str, str]:
        context = {**_context(request, schedule_id), "may_operate": current_user(request).has_role(Role.OPERATOR)}
        return {part: render_to_string(f"scenarios/schedules/_{part}.html", context) for part in ("standing", "ticks")}

    return stream_fragments(request, fragments)


@require_safe
def times(request: HttpRequest) -> HttpResponse:
    """The next due times of a cron expression, or its error, as a fragment of the form."""
    said = request.GET.get("cron", "").strip()
    context: dict[str, Any] = {}
    if said:
        try:
            context = {"times": upcoming(Cron.parse(said), timezone.now())}
        except InvalidInputError as error:
            said = error.message.removeprefix("cron: ")
            context = {"said": f"{said[:1].upper()}{said[1:]} {error.remedy}"}
    return render(request, "scenarios/schedules/_times.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Create a schedule for the scenario in the query string."""
    _operator(request)
    slug = request.GET.get("scenario") or ""
    version = scenarios.version_get(slug, request.GET.get("version"))
    if request.method != "POST":
        form = ScheduleForm(scenario=version.scenario, initial=ScheduleForm.values_for(version))
        return _form(request, form, version.scenario)
    form = ScheduleForm(request.POST, scenario=version.scenario)
    if form.is_valid():
        try:
            made = schedule_create(actor=current_user(request), slug=slug, wanted=form.wanted, request_id=form.asked)
            return redirect("scenarios:schedule", made.pk)
        except InvalidInputError as error:
            form.refuse(error)
    return _form(request, form, version.scenario)


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, schedule_id: UUID) -> HttpResponse:
    """Edit a schedule."""
    _operator(request)
    schedule = selectors.schedule_get(schedule_id)
    scenario = schedule.version.scenario
    if request.method != "POST":
        form = ScheduleForm(scenario=scenario, initial=ScheduleForm.values_of(schedule))
        return _form(request, form, scenario, schedule=schedule)
    form = ScheduleForm(request.POST, scenario=scenario)
    if form.is_valid():
        try:
            schedule_change(actor=current_user(request), schedule_id=schedule_id, wanted=form.wanted)
            return redirect("scenarios:schedule", schedule_id)
        except InvalidInputError as error:
            form.refuse(error)
    return _form(request, form, scenario, schedule=schedule)


@require_POST
def pause(request: HttpRequest, schedule_id: UUID) -> HttpResponse:
    """Pause a schedule."""
    schedule_pause(actor=current_user(request), schedule_id=schedule_id)
    return redirect("scenarios:schedule", schedule_id)


@require_POST
def resume(request: HttpRequest, schedule_id: UUID) -> HttpResponse:
    """Resume a schedule."""
    schedule_resume(actor=current_user(request), schedule_id=schedule_id)
    return redirect("scenarios:schedule", schedule_id)


@require_POST
def delete(request: HttpRequest, schedule_id: UUID) -> HttpResponse:
    """Delete a schedule."""
    schedule_delete(actor=current_user(request), schedule_id=schedule_id)
    messages.info(request, "Deleted the schedule. The runs that it started are kept.")
    return redirect("scenarios:schedules")


def _form(request: HttpRequest, form: ScheduleForm, scenario: Scenario, **more: Any) -> HttpResponse:
    zone = timezone.get_current_timezone_name()
    context = {"form": form, "scenario": scenario, "grace_minutes": GRACE_MINUTES, "zone": zone, **more}
    return render(request, "scenarios/schedules/form.html", context, status=422 if form.errors else 200)


def _operator(request: HttpRequest) -> User:
    """Require the role operator before the form is filled in, not when it is saved."""
    person = current_user(request)
    if not person.has_role(Role.OPERATOR):
        raise PermissionDenied(
            f"Schedules require the role operator. {person.get_username()} has the role {person.role}."
        )
    return person


def _context(request: HttpRequest, schedule_id: UUID) -> dict[str, Any]:
    schedule = selectors.schedule_get(schedule_id)
    outcome = request.GET.get("outcome") or None
    return {
        "schedule": schedule,
        "scenario": schedule.version.scenario,
        "next_times": selectors.next_times(schedule),
        "page": selectors.ticks(schedule, outcome=outcome, cursor=request.GET.get("cursor")),
        "outcomes": TickOutcome.values,
        "chosen": outcome,
        "grace_minutes": GRACE_MINUTES,
    }
