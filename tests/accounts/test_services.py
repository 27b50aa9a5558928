"""People, passwords and tokens: who may, what is refused, and the row that each act leaves."""

import pytest
from django.core.exceptions import PermissionDenied

from controlplane.accounts.models import ApiToken, AuditEntry
from controlplane.accounts.roles import Role
from controlplane.accounts.services import (
    acting,
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


def test_an_admin_adds_a_person_who_has_the_role_and_the_password() -> None:
    made = person_create(actor=person(Role.ADMIN), username="grace", password=GOOD, role=Role.OPERATOR)
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
def test_a_name_that_is_taken_or_odd_and_a_weak_password_are_refused(username: str, password: str, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        person_create(actor=person(Role.ADMIN), username=username, password=password, role=Role.VIEWER)
    assert refused.value.message.startswith(f"{field}:")
    assert last()[3] == "refused"


@pytest.mark.parametrize(("role", "active"), [(Role.OPERATOR, True), (Role.ADMIN, False)])
def test_the_last_admin_stays_one(role: Role, active: bool) -> None:
    admin = person(Role.ADMIN)
    with pytest.raises(ActionError, match="only admin"):
        person_change(actor=admin, person=admin, role=role, active=active)
    admin.refresh_from_db()
    assert (admin.role, admin.is_active) == ("admin", True)


def test_a_change_says_what_it_was_and_is() -> None:
    viewer = person(Role.VIEWER)
    person_change(actor=person(Role.ADMIN), person=viewer, role=Role.OPERATOR, active=True)
    entry = AuditEntry.objects.latest("at")
    assert (entry.before, entry.after, entry.detail) == ({"role": "viewer"}, {"role": "operator"}, {})


def test_a_deactivated_person_has_no_role_at_all() -> None:
    operator = person(Role.OPERATOR)
    person_change(actor=person(Role.ADMIN), person=operator, role=Role.OPERATOR, active=False)
    with pytest.raises(PermissionDenied), acting(actor=operator, action="stream.start", target="stream"):
        pytest.fail("was let in")


def test_ones_own_password_needs_the_current_one() -> None:
    viewer = person(Role.VIEWER)
    with pytest.raises(InvalidInputError, match="current password"):
        password_change(actor=viewer, current="wrong", password=GOOD, address="")
    password_change(actor=viewer, current="x" * 16, password=GOOD, address="")
    viewer.refresh_from_db()
    assert viewer.check_password(GOOD)


def test_a_time_zone_has_to_be_one() -> None:
    viewer = person(Role.VIEWER)
    time_zone_change(actor=viewer, time_zone="Europe/Berlin")
    with pytest.raises(InvalidInputError):
        time_zone_change(actor=viewer, time_zone="Europe/Atlantis")
    viewer.refresh_from_db()
    assert viewer.time_zone == "Europe/Berlin"


def test_a_token_is_not_kept_and_its_name_is_its_owners_only_one() -> None:
    viewer = person(Role.VIEWER)
    row, text = token_create(actor=viewer, name="export")
    assert text not in str(ApiToken.objects.values().get(pk=row.pk))
    with pytest.raises(InvalidInputError, match="you have a token"):
        token_create(actor=viewer, name="export")
    token_revoke(actor=viewer, token=row)
    assert token_create(actor=viewer, name="export")[1] != text


def test_another_ones_token_is_an_admins_to_revoke() -> None:
    row, _ = token_create(actor=person(Role.VIEWER), name="export")
    with pytest.raises(PermissionDenied):
        token_revoke(actor=person(Role.OPERATOR), token=row)
    token_revoke(actor=person(Role.ADMIN), token=row)
    row.refresh_from_db()
    assert row.revoked_at is not None


def test_what_breaks_inside_an_act_is_kept_with_its_reason() -> None:
    def divide() -> None:
        with acting(actor=person(Role.OPERATOR), action="x.do", target="x") as act:
            act.detail["step"] = 1
            raise ZeroDivisionError("by zero")

    with pytest.raises(ZeroDivisionError):
        divide()
    entry = AuditEntry.objects.latest("at")
    assert (entry.outcome, entry.detail) == ("failed", {"step": 1, "error": "ZeroDivisionError: by zero"})
