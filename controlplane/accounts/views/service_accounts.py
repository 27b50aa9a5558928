"""Service accounts: for admins, and the page of each for its owner, who manages its tokens."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.accounts.forms import PersonChangeForm, ServiceAccountChangeForm, ServiceAccountForm, TokenForm
from controlplane.accounts.managing import managed_account, manager, owner_of_tokens, service_account
from controlplane.accounts.models import AuditEntry, Kind, User
from controlplane.accounts.names import normalised
from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.selectors import ended_by_deactivation, tokens_of
from controlplane.accounts.service_accounts import owner_named, service_account_change, service_account_create
from controlplane.accounts.services import token_create
from controlplane.errors import InvalidInputError


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Create a service account."""
    actor = manager(request, action="service-account.create", target=normalised(request.POST.get("username", "")))
    data = request.POST if request.method == "POST" else None
    form = ServiceAccountForm(data, initial={"owner": actor.username})
    if form.is_valid():
        said = form.cleaned_data
        try:
            account = service_account_create(
                actor=actor,
                username=said["username"],
                role=Role(said["role"]),
                owner=owner_named(said["owner"]),
                description=said["description"],
            )
        except InvalidInputError as error:
            _refuse(form, error)
        else:
            messages.success(request, f"Service account {account.username} created. Create a token for it next.")
            return redirect(account.get_absolute_url())
    return render(request, "accounts/service_account_add.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: HttpRequest, username: str) -> HttpResponse:
    """The page of a service account; a POST changes it."""
    actor = current_user(request)
    if request.method == "POST":
        account = managed_account(request, username, action="service-account.change")
        form = ServiceAccountChangeForm(request.POST)
        if form.is_valid():
            said = form.cleaned_data
            owner = owner_named(said["owner"])
            try:
                service_account_change(
                    actor=actor,
                    account=account,
                    owner=owner,
                    description=said["description"],
                    revoke_tokens=said["revoke_tokens"] and account.service_owner_id != owner.pk,
                )
            except InvalidInputError as error:
                _refuse(form, error)
            else:
                messages.success(request, f"{account.username} saved.")
                return redirect(account.get_absolute_url())
        return _page(request, account, change_form=form)
    if not _owns(actor, username):
        current_user(request, Role.ADMIN)
    return _page(request, service_account(username))


@require_POST
def add_token(request: HttpRequest, username: str) -> HttpResponse:
    """Create a token of a service account and show it once."""
    actor = current_user(request)
    owner_of_tokens(request, username, action="token.create", target=request.POST.get("name", "").strip())
    account = service_account(username)
    form = TokenForm(account.effective_role, request.POST)
    if not form.is_valid():
        return _page(request, account, token_form=form)
    said = form.cleaned_data
    row, text = token_create(
        actor=actor, name=said["name"], scope=Scope(said["scope"]), days=said["days"], owner=account
    )
    # No redirect: the text is in this one answer and kept nowhere. Sent again, the form says that the name is taken.
    return _page(request, account, new_token=text, new_token_name=row.name)


def _owns(actor: User, username: str) -> bool:
    return User.objects.filter(username=username, kind=Kind.SERVICE, service_owner=actor).exists()


def _refuse(form: ServiceAccountForm | ServiceAccountChangeForm, error: InvalidInputError) -> None:
    name, _, said = error.message.partition(": ")
    known = name in form.fields and bool(said)
    said = said if known else error.message
    form.add_error(name if known else None, f"{said[:1].upper()}{said[1:]} {error.remedy}".strip())


def _page(
    request: HttpRequest,
    account: User,
    *,
    change_form: ServiceAccountChangeForm | None = None,
    token_form: TokenForm | None = None,
    **more: str,
) -> HttpResponse:
    owner = account.service_owner
    initial = {"owner": owner.username if owner else "", "description": account.description, "revoke_tokens": True}
    context = {
        "account": account,
        "form": PersonChangeForm(initial={"role": account.role, "active": account.is_active}),
        "ends": ended_by_deactivation(account),
        "change_form": change_form or ServiceAccountChangeForm(initial=initial),
        "token_form": token_form or TokenForm(account.effective_role),
        "tokens": tokens_of(account),
        "recent": AuditEntry.objects.filter(actor=account)[:10],
        **more,
    }
    wrong = bool((change_form and change_form.errors) or (token_form and token_form.errors))
    return render(request, "accounts/service_account.html", context, status=422 if wrong else 200)
