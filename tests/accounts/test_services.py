"""People, passwords and tokens: who may, what is refused, and the row that each act leaves."""

import pytest
from django.core.exceptions import PermissionDenied

from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.accounts.roles import Role
from controlplane.accounts.services import (
    audited,
    password_change,
    person_change,
    person_create,
    time_zone_change,
    token_create,
    token_revoke,
)
from controlplane.errors import ActionError, InvalidInputError
from tests.people import person

pytestmark = pytest.mark.django_db
GOOD = "a long enough passphrase"


def last() -> tuple[str, str, str, str]:
    entry = AuditEntry.objects.latest("at")
    return entry.actor_name, entry.action, entry.target, entry.outcome


def test_an_admin_adds_a_person_who_has_the_role_and_the_password(admin_user: User) -> None:
    made = person_create(actor=admin_user, username="grace", password=GOOD, role=Role.OPERATOR)
    made.refresh_from_db()
    assert (made.role, made.check_password(GOOD)) == ("operator", True)
    assert last() == ("admin", "person.create", "grace", "succeeded")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_nobody_else_does_and_the_try_is_kept(role: Role) -> None:
    with pytest.raises(PermissionDenied):
        person_create(actor=person(role), username="grace", password=GOOD, role=Role.VIEWER)
    assert last() == (role.value, "person.create", "grace", "refused")


@pytest.mark.parametrize(
    ("username", "password", "field"),
    [("admin", GOOD, "username"), ("", GOOD, "username"), ("a b", GOOD, "username"), ("grace", "short", "password")],
)
def test_a_name_that_is_taken_or_odd_and_a_weak_password_are_refused(
    username: str, password: str, field: str, admin_user: User
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        person_create(actor=admin_user, username=username, password=password, role=Role.VIEWER)
    assert refused.value.message.startswith(f"{field}:")
    assert last()[3] == "refused"


@pytest.mark.parametrize(("role", "active"), [(Role.OPERATOR, True), (Role.ADMIN, False)])
def test_the_last_admin_stays_one(role: Role, active: bool, admin_user: User) -> None:
    with pytest.raises(ActionError, match="only admin"):
        person_change(actor=admin_user, person=admin_user, role=role, active=active)
    admin_user.refresh_from_db()
    assert (admin_user.role, admin_user.is_active) == ("admin", True)


def test_a_change_says_what_it_was_and_is(admin_user: User, viewer_user: User) -> None:
    person_change(actor=admin_user, person=viewer_user, role=Role.OPERATOR, active=True)
    entry = AuditEntry.objects.latest("at")
    assert (entry.before, entry.after, entry.detail) == ({"role": "viewer"}, {"role": "operator"}, {})


def test_a_deactivated_person_has_no_role_at_all(admin_user: User, operator_user: User) -> None:
    person_change(actor=admin_user, person=operator_user, role=Role.OPERATOR, active=False)
    with pytest.raises(PermissionDenied), audited(actor=operator_user, action="stream.start", target="stream"):
        pytest.fail("was let in")


def test_ones_own_password_needs_the_current_one(viewer_user: User) -> None:
    with pytest.raises(InvalidInputError, match="current password"):
        password_change(actor=viewer_user, current="wrong", password=GOOD, address="")
    password_change(actor=viewer_user, current="x" * 16, password=GOOD, address="")
    viewer_user.refresh_from_db()
    assert viewer_user.check_password(GOOD)


def test_a_time_zone_has_to_be_one(viewer_user: User) -> None:
    time_zone_change(actor=viewer_user, time_zone="Europe/Berlin")
    with pytest.raises(InvalidInputError):
        time_zone_change(actor=viewer_user, time_zone="Europe/Atlantis")
    viewer_user.refresh_from_db()
    assert viewer_user.time_zone == "Europe/Berlin"


def test_a_token_is_not_kept_and_its_name_is_its_owners_only_one(viewer_user: User) -> None:
    row, text = token_create(actor=viewer_user, name="export")
    assert text not in str(ApiToken.objects.values().get(pk=row.pk))
    with pytest.raises(InvalidInputError, match="you have a valid token"):
        token_create(actor=viewer_user, name="export")
    token_revoke(actor=viewer_user, token=row)
    assert token_create(actor=viewer_user, name="export")[1] != text


def test_another_ones_token_is_an_admins_to_revoke(admin_user: User, operator_user: User, viewer_user: User) -> None:
    row, _ = token_create(actor=viewer_user, name="export")
    with pytest.raises(PermissionDenied):
        token_revoke(actor=operator_user, token=row)
    token_revoke(actor=admin_user, token=row)
    row.refresh_from_db()
    assert row.revoked_at is not None


def test_what_breaks_inside_an_act_is_kept_with_its_reason(operator_user: User) -> None:
    def divide() -> None:
        with audited(actor=operator_user, action="x.do", target="x") as act:
            act.detail["step"] = 1
            raise ZeroDivisionError("by zero")

    with pytest.raises(ZeroDivisionError):
        divide()
    entry = AuditEntry.objects.latest("at")
    assert (entry.outcome, entry.detail) == ("failed", {"step": 1, "error": "ZeroDivisionError: by zero"})
