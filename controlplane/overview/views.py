"""The overview: data flow, trust and recent activity."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST, require_safe

from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role
from controlplane.health.models import PartState
from controlplane.health.selectors import overall, parts, rate_series
from controlplane.lakehouse.selectors import tables_now
from controlplane.ledger.selectors import latest
from controlplane.overview.consoles import consoles
from controlplane.overview.first_steps import first_steps, step_take
from controlplane.overview.recent_activity import recent_activity
from controlplane.overview.stages import stations
from controlplane.overview.trust import concerns, signs
from controlplane.quality.selectors import verdicts
from controlplane.web.json_answers import ChartResponse
from controlplane.web.sse import stream_fragments

FRAGMENTS = ("attention", "guide", "flow", "trust", "parts", "recent_activity")
CHARTED = {"Acknowledged": "generator.acknowledged", "Kafka": "kafka.records", "Bronze": "bronze.records"}


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The Overview page."""
    return render(request, "overview/index.html", _context(current_user(request).has_role(Role.OPERATOR)))


@require_safe
def live(request: HttpRequest) -> HttpResponseBase:
    """The live fragments of the Overview."""
    may_operate = current_user(request).has_role(Role.OPERATOR)

    def fragments() -> Mapping[str, str]:
        context = _context(may_operate)
        return {name: render_to_string(f"overview/_{name}.html", context) for name in FRAGMENTS}

    return stream_fragments(request, fragments)


@require_safe
def rates(request: HttpRequest) -> HttpResponse:
    """The chart's data: records per second over the last half hour."""
    series = [{"name": title, "points": rate_series(name, minutes=30)} for title, name in CHARTED.items()]
    return ChartResponse({"series": [one for one in series if one["points"]]})


@require_POST
def first_step(request: HttpRequest, key: str) -> HttpResponse:
    """Take one of the first steps, then return to the Overview."""
    step_take(actor=current_user(request), key=key)
    return redirect("overview:index")


def _context(may_operate: bool) -> dict[str, Any]:
    known = {part.name: part for part in parts()}
    lake, judged, ledger = tables_now(), verdicts(), latest()
    flow = stations(known, lake, judged, ledger)
    strip = signs(lake, judged, ledger)
    return {
        "may_operate": may_operate,
        "parts": known.values(),
        "state": overall(known.values()),
        "stations": flow,
        "signs": strip,
        "concerns": concerns(known, flow, strip),
        "trusted": all(sign.state == PartState.UP for sign in strip),
        "steps": first_steps(lake),
        "recent_activity": recent_activity(),
        "consoles": consoles(may_operate=may_operate),
    }
