"""Signing in, with a second step for who has a second factor, and signing out."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.accounts.mail import mail_configured
from controlplane.accounts.middleware import for_setting_up
from controlplane.accounts.models import User
from controlplane.accounts.own_name import is_at_home, is_at_public_url, is_sent_by_us, take_over
from controlplane.accounts.refusal_pages import csrf_failure
from controlplane.accounts.second_factor.factors import Kind, recovery_codes_left, second_factors_of
from controlplane.accounts.second_factor.half_way import person_half_way
from controlplane.accounts.second_factor.passkeys import authentication_begin, passkeys_work
from controlplane.accounts.second_factor.verifying import RECOVERY_CODE
from controlplane.accounts.signing_in import (
    passkey_sign_in,
    passkey_sign_in_begin,
    person_sign_in,
    person_sign_out,
    second_step_by_code,
    second_step_by_passkey,
)
from controlplane.accounts.views.leading_on import sends_on
from controlplane.accounts.views.single_sign_on import sign_out_fields
from controlplane.accounts.views.wanted import wanted_page
from controlplane.errors import ActionError
from controlplane.web.errors import error_shown


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
@login_not_required
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page, and its form with a password."""
    wanted = wanted_page(request)
    if request.user.is_authenticated:
        return HttpResponseRedirect(wanted)
    if request.method != "POST":
        return _form(request)
    username = request.POST.get("username", "")
    try:
        if person_sign_in(request, username=username, password=request.POST.get("password", "")):
            return HttpResponseRedirect(wanted)
    except ActionError as error:
        return _form(request, error, username=username)
    return redirect(f"{reverse('accounts:sign-in-second-factor')}?{urlencode({'next': wanted})}")


def _form(request: HttpRequest, error: ActionError | None = None, *, username: str = "") -> HttpResponse:
    context = {
        "next": wanted_page(request),
        "username": username,
        "elsewhere": not is_at_home(request),
        "over": "over" in request.GET,
        "expired": "expired" in request.GET,
        "forgot_password": mail_configured(),
        "single_sign_on": settings.SINGLE_SIGN_ON,
        "sso_begins_here": is_at_public_url(request),
        "passwords_for": settings.PASSWORD_SIGN_IN,
        "passkeys_work": passkeys_work(request),
    }
    return error_shown(request, "accounts/sign_in.html", context, error)


@sensitive_post_parameters("code", "credential")
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """The second step: a code, a recovery code or a passkey of the person who has given the right password."""
    wanted = wanted_page(request)
    if request.user.is_authenticated:
        return HttpResponseRedirect(wanted)
    person = _awaited(request)
    if person is None:
        return redirect(f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'expired': 1, 'next': wanted})}")
    error = None
    if request.method == "POST":
        try:
            return _second_step(request, person, wanted)
        except ActionError as refused:
            error = refused
    kinds = {factor.kind for factor in second_factors_of(person)}
    context = {
        "next": wanted,
        "person": person,
        "with_app": Kind.TOTP in kinds,
        "with_passkey": Kind.PASSKEY in kinds and passkeys_work(request),
    }
    return error_shown(request, "accounts/sign_in_second_factor.html", context, error)


def _awaited(request: HttpRequest) -> User | None:
    return person_half_way(request) if is_at_home(request) else None


def _second_step(request: HttpRequest, person: User, wanted: str) -> HttpResponse:
    if answer := request.POST.get("credential", ""):
        second_step_by_passkey(request, person=person, answer=answer)
        return HttpResponseRedirect(wanted)
    if second_step_by_code(request, person=person, code=request.POST.get("code", "")) == RECOVERY_CODE:
        left = recovery_codes_left(person) or 0
        messages.warning(
            request,
            f"You signed in with a recovery code. {left} recovery code{'' if left == 1 else 's'} left. "
            "Create new recovery codes in Settings when needed.",
        )
    return HttpResponseRedirect(wanted)


@login_not_required
@require_POST
def second_factor_passkey(request: HttpRequest) -> HttpResponse:
    """What the browser is asked for the second step by passkey."""
    person = _awaited(request)
    if person is None:
        return _refused(ActionError("The sign-in has expired.", "Sign in again."))
    try:
        return JsonResponse(authentication_begin(request, person))
    except ActionError as error:
        return _refused(error)


@login_not_required
@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser is asked for a sign-in by passkey alone."""
    try:
        return JsonResponse(passkey_sign_in_begin(request))
    except ActionError as error:
        return _refused(error)


def _refused(error: ActionError) -> JsonResponse:
    body = {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
    return JsonResponse(body, status=error.status)


@sensitive_post_parameters("credential")
@login_not_required
@require_POST
def passkey(request: HttpRequest) -> HttpResponse:
    """Sign in by passkey alone."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(wanted_page(request))
    try:
        passkey_sign_in(request, answer=request.POST.get("credential", ""))
    except ActionError as error:
        return _form(request, error)
    return HttpResponseRedirect(wanted_page(request))


@csrf_exempt  # the form is on a page of another origin: under another name of ours
@sensitive_post_parameters("code")
@login_not_required
@require_POST
def session(request: HttpRequest) -> HttpResponse:
    """Take over a session that was begun under another name; who is signed in already keeps their own.

    Only a form of a page of ours counts. A code alone could be somebody else's, who would have a person work in a
    session that is not theirs.
    """
    if not is_sent_by_us(request):
        return csrf_failure(request, "The form comes from another site.")
    if request.user.is_authenticated or (is_at_home(request) and take_over(request, request.POST.get("code", ""))):
        return HttpResponseRedirect(wanted_page(request))
    # Said by the address and not by a message: that would write a session for everybody who asks.
    return redirect(f"{resolve_url(settings.LOGIN_URL)}?over=1")


@for_setting_up
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session, and sign out at the provider if the session began there."""
    address, fields = sign_out_fields(request)
    person_sign_out(request)
    if address and settings.SINGLE_SIGN_ON is not None:
        name = settings.SINGLE_SIGN_ON.name
        said = {"title": f"Sign out of {name}", "button": f"Continue to {name}"}
        return sends_on(request, address, fields, template="accounts/sends_on.html", anywhere=True, **said)
    return redirect(settings.LOGOUT_REDIRECT_URL)
