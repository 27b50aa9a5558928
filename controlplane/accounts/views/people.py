"""Users: who may sign in, and what each may do. For admins."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.accounts.forms import ConnectForm, EmailForm, InvitationForm, PeopleFilterForm, PersonChangeForm
from controlplane.accounts.invitations import (
    MadeLink,
    email_change,
    invitation_renew,
    link_revoke,
    person_invite,
    reset_link_create,
)
from controlplane.accounts.mail import mail_configured
from controlplane.accounts.managing import managed_link, managed_person, manager
from controlplane.accounts.models import AccountLink, AuditEntry, User
from controlplane.accounts.names import normalised
from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role
from controlplane.accounts.second_factor.factors import second_factors_of
from controlplane.accounts.second_factor.freshness import fresh_needed
from controlplane.accounts.second_factor.services import second_factor_reset
from controlplane.accounts.selectors import (
    LINK_ORDER,
    PEOPLE_ORDERS,
    account_links,
    ended_by_deactivation,
    marked_sessions,
    people,
    tokens_of,
)
from controlplane.accounts.services import all_sessions_end, person_change
from controlplane.accounts.single_sign_on.people import connect_refused, disconnect, refused_identities
from controlplane.errors import InvalidInputError
from controlplane.web.paging import paginate
from controlplane.web.undo import Undo, say_done

LINKS_SHOWN = 10


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The list of users."""
    current_user(request, Role.ADMIN)
    form = PeopleFilterForm(request.GET)
    page = paginate(
        people(text=form.value("text"), state=form.value("state")),
        order=PEOPLE_ORDERS[form.value("sort") or "name"],
        cursor=request.GET.get("cursor"),
    )
    invitations = account_links(kind=AccountLink.Kind.INVITATION).filter(person__in=page.items)
    # The newest of each person, since they come newest first.
    newest = {link.person_id: link for link in reversed(invitations.order_by(*LINK_ORDER))}
    context = {"page": page, "form": form, "invitations": newest}
    return render(request, "accounts/people.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Invite a user."""
    actor = manager(request, action="person.invite", target=normalised(request.POST.get("username", "")))
    # Before somebody fills the form in.
    fresh_needed(request)
    form = InvitationForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        said = form.cleaned_data
        try:
            made = person_invite(
                actor=actor, username=said["username"], role=Role(said["role"]), email=said.get("email", "")
            )
        except InvalidInputError as error:
            _refuse(form, error)
        else:
            return _made(request, made)
    return render(request, "accounts/person_add.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: HttpRequest, username: str) -> HttpResponse:
    """The page of a user; a POST changes role and state."""
    actor, person = current_user(request), managed_person(request, username, action="person.change")
    if request.method == "POST":
        form = PersonChangeForm(request.POST)
        if form.is_valid():
            before = {"role": person.role, **({"active": "on"} if person.is_active else {})}
            person_change(
                actor=actor, person=person, role=Role(form.cleaned_data["role"]), active=form.cleaned_data["active"]
            )
            if not person.is_active and person.pk == actor.pk:
                return _sessions_ended(request, person, "")
            say_done(request, f"{person.username} is now {_what(person)}.", Undo(request.path, before))
            return redirect(person.get_absolute_url())
    elif person.is_service:
        return redirect(person.get_absolute_url())
    else:
        form = PersonChangeForm(initial={"role": person.role, "active": person.is_active})
    return _page(request, person, form=form)


@require_POST
def make_link(request: HttpRequest, username: str) -> HttpResponse:
    """An invitation for who has not signed in yet, a reset link for everybody else."""
    actor, person = current_user(request), managed_person(request, username, action="person.reset-link")
    create = invitation_renew if person.is_invited else reset_link_create
    return _made(request, create(actor=actor, person=person))


@require_POST
def revoke_link(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """Revoke a link of an invitation or a password reset."""
    link = managed_link(request, link_id, action="person.revoke-link")
    link_revoke(actor=current_user(request), link=link)
    messages.success(request, f"Link of {link.person.username} revoked.")
    return redirect("accounts:person", username=link.person.username)


@require_POST
def change_email(request: HttpRequest, username: str) -> HttpResponse:
    """Change the email address of a user."""
    actor, person = current_user(request), managed_person(request, username, action="person.change-email")
    form = EmailForm(request.POST)
    if form.is_valid():
        email_change(actor=actor, person=person, email=form.cleaned_data["email"])
        messages.success(request, f"Email address of {person.username} changed.")
        return redirect("accounts:person", username=person.username)
    return _page(request, person, email_form=form)


@require_POST
def end_sessions(request: HttpRequest, username: str) -> HttpResponse:
    """End all sessions of a user."""
    actor, person = current_user(request), managed_person(request, username, action="session.end-all")
    all_sessions_end(actor=actor, person=person)
    return _sessions_ended(request, person, f"{person.username} is signed out everywhere.")


@require_POST
def reset_second_factor(request: HttpRequest, username: str) -> HttpResponse:
    """Remove all second factors of a user."""
    actor, person = current_user(request), managed_person(request, username, action="second-factor.reset")
    second_factor_reset(actor=actor, person=person)
    said = f"Two-step verification of {person.username} was reset. All sessions ended; the password alone signs in."
    return _sessions_ended(request, person, said)


@require_POST
def connect_sso(request: HttpRequest, username: str) -> HttpResponse:
    """Connect a user with an account of the provider."""
    actor, person = current_user(request), managed_person(request, username, action="person.connect-sso")
    form = ConnectForm(request.POST)
    if not form.is_valid():
        raise InvalidInputError("sign_in: invalid.", "Choose a sign-in from the list.")
    refusal = get_object_or_404(AuditEntry, pk=form.cleaned_data["sign_in"])
    connect_refused(actor=actor, person=person, refusal=refusal)
    messages.success(request, f"{person.username} can now sign in with single sign-on.")
    return redirect("accounts:person", username=person.username)


@require_POST
def disconnect_sso(request: HttpRequest, username: str) -> HttpResponse:
    """Disconnect a user from the account of the provider."""
    actor, person = current_user(request), managed_person(request, username, action="person.disconnect-sso")
    disconnect(actor=actor, person=person)
    said = f"{person.username} is disconnected from single sign-on and signed out everywhere."
    return _sessions_ended(request, person, said)


def _sessions_ended(request: HttpRequest, person: User, said: str) -> HttpResponse:
    """Back to the person's page; to the sign-in, where the sessions of the admin who asks have ended."""
    if person.pk == current_user(request).pk:
        logout(request)
        return redirect("accounts:sign-in")
    messages.success(request, said)
    return redirect("accounts:person", username=person.username)


def _made(request: HttpRequest, made: MadeLink) -> HttpResponse:
    # No redirect: the link is in this one answer and kept nowhere.
    return render(request, "accounts/link_made.html", {"made": made, "person": made.link.person})


def _refuse(form: InvitationForm, error: InvalidInputError) -> None:
    name, _, said = error.message.partition(": ")
    known = name in form.fields and bool(said)
    said = said if known else error.message
    form.add_error(name if known else None, f"{said[:1].upper()}{said[1:]} {error.remedy}".strip())


def _page(
    request: HttpRequest, person: User, *, form: PersonChangeForm | None = None, email_form: EmailForm | None = None
) -> HttpResponse:
    wrong = bool((form and form.errors) or (email_form and email_form.errors))
    context = {
        "person": person,
        "form": form or PersonChangeForm(initial={"role": person.role, "active": person.is_active}),
        "email_form": (email_form or EmailForm(initial={"email": person.email})) if mail_configured() else None,
        "ends": ended_by_deactivation(person),
        "links": account_links(username=person.username).order_by(*LINK_ORDER)[:LINKS_SHOWN],
        "tokens": tokens_of(person),
        "refused_identities": refused_identities() if settings.SINGLE_SIGN_ON and person.identity is None else [],
        "factors": second_factors_of(person),
        "sessions": marked_sessions(request, person),
        "recent": AuditEntry.objects.filter(actor=person)[:10],
    }
    return render(request, "accounts/person.html", context, status=422 if wrong else 200)


def _what(person: User) -> str:
    return person.get_role_display().lower() if person.is_active else "deactivated"
