"""Single sign-on: the way to the provider, the way back, and connecting an account. 404 without a provider."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from controlplane.accounts.middleware import for_setting_up
from controlplane.accounts.own_name import is_at_public_url
from controlplane.accounts.requests import current_user
from controlplane.accounts.sessions import SIGN_OUT_HINT
from controlplane.accounts.signing_in import own_password_verified
from controlplane.accounts.single_sign_on.allauth_adapter import configuration, from_provider, to_provider
from controlplane.accounts.single_sign_on.configuration import SingleSignOn
from controlplane.accounts.single_sign_on.people import CONNECT, beginning_counted, sign_in_refused
from controlplane.accounts.single_sign_on.provider import metadata
from controlplane.accounts.views.leading_on import leads_on
from controlplane.accounts.views.wanted import wanted_page
from controlplane.errors import ActionError
from controlplane.web.errors import error_shown


@login_not_required
@require_http_methods(["GET", "POST"])
def begin(request: HttpRequest) -> HttpResponse:
    """Lead to the provider, from the host of PUBLIC_URL: the provider leads back there, and cookies are per host.

    A link begins nothing, it shows a button: where the provider asks nothing, a link of another site would sign people
    in without their doing.
    """
    configured = configuration()
    wanted = wanted_page(request)
    if not is_at_public_url(request):
        query = urlencode({"next": wanted})
        return HttpResponseRedirect(f"{settings.PUBLIC_URL.rstrip('/')}{request.path}?{query}")
    if request.user.is_authenticated:
        return HttpResponseRedirect(wanted)
    if request.method != "POST":
        return render(request, "accounts/sso_begin.html", {"next": wanted, "single_sign_on": configured})
    try:
        beginning_counted(request)
        address = to_provider(request, wanted=wanted)
        return leads_on(request, address, title=f"Sign in with {configured.name}", button=_on(configured))
    except ActionError as error:
        sign_in_refused(request, configured, error)
        return _refused(request, error)


@for_setting_up
@login_not_required
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Where the provider leads back to."""
    configured = configuration()
    try:
        return from_provider(request)
    except ActionError as error:
        sign_in_refused(request, configured, error)
        return _refused(request, error)


@sensitive_post_parameters("password")
@require_POST
def connect(request: HttpRequest) -> HttpResponse:
    """Lead to the provider to connect the account there with the person who is signed in and knows their password."""
    configured = configuration()
    person = current_user(request)
    if not is_at_public_url(request):
        raise ActionError(
            f"{configured.name} redirects to {settings.PUBLIC_URL}.",
            f"Sign in at {settings.PUBLIC_URL} to connect the account.",
        )
    own_password_verified(request, person=person, password=request.POST.get("password", ""), action=CONNECT)
    address = to_provider(request, wanted=reverse("accounts:settings"), connects=person.pk)
    return leads_on(request, address, title=f"Connect {configured.name}", button=_on(configured))


@for_setting_up
@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Lead to the provider to sign in there once more, which shows that it is still the person of this session."""
    configured, person = configuration(), current_user(request)
    if person.identity is None:
        raise Http404("This user is not connected with single sign-on.")
    address = to_provider(request, wanted=wanted_page(request), verifies=person.pk)
    return leads_on(request, address, title=f"Verify with {configured.name}", button=_on(configured))


def sign_out_fields(request: HttpRequest) -> tuple[str, dict[str, str]]:
    """Where the provider ends its own session (OpenID Connect RP-Initiated Logout 1.0), and the fields of the form that
    is sent there; "" where there is none to end.

    By a form, because the ID token, which says who signs out, belongs in no address. A provider that doesn't answer
    keeps nobody from signing out here.
    """
    configured = settings.SINGLE_SIGN_ON
    id_token = request.session.get(SIGN_OUT_HINT)
    if configured is None or id_token is None:
        return "", {}
    try:
        address = metadata(configured).end_session_endpoint
    except ActionError:
        return "", {}
    said = {
        "client_id": configured.client_id,
        "post_logout_redirect_uri": settings.PUBLIC_URL.rstrip("/") + reverse("accounts:sign-in"),
        **({"id_token_hint": id_token} if id_token else {}),
    }
    return address, said


def _on(configured: SingleSignOn) -> str:
    return f"Continue to {configured.name}"


def _refused(request: HttpRequest, error: ActionError) -> HttpResponse:
    return error_shown(request, "accounts/sso_refused.html", {}, error)
