"""Signing in and out."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from controlplane.accounts.signing_in import SignInRefusedError, person_sign_in, person_sign_out
from controlplane.accounts.throttle import TooManyAttemptsError


@sensitive_post_parameters("password")
@never_cache
@login_not_required
def sign_in(request: HttpRequest) -> HttpResponse:
    wanted = request.POST.get("next") or request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        wanted = resolve_url(settings.LOGIN_REDIRECT_URL)
    if request.user.is_authenticated:
        return redirect(wanted)
    context = {"next": wanted, "username": request.POST.get("username", "")}
    if request.method == "POST":
        try:
            person_sign_in(request, username=context["username"], password=request.POST.get("password", ""))
        except (SignInRefusedError, TooManyAttemptsError) as error:
            response = render(request, "accounts/sign_in.html", {**context, "error": error}, status=error.status)
            if error.retry_after:
                response.headers["Retry-After"] = str(error.retry_after)
            return response
        return redirect(wanted)
    return render(request, "accounts/sign_in.html", context)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    person_sign_out(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)
