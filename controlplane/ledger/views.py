"""The ledger's page."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role
from controlplane.errors import InvalidInputError
from controlplane.ledger.presenters import books_context, count_context, run_choices
from controlplane.ledger.services import recount_ask
from controlplane.web.sse import stream_fragments


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The latest statement; with `?run=`, for one scenario run."""
    run_id = request.GET.get("run", "")
    context = {
        **books_context(run_id),
        **count_context(),
        "runs": run_choices(),
        "may_count": current_user(request).has_role(Role.OPERATOR),
        "live": f"{reverse('ledger:live')}?{urlencode({'run': run_id})}",
    }
    return render(request, "ledger/index.html", context)


@require_safe
def live(request: HttpRequest) -> StreamingHttpResponse:
    """Live updates of the checks and the state of the computation."""
    run_id = request.GET.get("run", "")
    return stream_fragments(
        request,
        lambda: {
            "count": render_to_string("ledger/_count.html", count_context()),
            "books": render_to_string("ledger/_books.html", books_context(run_id)),
        },
    )


@require_POST
def recount(request: HttpRequest) -> HttpResponse:
    """Request a computation."""
    try:
        request_id = UUID(request.POST.get("request_id", ""))
    except ValueError as error:
        current_user(request, Role.OPERATOR)
        raise InvalidInputError("request_id: missing or invalid.", "Reload the page and try again.") from error
    recount_ask(actor=current_user(request), request_id=request_id)
    messages.info(request, "The ledger is being recomputed.")
    run_id = request.POST.get("run", "")
    return HttpResponseRedirect(reverse("ledger:index") + (f"?{urlencode({'run': run_id})}" if run_id else ""))
