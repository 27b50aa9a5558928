"""The page of the stream."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role
from controlplane.errors import ActionError, InvalidInputError
from controlplane.streaming.forms import BatchFilterForm, ConfigurationForm, StartForm, StopForm
from controlplane.streaming.models import Stream, StreamConfiguration
from controlplane.streaming.presenters import shown_record
from controlplane.streaming.probes import lag_now
from controlplane.streaming.selectors import (
    RANGES,
    batches,
    lag_series,
    phase_series,
    range_of,
    rate_now,
    rate_series,
    stream_get,
)
from controlplane.streaming.services import WHY_NEW_CHECKPOINT, stream_configure, stream_start, stream_stop
from controlplane.streaming.tail import topic_tail
from controlplane.web.json_answers import ChartResponse
from controlplane.web.sse import stream_fragments
from controlplane.web.undo import Undo, say_done

BATCHES_SHOWN = 20
RECORDS_SHOWN = 20
CONFIGURATIONS_SHOWN = 10


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The stream: state and action, charts, batches, configuration and latest messages."""
    context = {
        **_status(request),
        **_batches(BatchFilterForm(request.GET), request.GET.get("cursor")),
        **_charts(request),
        "form": ConfigurationForm(instance=stream_get().configuration),
        **_configurations(),
    }
    return render(request, "streaming/index.html", context)


@require_safe
def live(request: HttpRequest) -> HttpResponseBase:
    """The changing parts of the page."""
    form, cursor = BatchFilterForm(request.GET), request.GET.get("cursor")

    def fragments() -> dict[str, str]:
        return {
            "status": render_to_string("streaming/_status.html", _status(request), request),
            "batches": render_to_string("streaming/_batches.html", _batches(form, cursor), request),
        }

    return stream_fragments(request, fragments)


def _status(request: HttpRequest) -> dict[str, Any]:
    stream = stream_get()
    return {
        "stream": stream,
        "lag": lag_now(stream),
        "rate": rate_now(),
        "why_new_checkpoint": WHY_NEW_CHECKPOINT.get(Stream.Problem(stream.problem)) if stream.problem else "",
        "topic": settings.KAFKA_TOPIC,
        "may_operate": current_user(request).has_role(Role.OPERATOR),
    }


def _configurations() -> dict[str, Any]:
    every = StreamConfiguration.objects.all()
    return {"configurations": every[:CONFIGURATIONS_SHOWN], "configurations_in_all": every.count()}


def _batches(form: BatchFilterForm, cursor: str | None) -> dict[str, Any]:
    return {"filters": form, "page": batches(wanted=form.list_filter, cursor=cursor, size=BATCHES_SHOWN)}


def _charts(request: HttpRequest) -> dict[str, Any]:
    return {"ranges": RANGES, "range": range_of(request.GET.get("range", ""))}


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Start the stream."""
    form = StartForm(request.POST)
    if not form.is_valid():
        current_user(request, Role.OPERATOR)
        raise InvalidInputError("request_id: missing or invalid.", "Reload the page and try again.")
    stream_start(actor=current_user(request), **form.cleaned_data)
    return HttpResponseRedirect(reverse("streaming:index"))


@require_POST
def stop(request: HttpRequest) -> HttpResponse:
    """Stop the stream."""
    form = StopForm(request.POST)
    if not form.is_valid():
        current_user(request, Role.OPERATOR)
        raise InvalidInputError("request_id: missing or invalid.", "Reload the page and try again.")
    ran = stream_get().desired == Stream.Desired.RUNNING
    stream_stop(actor=current_user(request), **form.cleaned_data)
    if ran:
        text = "The stream stops after the current batch. New records stay on the topic until the next start."
        say_done(request, text, Undo(reverse("streaming:start"), {}))
    return HttpResponseRedirect(reverse("streaming:index"))


@require_POST
def configure(request: HttpRequest) -> HttpResponse:
    """Apply a new configuration."""
    form = ConfigurationForm(request.POST)
    if not form.is_valid():
        current_user(request, Role.OPERATOR)
        context = {
            **_status(request),
            **_batches(BatchFilterForm({}), None),
            **_charts(request),
            "form": form,
            **_configurations(),
        }
        return render(request, "streaming/index.html", context, status=422)
    before = stream_get().configuration
    configuration = stream_configure(actor=current_user(request), **form.cleaned_data)
    say_done(
        request,
        f"Applied version {configuration.version}.",
        Undo(
            reverse("streaming:configure"),
            {name: str(getattr(before, name)) for name in ("trigger_seconds", "max_offsets_per_trigger")},
        ),
    )
    return HttpResponseRedirect(reverse("streaming:index"))


@require_safe
def records(request: HttpRequest) -> HttpResponse:
    """The latest messages on the topic: a fragment of the page that is loaded on request."""
    context: dict[str, Any] = {}
    try:
        context["records"] = [shown_record(record) for record in topic_tail(RECORDS_SHOWN)]
    except ActionError as error:
        context["error"] = error
    template = "_records" if request.headers.get("HX-Request") else "records"
    return render(request, f"streaming/{template}.html", context)


@require_safe
def rates(request: HttpRequest) -> ChartResponse:
    """Ingest rate into bronze, in rows per second."""
    return ChartResponse({"series": rate_series(range_of(request.GET.get("range", "")))})


@require_safe
def lag(request: HttpRequest) -> ChartResponse:
    """Consumer lag, in records."""
    return ChartResponse({"series": lag_series(range_of(request.GET.get("range", "")))})


@require_safe
def phases(request: HttpRequest) -> ChartResponse:
    """Seconds per phase, by batch."""
    return ChartResponse({"series": phase_series(range_of(request.GET.get("range", "")))})
