"""The gold views with their trust strip."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from controlplane.health.models import Observation, PartState
from controlplane.lakehouse.selectors import TableNow, tables_now
from controlplane.ledger.selectors import latest
from controlplane.links import BI_PREFIX
from controlplane.quality.selectors import Verdict, verdict_of

STALE_AFTER = timedelta(seconds=45)


@dataclass(frozen=True)
class GoldView:
    """One view in Streamlit, with its path (`key`) and table."""

    key: str
    title: str
    about: str
    table: str


VIEWS = (
    GoldView(
        "hourly_sales", "Hourly sales", "Orders, units and revenue by hour, currency and category", "gold.hourly_sales"
    ),
    GoldView("top_products", "Top products", "Top products by revenue per day", "gold.top_products"),
    GoldView("user_sessions", "User sessions", "Shopping sessions and conversion", "gold.user_sessions"),
)


@dataclass(frozen=True)
class Trust:
    """The trust strip of a view: age of its table, result of its quality gate."""

    now: TableNow | None
    verdict: Verdict | None
    behind: bool


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """A view in a frame, selected by `?view=`."""
    chosen = next((view for view in VIEWS if view.key == request.GET.get("view")), VIEWS[0])
    seen = Observation.objects.filter(part="bi").first()
    fresh = seen is not None and timezone.now() - seen.observed_at < STALE_AFTER
    context = {
        "views": VIEWS,
        "chosen": chosen,
        "trust": _trust(chosen.table),
        "ledger": latest(),
        "seen": seen,
        "down": fresh and seen is not None and seen.state == PartState.DOWN,
        "address": _address(chosen),
        "own": settings.BI_URL.startswith("unix://"),
    }
    return render(request, "bi/index.html", context)


def _address(view: GoldView) -> str:
    """The URL of a view in our own dashboards, or of external dashboards, whose views are unknown."""
    return f"{BI_PREFIX}{view.key}" if settings.BI_URL.startswith("unix://") else settings.BI_URL


def _trust(table: str) -> Trust:
    lake = tables_now()
    now, silver = lake.table(table), lake.table("silver.events")
    verdict = verdict_of(table)
    behind = bool(now and silver and now.input_snapshot and now.input_snapshot != silver.snapshot_id)
    return Trust(now, verdict, behind)
