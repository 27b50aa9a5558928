"""Settings: a person's own password, time zone, tokens and sessions."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.accounts.forms import PasswordForm, TimeZoneForm, TokenForm
from controlplane.accounts.managing import managed_session, managed_token
from controlplane.accounts.models import User
from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.selectors import marked_sessions, service_accounts_of, tokens_of
from controlplane.accounts.services import all_sessions_end, session_end, time_zone_change, token_create, token_revoke
from controlplane.accounts.signing_in import own_password_change
from controlplane.accounts.views.second_factor import two_step_context


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The page of one's own settings."""
    return _page(request, current_user(request))


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("current", "password")
def password(request: HttpRequest) -> HttpResponse:
    """Change one's own password."""
    person = current_user(request)
    if request.method != "POST":
        return redirect("accounts:settings")  # the address of an answer to a form, opened anew
    form = PasswordForm(request.POST)
    if not form.is_valid():
        return _page(request, person, password_form=form)
    own_password_change(
        request, person=person, current=form.cleaned_data["current"], password=form.cleaned_data["password"]
    )
    messages.success(request, "Password changed. Your other sessions ended and your API tokens were revoked.")
    return redirect("accounts:settings")


@require_POST
def time_zone(request: HttpRequest) -> HttpResponse:
    """Change one's own time zone."""
    person = current_user(request)
    time_zone_change(actor=person, time_zone=request.POST.get("time_zone", ""))
    messages.success(request, f"Time zone changed to {person.time_zone}.")
    return redirect("accounts:settings")


@require_http_methods(["GET", "HEAD", "POST"])
def add_token(request: HttpRequest) -> HttpResponse:
    """Create an API token and show it once."""
    person = current_user(request)
    if request.method != "POST":
        return redirect("accounts:settings")
    form = TokenForm(Role(person.role), request.POST)
    if not form.is_valid():
        return _page(request, person, token_form=form)
    said = form.cleaned_data
    row, text = token_create(actor=person, name=said["name"], scope=Scope(said["scope"]), days=said["days"])
    # No redirect: the text is in this one answer and kept nowhere. Sent again, the form says that the name is taken.
    return _page(request, person, new_token=text, new_token_name=row.name)


@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke an API token."""
    person = current_user(request)
    token = managed_token(request, pk)
    token_revoke(actor=person, token=token)
    messages.success(request, f"Token {token.name} revoked. Requests using it are rejected.")
    return redirect("accounts:settings" if token.owner_id == person.pk else token.owner.get_absolute_url())


@require_POST
def end_session(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """End one session."""
    person = current_user(request)
    session = managed_session(request, public_id)
    own, this_one = session.user_id == person.pk, session.session_key == request.session.session_key
    owner = session.user.username if session.user else ""
    session_end(actor=person, session=session)
    if this_one:
        logout(request)
        return redirect("accounts:sign-in")
    messages.success(request, "Session ended.")
    return redirect("accounts:settings") if own else redirect("accounts:person", username=owner)


@require_POST
def end_sessions(request: HttpRequest) -> HttpResponse:
    """End all of one's own sessions, this one included."""
    person = current_user(request)
    all_sessions_end(actor=person, person=person)
    logout(request)
    return redirect("accounts:sign-in")


def _page(
    request: HttpRequest,
    person: User,
    *,
    password_form: PasswordForm | None = None,
    token_form: TokenForm | None = None,
    **more: str,
) -> HttpResponse:
    context = {
        "password_form": password_form or PasswordForm(),
        "time_zone_form": TimeZoneForm(initial={"time_zone": person.time_zone}),
        "token_form": token_form or TokenForm(Role(person.role)),
        "tokens": tokens_of(person),
        "service_accounts": service_accounts_of(person),
        "sessions": marked_sessions(request, person),
        **two_step_context(request, person),
        "idle_minutes": settings.SESSION_IDLE_MINUTES,
        "max_hours": settings.SESSION_MAX_HOURS,
        "single_sign_on": settings.SINGLE_SIGN_ON,
        **more,
    }
    wrong = (password_form and password_form.errors) or (token_form and token_form.errors)
    return render(request, "accounts/settings.html", context, status=422 if wrong else 200)
