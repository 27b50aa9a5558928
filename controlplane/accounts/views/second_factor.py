"""Two-step verification in Settings: one's own second factors, recovery codes, and verifying again before a change."""

from base64 import b64encode
from urllib.parse import quote

from allauth.mfa.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.accounts.middleware import for_setting_up
from controlplane.accounts.models import User
from controlplane.accounts.requests import current_user
from controlplane.accounts.second_factor.factors import (
    Kind,
    must_set_up,
    recovery_codes_left,
    second_factor_required,
    second_factors_of,
)
from controlplane.accounts.second_factor.freshness import fresh_needed
from controlplane.accounts.second_factor.passkeys import authentication_begin, passkeys_work
from controlplane.accounts.second_factor.services import (
    passkey_add,
    passkey_begin,
    passkey_rename,
    passkey_verify,
    person_verify,
    recovery_codes_create,
    second_factor_remove,
    totp_add,
    totp_begin,
)
from controlplane.accounts.views.wanted import wanted_page
from controlplane.errors import ActionError
from controlplane.web.errors import error_shown


def two_step_context(request: HttpRequest, person: User) -> dict[str, object]:
    """What the card "Two-step verification" shows."""
    return {
        "factors": second_factors_of(person),
        "has_app": any(factor.kind == Kind.TOTP for factor in second_factors_of(person)),
        "codes_left": recovery_codes_left(person),
        "factor_required": second_factor_required(person, request.session),
        "passkeys_work": passkeys_work(request),
    }


def _layout(request: HttpRequest, person: User) -> dict[str, object]:
    """Who still has to set up a second factor sees no navigation: every page of it would lead back here."""
    setting_up = must_set_up(person, request.session)
    return {"layout": "web/plain.html" if setting_up else "web/base.html", "setting_up": setting_up}


@for_setting_up
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """One's own second factors."""
    person = current_user(request)
    return render(
        request, "accounts/second_factors.html", {**two_step_context(request, person), **_layout(request, person)}
    )


@for_setting_up
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("code")
def totp(request: HttpRequest) -> HttpResponse:
    """Set up an authenticator app."""
    person = current_user(request)
    layout = _layout(request, person)
    error = None
    fresh_needed(request)
    if request.method == "POST" and "again" not in request.POST:
        try:
            _, codes = totp_add(request, actor=person, code=request.POST.get("code", ""))
        except ActionError as refused:
            error = refused
        else:
            return _added(request, "Authenticator app added.", codes)
    try:
        secret, address = totp_begin(request, actor=person, again="again" in request.POST)
    except ActionError as refused:
        messages.error(request, str(refused))
        return redirect("accounts:second-factors")
    picture = b64encode(get_adapter().build_totp_svg(address).encode()).decode()
    context = {
        "key": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "picture": f"data:image/svg+xml;base64,{picture}",
        **layout,
    }
    return error_shown(request, "accounts/totp.html", context, error)


@for_setting_up
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("credential")
def add_passkey(request: HttpRequest) -> HttpResponse:
    """Add a passkey."""
    person = current_user(request)
    layout = _layout(request, person)
    error = None
    fresh_needed(request)
    name = request.POST.get("name", "")
    if request.method == "POST":
        try:
            factor, codes = passkey_add(request, actor=person, name=name, answer=request.POST.get("credential", ""))
        except ActionError as refused:
            error = refused
        else:
            return _added(request, f"Passkey {factor.name} added.", codes)
    context = {"name": name, "passkeys_work": passkeys_work(request), **layout}
    return error_shown(request, "accounts/passkey_add.html", context, error)


def _added(request: HttpRequest, said: str, codes: list[str]) -> HttpResponse:
    messages.success(request, said)
    return _codes(request, codes) if codes else redirect("accounts:second-factors")


def _codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    # No redirect: the codes are in this one answer and are shown nowhere else.
    host, day = request.get_host(), timezone.localdate().isoformat()
    text = (
        f"Recovery codes for {current_user(request).username} at {host}, {day}. Each code can be used once.\n\n"
        + "\n".join(codes)
    )
    download = f"data:text/plain;charset=utf-8,{quote(text + chr(10))}"
    context = {"codes": codes, "download": download, **_layout(request, current_user(request))}
    return render(request, "accounts/recovery_codes.html", context)


@for_setting_up
@require_POST
def passkey_options(request: HttpRequest) -> HttpResponseBase:
    """What the browser is asked to create a passkey."""
    try:
        return JsonResponse(passkey_begin(request, actor=current_user(request)))
    except ActionError as error:
        return _refused(error)


def _refused(error: ActionError) -> JsonResponse:
    body = {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
    return JsonResponse(body, status=error.status)


@require_POST
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename a passkey."""
    factor = passkey_rename(request, actor=current_user(request), factor_id=pk, name=request.POST.get("name", ""))
    messages.success(request, f"Passkey renamed to {factor.name}.")
    return redirect("accounts:second-factors")


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a second factor."""
    person = current_user(request)
    second_factor_remove(request, actor=person, factor_id=pk)
    left = bool(second_factors_of(person))
    messages.success(
        request,
        "Second factor removed."
        if left
        else "Two-step verification is off. You sign in with only your password. Your recovery codes are invalid.",
    )
    return redirect("accounts:second-factors")


@require_POST
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Create new recovery codes and show them once."""
    return _codes(request, recovery_codes_create(request, actor=current_user(request)))


@for_setting_up
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password", "code", "credential")
def verify(request: HttpRequest) -> HttpResponse:
    """Verify again that it is the person of the session."""
    person = current_user(request)
    error = None
    if request.method == "POST":
        try:
            if answer := request.POST.get("credential", ""):
                passkey_verify(request, actor=person, answer=answer)
            else:
                said = request.POST
                person_verify(request, actor=person, password=said.get("password", ""), code=said.get("code", ""))
            return HttpResponseRedirect(wanted_page(request))
        except ActionError as refused:
            error = refused
    kinds = {factor.kind for factor in second_factors_of(person)}
    context = {
        "next": wanted_page(request),
        "has_factor": bool(kinds),
        "has_password": person.has_usable_password(),
        "single_sign_on": settings.SINGLE_SIGN_ON if person.identity is not None else None,
        "with_passkey": Kind.PASSKEY in kinds and passkeys_work(request),
    }
    return error_shown(request, "accounts/verify.html", context, error)


@require_POST
def verify_passkey_options(request: HttpRequest) -> HttpResponseBase:
    """What the browser is asked to verify by passkey."""
    try:
        return JsonResponse(authentication_begin(request, current_user(request)))
    except ActionError as error:
        return _refused(error)
