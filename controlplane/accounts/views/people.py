"""People: who may sign in, and what each may do. For admins."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.accounts.errors import InvalidInputError
from controlplane.accounts.forms import NewPasswordForm, PersonChangeForm, PersonForm
from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.requests import person_of
from controlplane.accounts.roles import Role
from controlplane.accounts.selectors import marked_sessions, people, tokens_of
from controlplane.accounts.services import all_sessions_end, password_reset, person_change, person_create
from controlplane.web.paging import paginate
from controlplane.web.undo import Undo, say_done


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    person_of(request, Role.ADMIN)
    text = request.GET.get("text", "")
    page = paginate(people(text=text), order=("username",), cursor=request.GET.get("cursor"))
    return render(request, "accounts/people.html", {"page": page, "text": text})


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def add(request: HttpRequest) -> HttpResponse:
    actor = person_of(request)
    if not actor.has_role(Role.ADMIN):
        if request.method == "POST":
            # Refused, and audited, whatever the form holds.
            person_create(actor=actor, username=request.POST.get("username", ""), password="", role=Role.VIEWER)
        person_of(request, Role.ADMIN)
    form = PersonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        said = form.cleaned_data
        try:
            person = person_create(
                actor=actor, username=said["username"], password=said["password"], role=Role(said["role"])
            )
        except InvalidInputError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{person.username} can sign in now, as {person.get_role_display().lower()}.")
            return redirect("accounts:people")
    return render(request, "accounts/person_add.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: HttpRequest, username: str) -> HttpResponse:
    actor = person_of(request)
    if not actor.has_role(Role.ADMIN):
        if request.method == "POST":
            # Refused, and audited, without saying whether the name exists.
            person_change(actor=actor, person=User(username=username), role=Role.VIEWER, active=False)
        person_of(request, Role.ADMIN)
    person = get_object_or_404(User, username=username)
    if request.method == "POST":
        form = PersonChangeForm(request.POST)
        if form.is_valid():
            before = {"role": person.role, **({"active": "on"} if person.is_active else {})}
            person_change(
                actor=actor, person=person, role=Role(form.cleaned_data["role"]), active=form.cleaned_data["active"]
            )
            say_done(request, f"{person.username} is {_what(person)} now.", Undo(request.path, before))
            return redirect("accounts:person", username=person.username)
    else:
        form = PersonChangeForm(initial={"role": person.role, "active": person.is_active})
    return _page(request, person, form, NewPasswordForm(), 422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def reset_password(request: HttpRequest, username: str) -> HttpResponse:
    actor = person_of(request)
    if request.method != "POST":
        return redirect("accounts:person", username=username)
    if not actor.has_role(Role.ADMIN):
        # Refused, and audited, without saying whether the name exists.
        password_reset(actor=actor, person=User(username=username), password="")
    person = get_object_or_404(User, username=username)
    form = NewPasswordForm(request.POST)
    if form.is_valid():
        password_reset(actor=actor, person=person, password=form.cleaned_data["password"])
        messages.success(
            request, f"{person.username} has a new password, and has to sign in again. Their API tokens are revoked."
        )
        return redirect("accounts:person", username=person.username)
    change = PersonChangeForm(initial={"role": person.role, "active": person.is_active})
    return _page(request, person, change, form, 422)


@require_POST
def end_sessions(request: HttpRequest, username: str) -> HttpResponse:
    actor = person_of(request)
    if not actor.has_role(Role.ADMIN):
        # Refused, and audited, without saying whether the name exists.
        all_sessions_end(actor=actor, person=User(username=username))
    person = get_object_or_404(User, username=username)
    all_sessions_end(actor=actor, person=person)
    messages.success(request, f"{person.username} is signed out everywhere.")
    return redirect("accounts:person", username=person.username)


def _page(
    request: HttpRequest, person: User, form: PersonChangeForm, password_form: NewPasswordForm, status: int
) -> HttpResponse:
    context = {
        "person": person,
        "form": form,
        "password_form": password_form,
        "tokens": tokens_of(person)[:50],
        "sessions": marked_sessions(request, person),
        "recent": AuditEntry.objects.filter(actor=person)[:10],
    }
    return render(request, "accounts/person.html", context, status=status)


def _what(person: User) -> str:
    return person.get_role_display().lower() if person.is_active else "not allowed to sign in"
