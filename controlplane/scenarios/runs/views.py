"""Actions on a run: steer, replay, download the report, compare."""

import json
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role
from controlplane.errors import InvalidInputError
from controlplane.scenarios import selectors
from controlplane.scenarios.forms import SpeedForm
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.runs.comparison import rates_compared, run_report, runs_compared, side_by_side
from controlplane.scenarios.runs.report import report_page
from controlplane.scenarios.runs.steering import (
    scenario_run_pause,
    scenario_run_replay,
    scenario_run_resume,
    scenario_run_speed,
)
from controlplane.web.json_answers import ChartResponse

# The number of runs to choose from for a comparison.
OFFERED_RUNS = 50


@require_POST
def run_pause(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Pause a run."""
    scenario_run_pause(actor=current_user(request), run_id=run_id)
    return redirect("scenarios:run", run_id)


@require_POST
def run_resume(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Resume a run."""
    scenario_run_resume(actor=current_user(request), run_id=run_id)
    return redirect("scenarios:run", run_id)


@require_POST
def run_speed(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Set the speed of a run."""
    form = SpeedForm(request.POST)
    if not form.is_valid():
        current_user(request, Role.OPERATOR)
        name, errors = next(iter(form.errors.items()))
        raise InvalidInputError(f"{name}: {errors[0]}", "Enter a number.")
    wanted = form.cleaned_data
    scenario_run_speed(
        actor=current_user(request), run_id=run_id, speed=wanted["speed"], events_per_second=wanted["events_per_second"]
    )
    return redirect("scenarios:run", run_id)


@require_POST
def run_replay(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Replay a run and show the replay."""
    again = scenario_run_replay(actor=current_user(request), run_id=run_id, request_id=_request_id(request))
    messages.info(
        request, "Replay started. When it ends, its digest shows whether the payload is identical to the original."
    )
    return redirect("scenarios:run", again.pk)


@require_safe
def run_latency(request: HttpRequest, run_id: UUID) -> ChartResponse:
    """The acknowledgement latency over time, for the chart."""
    samples = list(selectors.run_get(run_id).samples.all())
    series = [
        {
            "name": name,
            "points": [
                [sample.at.isoformat(), None if getattr(sample, field) is None else round(getattr(sample, field), 2)]
                for sample in samples
            ],
        }
        for name, field in (("p50", "latency_p50_ms"), ("p99", "latency_p99_ms"))
    ]
    return ChartResponse({"series": series})


@require_safe
def report_json(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The report of a run as a JSON file."""
    run = selectors.run_get(run_id)
    body = json.dumps(run_report(run), indent=2, default=str)
    return _file(body, "application/json", f"run-{run.pk}.json")


@require_safe
def report_html(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The report of a run as a self-contained HTML file."""
    run = selectors.run_get(run_id)
    return _file(report_page(run), "text/html; charset=utf-8", f"run-{run.pk}.html")


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Two runs side by side: `?run=` twice. With fewer, a selection form."""
    chosen = _chosen(request)
    context: dict[str, Any] = {"chosen": [str(run.pk) for run in chosen], "first": None, "second": None}
    if len(chosen) == 2:
        first, second = chosen
        context |= {"first": first, "second": second, "found": runs_compared(first, second)}
        context["facts"] = side_by_side(first, second)
    context["offered"] = selectors.runs(size=OFFERED_RUNS).items
    return render(request, "scenarios/compare.html", context)


@require_safe
def compare_rates(request: HttpRequest) -> ChartResponse:
    """The rates of two runs by seconds since the start, for the chart."""
    chosen = _chosen(request)
    if len(chosen) != 2:
        raise InvalidInputError("run: Exactly two runs are required.", "Select two runs.")
    return ChartResponse(rates_compared(*chosen))


def _chosen(request: HttpRequest) -> list[ScenarioRun]:
    """The runs in the query string, at most two.

    Raises:
        InvalidInputError: an ID is invalid, or there are more than two.
        NotFoundError: a run does not exist.
    """
    named = list(dict.fromkeys(text for text in request.GET.getlist("run") if text))
    if len(named) > 2:
        raise InvalidInputError(f"run: {len(named)} runs are selected.", "Select two runs.")
    try:
        ids = [UUID(text) for text in named]
    except ValueError:
        raise InvalidInputError("run: Invalid run ID.", "Select two runs from the list.") from None
    return [selectors.run_get(run_id) for run_id in ids]


def _file(body: str, kind: str, name: str) -> HttpResponse:
    return HttpResponse(body, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _request_id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("request_id", ""))
    except ValueError:
        return uuid4()
