"""People of each role, and browsers in which they are signed in.

`viewer`, `operator` and `admin` are visitors who read pages and press buttons (see `tests/pages.py`); `viewer_user`,
`operator_user` and `admin_user` are their accounts, for tests of services.
"""

import pytest

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from tests.pages import Visitor


def person(role: Role) -> User:
    """The account with this role; its name is the role's."""
    return User.objects.filter(username=role.value).first() or User.objects.create_user(
        username=role.value, password="x" * 16, role=role
    )


def visitor(user: User) -> Visitor:
    """A browser of its own, in which `user` is signed in."""
    client = Visitor()
    client.force_login(user)
    return client


@pytest.fixture
def viewer_user(db: None) -> User:
    return person(Role.VIEWER)


@pytest.fixture
def operator_user(db: None) -> User:
    return person(Role.OPERATOR)


@pytest.fixture
def admin_user(db: None) -> User:
    return person(Role.ADMIN)


@pytest.fixture
def viewer(viewer_user: User) -> Visitor:
    return visitor(viewer_user)


@pytest.fixture
def operator(operator_user: User) -> Visitor:
    return visitor(operator_user)


@pytest.fixture
def admin(admin_user: User) -> Visitor:
    return visitor(admin_user)
