"""The three roles, and the scope that limits a token. A role includes those before it."""

from django.db.models import TextChoices


class Role(TextChoices):
    """The role of a user. Each role includes the ones before it."""

    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    ADMIN = "admin", "Admin"

    def includes(self, other: "Role") -> bool:
        """Whether who has this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


WHAT_A_ROLE_MAY = {
    Role.VIEWER: "read access to all pages",
    Role.OPERATOR: "read access, run scenarios, start and stop the stream, trigger runs",
    Role.ADMIN: "all permissions of an operator, and manage users",
}


class Scope(TextChoices):
    """The most that a token may do. Its effective role is the lower one of the scope's role and its owner's.

    `PEOPLE` has the role of `ADMIN` and may also do what could take over an account, as far as tokens may at all.
    Creating such a token requires a recent verification.
    """

    READ = "read", "Read"
    OPERATE = "operate", "Operate"
    ADMIN = "admin", "Admin"
    PEOPLE = "people", "Manage users"

    @property
    def role(self) -> Role:
        """The role that a token of this scope has at most."""
        return _ROLE_OF[self]

    @classmethod
    def within(cls, role: Role) -> list["Scope"]:
        """The scopes that a person with this role may give a token."""
        return [scope for scope in cls if role.includes(scope.role)]

    @classmethod
    def default(cls, role: Role) -> "Scope":
        """The widest scope of a role that is granted without a verification."""
        return [scope for scope in cls.within(role) if scope != cls.PEOPLE][-1]


_ROLE_OF = {
    Scope.READ: Role.VIEWER,
    Scope.OPERATE: Role.OPERATOR,
    Scope.ADMIN: Role.ADMIN,
    Scope.PEOPLE: Role.ADMIN,
}

WHAT_A_SCOPE_ALLOWS = {
    Scope.READ: "read access",
    Scope.OPERATE: "read access, run scenarios, start and stop the stream, trigger runs",
    Scope.ADMIN: "also list users, manage service accounts and export the audit",
    Scope.PEOPLE: "also invite, add and change users, but no email addresses, tokens or sessions",
}
