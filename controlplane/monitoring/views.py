"""`/metrics` for Prometheus, and the runbook page of each alert."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client.exposition import choose_encoder

from controlplane.monitoring.collector import REGISTRY
from controlplane.monitoring.runbooks import Runbook, runbook, runbooks
from controlplane.web.operator_commands import token_command


@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics for Prometheus. Requires the token METRICS_TOKEN instead of a session."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = settings.METRICS_TOKEN
    if not known or scheme.lower() != "bearer" or not constant_time_compare(token.strip(), known):
        said = f"Missing or invalid token. Send `Authorization: Bearer <METRICS_TOKEN>`; see `{token_command()}`.\n"
        answer = HttpResponse(said, status=401, content_type="text/plain; charset=utf-8")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(REGISTRY), content_type=content_type)


@require_safe
def runbook_index(request: HttpRequest) -> HttpResponse:
    """The list of all runbooks."""
    return render(request, "monitoring/runbooks.html", {"runbooks": runbooks()})


@require_safe
def runbook_page(request: HttpRequest, name: str) -> HttpResponse:
    """One runbook; 404 if it does not exist."""
    found: Runbook | None = runbook(name)
    if found is None:
        raise Http404(f"Runbook {name} does not exist.")
    return render(request, "monitoring/runbook.html", {"runbook": found, "runbooks": runbooks()})
