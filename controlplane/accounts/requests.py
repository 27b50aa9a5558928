"""Who asks. Behind the sign-in of the pages there is always a person."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role


def person_of(request: HttpRequest, role: Role = Role.VIEWER) -> User:
    """The person who has signed in.

    Raises:
        PermissionDenied: nobody has, or the person's role doesn't include `role`. For pages that only some may read;
            what acts is guarded, and audited, by its service.
    """
    user = request.user
    if not isinstance(user, User) or not user.has_role(role):
        raise PermissionDenied(f"This page is for the role {role.label.lower()}.")
    return user
