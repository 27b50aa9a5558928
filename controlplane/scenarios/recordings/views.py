"""The pages of recordings: list, upload, one recording, column mapping."""

from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role
from controlplane.errors import ActionError, NotFoundError
from controlplane.scenarios.generator.document import READY
from controlplane.scenarios.generator.recording.store import most_bytes
from controlplane.scenarios.models import Recording, RecordingReading
from controlplane.scenarios.recordings import selectors
from controlplane.scenarios.recordings.mapping_form import LABELS, MappingForm
from controlplane.scenarios.recordings.presenters import begins_as, mapping_label, shown
from controlplane.scenarios.recordings.services import (
    AUTO,
    BY_HAND,
    recording_delete,
    recording_read,
    recording_upload,
)
from controlplane.web.sse import stream_fragments

MAPPINGS = (
    (AUTO, "Auto-detect"), *((name, LABELS.get(name, name)) for name in READY),
    (BY_HAND, "Map columns manually"),
)  # fmt: skip
_STATES = (("succeeded", "ready"), ("running", "importing"), ("failed", "import failed"), ("unknown", "not imported"))
_CHUNK = 1 << 20


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every recording, newest first."""
    text, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    page = selectors.recordings_page(text=text, state=state, cursor=request.GET.get("cursor"))
    rows = [
        {"row": one.recording, "reading": one.reading, "scenarios": one.scenarios, "summary": _summary(one.reading),
         "mapping": one.reading and mapping_label(one.reading)}
        for one in selectors.listed(page)
    ]  # fmt: skip
    context = {"page": page, "rows": rows, "q": text, "chosen": state, "filtered": bool(text or state),
               "states": _STATES}  # fmt: skip
    return render(request, "scenarios/recordings/index.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Upload a file."""
    if request.method != "POST":
        current_user(request, Role.OPERATOR)
        return _new_page(request)
    sent, mapping = request.FILES.get("file"), request.POST.get("mapping", AUTO)
    if not isinstance(sent, UploadedFile):
        current_user(request, Role.OPERATOR)
        return _new_page(request, "Select a file first.", mapping)
    try:
        row, reading = recording_upload(
            actor=current_user(request), name=sent.name or "", chunks=sent.chunks(_CHUNK), mapping=mapping
        )
    except ActionError as error:
        return _new_page(request, f"{error.message} {error.remedy}".strip(), mapping, sent.name or "")
    if reading is None:
        return redirect("scenarios:recording-map", row.sha256)
    return redirect("scenarios:recording", row.sha256)


@require_safe
def detail(request: HttpRequest, sha256: str) -> HttpResponse:
    """One recording: content, derived fields, users. `?reading=` selects an import."""
    row = selectors.recording_get(sha256)
    return render(request, "scenarios/recordings/detail.html", _context(row, request.GET.get("reading")))


@require_safe
def live(request: HttpRequest, sha256: str) -> StreamingHttpResponse:
    """One recording during its import, live."""
    row, chosen = selectors.recording_get(sha256), request.GET.get("reading")
    may_operate = current_user(request).has_role(Role.OPERATOR)

    def fragments() -> dict[str, str]:
        context = {**_context(row, chosen), "may_operate": may_operate, "just_read": True}
        return {"reading": render_to_string("scenarios/recordings/_reading.html", context)}

    return stream_fragments(request, fragments, every=0.5)


@require_http_methods(["GET", "HEAD", "POST"])
def mapping(request: HttpRequest, sha256: str) -> HttpResponse:
    """Map the columns of a recording, with a preview of the first events."""
    row = selectors.recording_get(sha256)
    person = current_user(request, Role.OPERATOR)
    sent = request.POST.dict() if request.method == "POST" else request.GET.dict()
    form, problem, status = MappingForm.of(row, sent), "", 200
    if request.method == "POST" and sent.get("act") == "read":
        if form.columns is not None:
            try:
                reading = recording_read(
                    actor=person, sha256=sha256, mapping=None if form.own else form.mapping,
                    columns=form.columns if form.own else None,
                )  # fmt: skip
                return redirect(f"/scenarios/recordings/{sha256}/?reading={reading.digest}")
            except NotFoundError:
                raise
            except ActionError as error:
                problem = f"{error.message} {error.remedy}".strip()
        status = 422
    context = {"row": row, "form": form, "begins": begins_as(form), "problem": problem, "samples": _samples(row)}
    return render(request, "scenarios/recordings/map.html", context, status=status)


@require_POST
def delete(request: HttpRequest, sha256: str) -> HttpResponse:
    """Delete a recording."""
    row = recording_delete(actor=current_user(request), sha256=sha256)
    messages.success(request, f"Deleted {row.name}.")
    return redirect("scenarios:recordings")


def _new_page(request: HttpRequest, problem: str = "", mapping: str = AUTO, name: str = "") -> HttpResponse:
    context = {"problem": problem, "mappings": MAPPINGS, "mapping": mapping, "most": most_bytes(), "name": name}
    return render(request, "scenarios/recordings/new.html", context, status=422 if problem else 200)


def _context(row: Recording, chosen: str | None) -> dict[str, Any]:
    found = selectors.readings(row)
    reading = next((one for one in found if one.digest == chosen), found[0] if found else None)
    if chosen and (reading is None or reading.digest != chosen):
        raise Http404("The import does not exist.")
    used: dict[str, dict[str, Any]] = {}
    for version in selectors.scenarios_using(row.sha256):
        used.setdefault(version.scenario.slug, {"scenario": version.scenario, "versions": []})
        used[version.scenario.slug]["versions"].append(version.number)
    return {
        "row": row,
        "reading": reading,
        "shown": shown(reading) if reading else None,
        "label": mapping_label(reading) if reading else "",
        "readings": [(one, mapping_label(one)) for one in found],
        "used": list(used.values()),
        "samples": _samples(row),
        "under_way": any(one.under_way for one in found),
    }


def _samples(row: Recording) -> list[tuple[str, list[str | None]]]:
    """(column, its first values)."""
    return [(name, [values[number] for values in row.rows if number < len(values)])
            for number, name in enumerate(row.columns)]  # fmt: skip


def _summary(reading: RecordingReading | None) -> dict[str, Any] | None:
    """The summary of an import for the list."""
    if reading is None or not reading.summary:
        return None
    summary = reading.summary
    return {**summary, "seconds": (summary["last_us"] - summary["first_us"]) / 1e6}
