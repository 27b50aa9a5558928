"""Which passwords and names are taken: strong ones, and names that can't be confused; nothing is cut."""

import importlib
import re
import unicodedata
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client

from controlplane.accounts.invitations import reset_link_create
from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.names import person_named
from controlplane.accounts.passwords import ESTIMATED, LONGEST, Strength
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.services import audited, password_change, person_create, token_create
from controlplane.errors import InvalidInputError
from tests.accounts.clients import GOOD, RIGHT, by_token, send
from tests.labels import SignIn
from tests.pages import Page, Visitor
from tests.people import person

pytestmark = pytest.mark.django_db
WEAK = (
    *("aaaaaaaaaaaa", "123456789012", "lakehouse2026", "Lakehouse12345", "controlplane123", "gracehopper2024"),
    *("grace.hopper!", "qwertyuiop12", "passwordpassword", "short"),
)


def create(username: str, password: str = GOOD) -> User:
    return person_create(actor=person(Role.ADMIN), username=username, password=password, role=Role.VIEWER)


@pytest.mark.parametrize("password", WEAK)
def test_a_weak_password_is_refused_with_what_is_wrong_with_it(password: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        create("grace.hopper", password)
    first = SignIn.SHORT if password == "short" else SignIn.WEAK
    assert refused.value.message.startswith(f"password: {first}")
    assert not User.objects.filter(username="grace.hopper").exists()


def test_the_estimators_advice_is_in_the_error() -> None:
    with pytest.raises(InvalidInputError, match=r"strength is 0 of 4, the minimum is 3.*Avoid repeated words"):
        create("grace", "aaaaaaaaaaaa")


@pytest.mark.parametrize(
    "password", [GOOD, "correct horse battery staple", "пароль из нескольких слов", "x7#Kq!m2Vz@p"]
)
def test_a_strong_password_is_taken(password: str) -> None:
    assert create("grace", password).check_password(password)


def test_a_long_password_is_refused_and_never_cut() -> None:
    whole = (GOOD * 20)[:LONGEST]
    assert create("grace", whole).check_password(whole)
    for change in (
        lambda: create("ada", whole + "x"),
        lambda: password_change(
            actor=User.objects.get(username="grace"), current=whole, password=whole + "x", address=""
        ),
    ):
        with pytest.raises(InvalidInputError, match="has 257 characters; the limit is 256"):
            change()


def test_only_the_beginning_of_a_password_is_estimated() -> None:
    # The estimator's time grows faster than the length: what comes behind is not handed to it.
    with pytest.raises(ValidationError):
        Strength().validate("a" * ESTIMATED + "x7#Kq!m2Vz@p")


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ((GOOD * 20)[:300], f"The password has 300 characters; the limit is {LONGEST}"),
        ("aaaaaaaaaaaa", SignIn.WEAK),
    ],
    ids=["long", "weak"],
)
def test_forms_and_api_have_the_same_bounds(password: str, told: str, admin: Visitor, viewer_user: User) -> None:
    link = reset_link_create(actor=User.objects.get(username="admin"), person=viewer_user)
    answers = [
        send(admin, "/people", {"username": "grace", "password": password, "role": "viewer"}),
        send(admin, "/me", {"current_password": RIGHT, "password": password}, "patch"),
        Client().post("/account-link/", {"code": link.url, "password": password}),
    ]
    assert [answer.status_code for answer in answers] == [422] * 3
    assert told in Page.of(answers[-1]).errors["password"]
    form = {"current": RIGHT, "password": password}
    (message,) = Page.of(admin.post("/settings/password/", form, follow=True)).messages
    assert message.startswith(f"password: {told}")
    assert {one.check_password(RIGHT) for one in User.objects.all()} == {True}


def test_no_form_lets_the_browser_cut_what_is_typed(admin: Visitor) -> None:
    for path in ("/people/add/", "/people/by-name/admin/", "/settings/", "/activity/", "/search/", "/sign-in/"):
        assert admin.page(path).document.xpath("//@maxlength") == [], path
    page = Page.of(admin.post("/people/add/", {"username": "g" * 151, "role": "viewer"}))
    assert re.findall(r"\d+", page.errors["username"]) == ["150", "151"]
    page = Page.of(admin.post("/settings/tokens/", {"name": "t" * 81, "scope": "read", "days": "7"}))
    assert re.findall(r"\d+", page.errors["name"]) == ["80", "81"]
    assert admin.get(f"/search/?q={'s' * 201}").status_code == 422


