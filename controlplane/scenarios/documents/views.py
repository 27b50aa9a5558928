"""The pages of scenarios: the list, one scenario, one run."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from controlplane.accounts.models import User
from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role
from controlplane.errors import InvalidInputError
from controlplane.leases import WorkState
from controlplane.scenarios import selectors
from controlplane.scenarios.documents.presenters import as_yaml, described, faults, run_facts, transitions
from controlplane.scenarios.documents.sparklines import Sparkline
from controlplane.scenarios.forms import RunFilterForm, RunForm
from controlplane.scenarios.runs.context import run_context
from controlplane.scenarios.runs.queue import line_now, not_taken
from controlplane.scenarios.runs.services import scenario_run_start, scenario_run_stop
from controlplane.scenarios.schedules.selectors import schedules
from controlplane.web.json_answers import ChartResponse
from controlplane.web.sse import stream_fragments
from controlplane.web.windows import Window

RECENT_RUNS = 8
CARDS_SHOWN = 24
VERSIONS_SHOWN = 50
LIVE_PARTS = ("state", "steering", "progress", "limits", "counts", "facts")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The scenarios as cards, and recent runs."""
    page = selectors.scenarios_page(cursor=request.GET.get("cursor"), size=CARDS_SHOWN)
    cards = [
        {
            "scenario": listed.scenario,
            "run_count": listed.runs,
            "picture": Sparkline.of(listed.version.content),
            "facts": described(listed.version.content)[:3],
        }
        for listed in page.items
    ]
    context = {"cards": cards, "page": page, "runs": selectors.runs(size=RECENT_RUNS).items, "line": line_now()}
    return render(request, "scenarios/index.html", {**context, "page_title": "Scenarios"})


@require_safe
def index_live(request: HttpRequest) -> StreamingHttpResponse:
    """Recent runs, live; with `?scenario=` those of one scenario."""
    slug = request.GET.get("scenario") or None

    def fragments() -> dict[str, str]:
        recent = selectors.runs(slug=slug, size=RECENT_RUNS).items
        context = {"runs": recent, "with_name": slug is None, "line": line_now()}
        return {"runs": render_to_string("scenarios/_runs.html", context)}

    return stream_fragments(request, fragments)


@require_safe
def run_list(request: HttpRequest) -> HttpResponse:
    """Every run, filtered by scenario, state, text and time."""
    form = RunFilterForm(request.GET)
    page = selectors.runs(
        slug=form.value("scenario"),
        state=form.value("state"),
        wanted=form.list_filter,
        cursor=request.GET.get("cursor"),
    )
    return render(request, "scenarios/run_list.html", {"form": form, "page": page, "line": line_now()})


@require_safe
def detail(request: HttpRequest, slug: str) -> HttpResponse:
    """One scenario: definition, versions and runs. `?version=` selects a version, by default the newest."""
    scenario = selectors.scenario_get(slug)
    versions = list(scenario.versions.select_related("created_by").defer("document"))
    shown = selectors.version_get(slug, request.GET.get("version"))
    context = {
        "scenario": scenario,
        "versions": Window.of(request, "versions", versions, VERSIONS_SHOWN),
        "version": shown,
        "facts": described(shown.content),
        "picture": Sparkline.of(shown.content),
        "fault_rows": faults(shown.content),
        "steps": transitions(shown.content),
        "yaml": as_yaml(shown.content),
        "runs": selectors.runs(slug=slug, size=RECENT_RUNS).items,
        "line": line_now(),
        "schedules": schedules(slug=slug, size=RECENT_RUNS).items,
    }
    return render(request, "scenarios/detail.html", context)


@require_safe
def document(request: HttpRequest, slug: str) -> HttpResponse:
    """A document as a download: `?version=`, by default the newest."""
    wanted = request.GET.get("version")
    version = selectors.version_get(slug, wanted)
    name = f"{slug}-{version.number}.yaml" if wanted else f"{slug}.yaml"
    headers = {"Content-Disposition": content_disposition_header(as_attachment=True, filename=name)}
    return HttpResponse(as_yaml(version.content), content_type="application/yaml", headers=headers)


@require_POST
def run_start(request: HttpRequest, slug: str) -> HttpResponse:
    """Run a scenario and show the run."""
    form = RunForm(request.POST)
    if not form.is_valid():
        current_user(request, Role.OPERATOR)
        first = next(iter(form.errors.items()))
        raise InvalidInputError(f"{first[0]}: {first[1][0]}", "Fix the value and try again.")
    started = scenario_run_start(actor=current_user(request), slug=slug, **form.cleaned_data)
    return redirect("scenarios:run", started.pk)


@require_safe
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """One run."""
    return render(request, "scenarios/run.html", _run_context(run_id, current_user(request)))


@require_safe
def run_live(request: HttpRequest, run_id: UUID) -> StreamingHttpResponse:
    """One run, live."""
    person = current_user(request)
    selectors.run_get(run_id)

    def fragments() -> dict[str, str]:
        context = _run_context(run_id, person)
        return {part: render_to_string(f"scenarios/_run_{part}.html", context) for part in LIVE_PARTS}

    return stream_fragments(request, fragments, every=0.5)


@require_safe
def run_rates(request: HttpRequest, run_id: UUID) -> ChartResponse:
    """The run's rates over time, for its chart."""
    samples = list(selectors.run_get(run_id).samples.all())
    series = [
        {"name": "acknowledged", "points": [[sample.at.isoformat(), round(sample.rate, 1)] for sample in samples]},
        {"name": "target", "points": [[sample.at.isoformat(), round(sample.target_rate, 1)] for sample in samples]},
    ]
    return ChartResponse({"series": series})


@require_POST
def run_stop(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Stop a run and show it."""
    scenario_run_stop(actor=current_user(request), run_id=run_id)
    return redirect("scenarios:run", run_id)


def _run_context(run_id: UUID, person: User) -> dict[str, Any]:
    found = selectors.run_get(run_id)
    return {
        "may_operate": person.has_role(Role.OPERATOR),
        "run": found,
        "scenario": found.version.scenario,
        "line": line_now() if found.state == WorkState.WAITING else None,
        "not_taken": not_taken(found),
        **run_facts(found),
        **run_context(found),
    }
