"""People for the tests of streams and runs."""

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role


def person(role: Role) -> User:
    """Somebody with this role; their name is the role's."""
    return User.objects.create_user(username=role.value, password="x" * 16, role=role)
