"""A parameter that is sent twice counts once, the last time; query and form are not mixed. On pages and in the API."""

import pytest

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from tests.pages import Visitor

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def _ada_and_bob() -> None:
    for name in ("ada", "bob"):
        User.objects.create_user(name, role=Role.VIEWER)


@pytest.mark.parametrize(
    ("query", "found"),
    [("text=ada&text=bob", ["bob"]), ("text=bob&text=ada", ["ada"]), ("text=ada&text=", ["ada", "admin", "bob"])],
)
def test_of_a_query_the_last_one_counts(admin: Visitor, query: str, found: list[str]) -> None:
    listed = [one["username"] for one in admin.get(f"/api/v1/people?{query}").json()["items"]]
    addresses = admin.page(f"/people/?{query}").links.values()
    assert listed == found
    assert [name for name in ("ada", "bob") if f"/people/by-name/{name}/" in addresses] == [
        name for name in ("ada", "bob") if name in found
    ]


def test_a_repeated_value_is_judged_like_the_last_one(admin: Visitor) -> None:
    assert admin.get("/api/v1/people?limit=5&limit=100000").status_code == 422
    assert admin.get("/api/v1/people?limit=100000&limit=5").status_code == 200


def test_of_a_form_the_last_one_counts_and_the_query_does_not(admin: Visitor) -> None:
    body = "role=admin&role=operator&active=on"
    answer = admin.post("/people/by-name/ada/?role=admin", body, content_type=FORM)
    assert (answer.status_code, User.objects.get(username="ada").role) == (302, "operator")
    assert admin.post("/people/by-name/bob/?role=admin&active=on", "", content_type=FORM).status_code == 422
    assert User.objects.get(username="bob").role == "viewer"


def test_of_json_the_last_one_counts(admin: Visitor) -> None:
    body = '{"role": "admin", "role": "operator"}'
    answer = admin.patch("/api/v1/people/ada?role=admin", body, content_type="application/json")
    assert (answer.status_code, answer.json()["role"]) == (200, "operator")
