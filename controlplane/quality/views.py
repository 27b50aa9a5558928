"""Pages of the validations: the current results, the list, and one validation."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from controlplane.links import producer
from controlplane.quality.downloads import document_response
from controlplane.quality.forms import FilterForm
from controlplane.quality.models import UnreadableDocument, Validation
from controlplane.quality.presenters import results
from controlplane.quality.selectors import LISTED, validations, verdicts, with_history
from controlplane.web.paging import paginate
from controlplane.web.windows import Window

SUITES_SHOWN = 24
UNREADABLE_SHOWN = 20


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The current result of every suite, and the list of validations."""
    form = FilterForm(request.GET)
    wanted = form.chosen()
    shown = Window.of(request, "suites", verdicts(), SUITES_SHOWN)
    order = wanted.list_filter.ordered(LISTED)
    page = paginate(validations(wanted), order=order, cursor=request.GET.get("cursor"))
    context = {
        "verdicts": shown,
        "histories": with_history(shown.items),
        "form": form,
        "page": page,
        "unreadable": UnreadableDocument.objects.order_by("-modified_at")[:UNREADABLE_SHOWN],
        "unreadable_in_all": UnreadableDocument.objects.count(),
    }
    return render(request, "quality/index.html", context)


@require_safe
def detail(request: HttpRequest, validation_id: UUID) -> HttpResponse:
    """One validation with its expectations, failed ones first."""
    validation = get_object_or_404(Validation, pk=validation_id)
    others = Validation.objects.defer("expectations").filter(suite=validation.suite)
    context = {
        "validation": validation,
        "results": results(validation, request.GET.get("page", "")),
        "producer": producer(validation.job, validation.run_id),
        "newer": others.filter(finished_at__gt=validation.finished_at).order_by("finished_at").first(),
        "older": others.filter(finished_at__lt=validation.finished_at).order_by("-finished_at").first(),
    }
    return render(request, "quality/detail.html", context)


@require_safe
def document(request: HttpRequest, validation_id: UUID) -> HttpResponse:
    """The download of the result document."""
    return document_response(get_object_or_404(Validation.objects.defer("expectations"), pk=validation_id))
