"""Signing in and out."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from controlplane.accounts.own_name import is_at_home, take_over
from controlplane.accounts.signing_in import SignInRefusedError, person_sign_in, person_sign_out
from controlplane.accounts.throttle import TooManyAttemptsError


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
@login_not_required
def sign_in(request: HttpRequest) -> HttpResponse:
    wanted = _wanted(request)
    if request.user.is_authenticated:
        return redirect(wanted)
    username = request.POST.get("username", "")
    context = {"next": wanted, "username": username, "elsewhere": not is_at_home(request)}
    context["over"] = "over" in request.GET
    if request.method == "POST":
        try:
            person_sign_in(request, username=username, password=request.POST.get("password", ""))
        except (SignInRefusedError, TooManyAttemptsError) as error:
            response = render(request, "accounts/sign_in.html", {**context, "error": error}, status=error.status)
            if error.retry_after:
                response.headers["Retry-After"] = str(error.retry_after)
            return response
        return redirect(wanted)
    return render(request, "accounts/sign_in.html", context)


@login_not_required
@require_GET
def session(request: HttpRequest) -> HttpResponse:
    """Take over a session that was begun under another name; who is signed in already keeps their own."""
    if request.user.is_authenticated or (is_at_home(request) and take_over(request, request.GET.get("code", ""))):
        return redirect(_wanted(request))
    # Said by the address and not by a message: that would write a session for everybody who asks.
    return redirect(f"{resolve_url(settings.LOGIN_URL)}?over=1")


def _wanted(request: HttpRequest) -> str:
    """The page that the person was on their way to, if it is one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return resolve_url(settings.LOGIN_REDIRECT_URL)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    person_sign_out(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)
