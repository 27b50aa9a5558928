"""The user and the address of a request. Pages behind the sign-in always have a user."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.errors import SessionNeededError
from controlplane.web.ip_addresses import ip_address


def current_user(request: HttpRequest, role: Role = Role.VIEWER) -> User:
    """The person who has signed in.

    Raises:
        PermissionDenied: nobody has, or the person's role doesn't include `role`. For pages that only some may read;
            what acts is guarded, and audited, by its service.
    """
    user = request.user
    if not isinstance(user, User) or not user.has_role(role):
        raise PermissionDenied(f"This page requires the role {role.label.lower()}.")
    return user


def person_in_session(request: HttpRequest, role: Role = Role.VIEWER, *, to: str) -> User:
    """The person who has signed in to the pages, for what no token may do.

    Args:
        to: what it is, as the subject of a sentence: "Listing tokens".

    Raises:
        SessionNeededError: the request came with a token.
        PermissionDenied: as `current_user`.
    """
    person = current_user(request, role)
    if person.via_token is not None:
        raise SessionNeededError(to)
    return person


def client_address(request: HttpRequest) -> str:
    """The IP address of the client as the network saw it, or as a configured proxy did; "" behind a Unix socket.

    `controlplane.web.proxies` has resolved it before Django reads the request. Nothing else reads a proxy's headers.
    """
    return ip_address(request.META.get("REMOTE_ADDR") or "")
