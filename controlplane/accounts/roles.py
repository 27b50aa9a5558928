"""The three roles. A role includes those before it: an operator may read, an admin may act."""

from django.db.models import TextChoices


class Role(TextChoices):
    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    ADMIN = "admin", "Admin"

    def includes(self, other: "Role") -> bool:
        """Whether who has this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


WHAT_A_ROLE_MAY = {
    Role.VIEWER: "reads every page",
    Role.OPERATOR: "reads, runs scenarios, starts and stops the stream, triggers runs",
    Role.ADMIN: "does all that an operator does and manages people",
}