def test_a_long_name_of_a_token_is_refused_with_its_length(viewer_user: User) -> None:
    with pytest.raises(InvalidInputError, match=r"name: must have 1 to 80 characters, has 81"):
        token_create(actor=viewer_user, name="t" * 81)


def test_a_long_target_is_shortened_where_one_sees_it(operator_user: User) -> None:
    with audited(actor=operator_user, action="x.do", target="t" * 300):
        pass
    assert AuditEntry.objects.get().target == "t" * 254 + "…"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ADMIN", "is taken"),
        ("\u0430dmin", "several scripts"),  # its first letter is Cyrillic
        ("\uff41dmin", "is taken"),  # a letter of full width: the same in the normal form
        ("adm1n", "looks like the existing name admin"),
        ("\u0430\u0455\u0441\u0435", "looks like the existing name asce"),  # all of it Cyrillic
        ("bemard", "looks like the existing name bernard"),
        ("nobody", "reserved"),
        ("N0body", "reserved"),
        ("Root", "reserved"),
        ("system", "reserved"),
        ("anonymous", "reserved"),
        ("", "must have 1 to 150 characters, has 0"),
        ("g" * 151, "must have 1 to 150 characters, has 151"),
        ("a b", "characters that are not allowed"),
        ("<b>grace</b>", "characters that are not allowed"),
        ("gra\u200bce", "characters that are not allowed"),
        ("grace\u202e", "characters that are not allowed"),
        ("gra\x00ce", "characters that are not allowed"),
        (".grace", "characters that are not allowed"),
    ],
)
def test_a_name_that_is_taken_confusable_or_odd_is_refused(name: str, says: str) -> None:
    for taken in ("asce", "bernard"):
        create(taken)
    with pytest.raises(InvalidInputError, match=f"^username: .*{says}"):
        create(name)
    assert AuditEntry.objects.latest("at").outcome == "refused"
    assert User.objects.count() == 3


@pytest.mark.parametrize("name", ["grace", "Grace.Hopper-2", "José", "Ольга", "g+t@example.org", "東京"])
def test_a_name_of_one_script_is_taken_and_found_however_it_is_typed(name: str) -> None:
    made = create(name)
    for typed in (name, name.upper(), name.lower(), f" {name} ", unicodedata.normalize("NFD", name)):
        assert person_named(typed) == made
        assert Client().post("/sign-in/", {"username": typed, "password": GOOD}).status_code == 302


def test_the_database_holds_names_apart_regardless_of_case() -> None:
    create("grace")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(username="GRACE")


def test_the_api_names_the_field() -> None:
    answer = send(by_token(Role.ADMIN, Scope.PEOPLE), "/people", {"username": "ADMIN", "password": GOOD})
    assert (answer.status_code, answer.json()["error"]["message"]) == (422, "username: ADMIN is taken.")


@pytest.fixture
def without_the_constraint() -> Any:
    """The table as the migration finds it."""
    (constraint,) = [one for one in User._meta.constraints if one.name == "accounts_user_username_any_case"]
    with connection.schema_editor() as editor:
        editor.remove_constraint(User, constraint)


def test_the_migration_lists_names_that_would_be_one_and_changes_nothing(without_the_constraint: None) -> None:
    migration = importlib.import_module("controlplane.accounts.migrations.0003_names_in_any_case")
    for name in ("grace", "Grace", "re\u0301ne", "ada"):
        User.objects.create(username=name)
    with pytest.raises(RuntimeError, match=r"'grace', 'Grace'\. Nothing was changed\. Rename") as stopped:
        migration.normalise(apps, None)
    assert "ada" not in str(stopped.value)
    User.objects.filter(username="Grace").update(username="grace-2")
    migration.normalise(apps, None)
    assert set(User.objects.values_list("username", flat=True)) == {"grace", "grace-2", "r\u00e9ne", "ada"}
