"""How a name and a password are verified."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from controlplane.accounts.models import User
from controlplane.accounts.names import person_named
from controlplane.web.database import give_back_connections


class PasswordBackend(ModelBackend):
    """Django's own, for people only, and for names in any case and normal form.

    Hashing takes tenths of a second. The connection to the database is given back before it, so that many attempts at
    once don't use up the pool and leave other requests without one.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The user with this name and password; None if they are wrong."""
        if username is None or password is None:
            return None
        person = person_named(username)
        give_back_connections()
        if person is None:
            # As slow as for an existing name.
            User().set_password(password)
            return None
        return person if person.check_password(password) and self.user_can_authenticate(person) else None

    def user_can_authenticate(self, user: Any) -> bool:
        """A service account has tokens, no sessions; this also ends one that would have begun otherwise."""
        return super().user_can_authenticate(user) and not user.is_service
