"""The objects of an action on other users: the user, link, token or session named by a request.

The role comes first. Who may not act is refused, with an audit row where something would be changed, before anything
is looked for and before a form is read: the refusal says neither whether a name exists nor what is wrong with a form.
The service that acts asks for the role again.
"""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from controlplane.accounts.models import AccountLink, ApiToken, Kind, User, UserSession
from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role
from controlplane.accounts.services import role_needed
from controlplane.accounts.sessions import live_sessions

_READS = ("GET", "HEAD")


def manager(request: HttpRequest, *, action: str, target: str) -> User:
    """The admin who asks for `action`.

    Args:
        action: the audited action that a request of an unsafe method is for.
        target: what the audit row of a refusal names: the name in the request, whether or not it exists.

    Raises:
        PermissionDenied: it is no admin.
    """
    if request.method in _READS:
        return current_user(request, Role.ADMIN)
    actor = current_user(request)
    role_needed(actor=actor, action=action, target=target, role=Role.ADMIN)
    return actor


def managed_person(request: HttpRequest, username: str, *, action: str) -> User:
    """The person or service account of this name, for an action of an admin; 404 if there is none."""
    manager(request, action=action, target=username)
    return get_object_or_404(User.objects.select_related("service_owner"), username=username)


def managed_account(request: HttpRequest, username: str, *, action: str) -> User:
    """The service account of this name, for an action of an admin; 404 if there is none."""
    manager(request, action=action, target=username)
    return service_account(username)


def managed_link(request: HttpRequest, link_id: UUID, *, action: str) -> AccountLink:
    """The link of this id, for an action of an admin; 404 if there is none."""
    manager(request, action=action, target=str(link_id))
    return get_object_or_404(AccountLink.objects.select_related("person"), pk=link_id)


def managed_session(request: HttpRequest, public_id: UUID) -> UserSession:
    """A live session that the actor may end: one of their own, and anybody's for an admin."""
    sessions = live_sessions().select_related("user").filter(public_id=public_id)
    own = Q(user=current_user(request))
    found: UserSession = _own_or_managed(request, sessions, own, action="session.end", target=str(public_id))
    return found


def managed_token(request: HttpRequest, token_id: int) -> ApiToken:
    """A token that the actor may revoke: one of their own or of a service account of theirs, and any for an admin."""
    actor, tokens = current_user(request), ApiToken.objects.select_related("owner").filter(pk=token_id)
    own = Q(owner=actor) | Q(owner__kind=Kind.SERVICE, owner__service_owner=actor)
    found: ApiToken = _own_or_managed(request, tokens, own, action="token.revoke", target=f"token {token_id}")
    return found


def _own_or_managed(request: HttpRequest, rows: QuerySet[Any], own: Q, *, action: str, target: str) -> Any:
    if not rows.filter(own).exists():
        manager(request, action=action, target=target)
    return get_object_or_404(rows)


def owner_of_tokens(request: HttpRequest, username: str, *, action: str, target: str) -> User:
    """Whose tokens the actor manages: anybody's for an admin, a service account's for its owner.

    Args:
        target: what the audit row of a refusal names.
    """
    owner = User.objects.select_related("service_owner").filter(username=username).first()
    if owner is None or not owner.is_service or owner.service_owner_id != current_user(request).pk:
        manager(request, action=action, target=target)
    if owner is None:
        raise Http404
    return owner


def service_account(username: str) -> User:
    """The service account of this name; 404 if there is none."""
    return get_object_or_404(User.objects.select_related("service_owner"), username=username, kind=Kind.SERVICE)
