"""Choosing a password by a link, and asking for such a link by mail: for people who are not signed in.

The code of a link stands behind `#` in its address, which browsers send to nobody. A script of the page moves it into
the form's hidden field and sends the form; without scripts the person pastes the link there. Opening the page changes
nothing, whoever opens it, and the code is in bodies of requests only.
"""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from controlplane.accounts.account_links import link_find
from controlplane.accounts.forms import NewPasswordForm
from controlplane.accounts.invitations import LinkNotValidError
from controlplane.accounts.mail import mail_configured
from controlplane.accounts.requests import client_address
from controlplane.accounts.signing_in import account_link_use, forgotten_password
from controlplane.accounts.throttle import TooManyAttemptsError, link_attempt
from controlplane.errors import ActionError, InvalidInputError
from controlplane.web.errors import error_shown


@sensitive_post_parameters("code", "password")
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def account_link(request: HttpRequest) -> HttpResponse:
    """The page that a link of an invitation or a password reset leads to."""
    if request.method != "POST":
        return render(request, "accounts/account_link.html", {})
    # The whole address may have been pasted.
    code = request.POST.get("code", "").rpartition("#")[2].strip()
    try:
        if "password" not in request.POST:
            return _choose(request, code)
        form = NewPasswordForm(request.POST)
        if not form.is_valid():
            return _choose(request, code, error=str(form.errors["password"][0]))
        try:
            begun = account_link_use(request, code=code, password=form.cleaned_data["password"])
        except InvalidInputError as error:
            return _choose(request, code, error=str(error).removeprefix("password: "))
    except ActionError as error:
        return error_shown(request, "accounts/account_link.html", {}, error)
    return redirect(resolve_url(settings.LOGIN_REDIRECT_URL if begun else "accounts:sign-in-second-factor"))


def _choose(request: HttpRequest, code: str, error: str = "") -> HttpResponse:
    """The form for a password, if the link is open."""
    with link_attempt(address=client_address(request)) as attempt:
        link = link_find(code)
        if link is None:
            raise LinkNotValidError
        attempt.succeeded = True
    form = NewPasswordForm()
    context = {"link": link, "code": code, "form": form, "password_error": error}
    return render(request, "accounts/account_link.html", context, status=422 if error else 200)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def forgot_password(request: HttpRequest) -> HttpResponse:
    """The same answer for every name. It is there only where mail can be sent."""
    if not mail_configured():
        raise Http404
    if request.method != "POST":
        return render(request, "accounts/forgot_password.html", {})
    username = request.POST.get("username", "")
    try:
        forgotten_password(request, username=username)
    except TooManyAttemptsError as error:
        return error_shown(request, "accounts/forgot_password.html", {"username": username}, error)
    return render(request, "accounts/forgot_password.html", {"sent": True})
