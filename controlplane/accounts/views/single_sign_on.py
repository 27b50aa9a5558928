"""Single sign-on: the way to the provider, the way back, and connecting an account. 404 without a provider."""

from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from controlplane.accounts.errors import ActionError
from controlplane.accounts.requests import person_of
from controlplane.accounts.sessions import SIGN_OUT_HINT
from controlplane.accounts.signing_in import own_password_verified
from controlplane.accounts.single_sign_on.allauth_adapter import configuration, from_provider, to_provider
from controlplane.accounts.single_sign_on.people import CONNECT, beginning_counted, refusal_audited
from controlplane.accounts.single_sign_on.provider import metadata
from controlplane.accounts.views.wanted import wanted_page


@login_not_required
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Lead to the provider, from the host of PUBLIC_URL: the provider leads back there, and cookies are per host."""
    configured = configuration()
    wanted = wanted_page(request)
    if not _at_public_url(request):
        query = urlencode({"next": wanted})
        return HttpResponseRedirect(f"{settings.PUBLIC_URL.rstrip('/')}{request.path}?{query}")
    if request.user.is_authenticated:
        return HttpResponseRedirect(wanted)
    try:
        beginning_counted(request)
        return HttpResponseRedirect(to_provider(request, wanted=wanted))
    except ActionError as error:
        refusal_audited(request, configured, error)
        return _refused(request, error)


@login_not_required
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Where the provider leads back to."""
    configured = configuration()
    try:
        return from_provider(request)
    except ActionError as error:
        refusal_audited(request, configured, error)
        return _refused(request, error)


@sensitive_post_parameters("password")
@require_POST
def connect(request: HttpRequest) -> HttpResponse:
    """Lead to the provider to connect the account there with the person who is signed in and knows their password."""
    configured = configuration()
    person = person_of(request)
    if not _at_public_url(request):
        raise ActionError(
            f"{configured.name} leads back to {settings.PUBLIC_URL}.",
            f"Sign in at {settings.PUBLIC_URL} to connect it.",
        )
    own_password_verified(request, person=person, password=request.POST.get("password", ""), action=CONNECT)
    address = to_provider(request, wanted=reverse("accounts:settings"), connects=person.pk)
    return leads_on(request, address, title=f"Connect {configured.name}", button=f"Continue to {configured.name}")


def leads_on(request: HttpRequest, address: str, *, title: str, button: str) -> HttpResponse:
    """A page that leads to the provider after a form was sent.

    A redirect would be stopped: the policy of our pages lets forms lead to this origin only.
    """
    page = render(request, "accounts/leads_on.html", {"address": address, "title": title, "button": button})
    page.headers["Refresh"] = f"0; url={address}"
    return page


def sign_out_address(request: HttpRequest) -> str:
    """Where the provider ends its own session (OpenID Connect RP-Initiated Logout 1.0); "" where there is none to end.

    A provider that doesn't answer keeps nobody from signing out here.
    """
    configured = settings.SINGLE_SIGN_ON
    id_token = request.session.get(SIGN_OUT_HINT)
    if configured is None or id_token is None:
        return ""
    try:
        address = metadata(configured).end_session_endpoint
    except ActionError:
        return ""
    if not address:
        return ""
    said = {
        "client_id": configured.client_id,
        "post_logout_redirect_uri": settings.PUBLIC_URL.rstrip("/") + reverse("accounts:sign-in"),
        **({"id_token_hint": id_token} if id_token else {}),
    }
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(said)}"


def _at_public_url(request: HttpRequest) -> bool:
    return request.get_host() == urlsplit(settings.PUBLIC_URL).netloc


def _refused(request: HttpRequest, error: ActionError) -> HttpResponse:
    response = render(request, "accounts/sso_refused.html", {"error": error}, status=error.status)
    if error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response
