"""Forms and addresses with what nobody types: an answer says what is wrong, and none fails.

The fields are read from the pages, so a new form is tried as soon as its page is in `table.py`.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.accounts.second_factor.freshness import VERIFIED_AT
from tests.access import world as w
from tests.access.asking import ask
from tests.access.table import NOT_SERVED, PAGES, Page

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("access-forms")]

HOSTILE: dict[str, Any] = {
    "empty": "",
    "a NUL": "a\x00b",
    "1 MB": "x" * 2**20,
    "controls": "\x01\x1b[31m\u202e",
    "markup": "<script>alert(1)</script>{{ 7*7 }}",
    "a huge number": "9" * 400,
    "no number": "NaN",
    "a negative number": "-1",
    "no time": "0000-99-99T99:99",
    "repeated": ["a", "b"],
}
# How a page shows that something is wrong; a refused action is a message on the page that follows.
ERROR = re.compile(r"invalid-feedback|errorlist|is-invalid|alert-danger|text-danger|role=\"alert\"")
# How many of them each field gets. `make test-api` tries them all.
AT_ONCE = len(HOSTILE) if os.environ.get("API_EXAMPLES") else 4
SLOW = ("scenarios:recording-map",)
# Taken from a page of ours only: what comes without its Origin is refused before anything is read.
FROM_OUR_PAGES = ("accounts:session",)
FILTERS = ("text", "q", "cursor", "since", "until", "sort", "state", "actor", "range", "run", "scenario", "compare")


class Fields(HTMLParser):
    """The names of the fields of every form that is sent with POST, by its address."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.found: dict[str, set[str]] = {}
        self._address, self._form = address, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            post = (given.get("method") or "").lower() == "post"
            self._form = (given.get("action") or self._address).split("?")[0] if post else ""
        name = given.get("name")
        if self._form and tag in ("input", "select", "textarea", "button") and name:
            self.found.setdefault(self._form, set()).add(name)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = ""


@pytest.fixture(scope="module")
def alma(a_world: w.World) -> Client:
    """An admin's browser, for all the tests of the module."""
    # A NUL that reaches the database is answered by the error handler: the client shows that answer.
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_user("alma.admin", password=w.PASSWORD, role=Role.ADMIN))
    session = client.session
    # In the future: these tests take longer than a verification counts.
    session[VERIFIED_AT] = (timezone.now() + timedelta(days=1)).timestamp()
    session.save()
    return client


@pytest.fixture(scope="module")
def tried() -> Iterator[Counter[str]]:
    """How many requests were sent, printed at the end."""
    counter: Counter[str] = Counter()
    yield counter
    print(f"\n{counter.total()} requests: {dict(counter)}")


def fields_of(client: Client) -> dict[str, set[str]]:
    """Every form of the pages in the table."""
    found: dict[str, set[str]] = {}
    for page in PAGES.values():
        if page.reads == NOT_SERVED or page.path.startswith("/api/"):
            continue
        parser = Fields(page.path)
        parser.feed(ask(client, "GET", page.path).text)
        for address, names in parser.found.items():
            found.setdefault(address, set()).update(names)
    return found


SENT: list[tuple[str, Page]] = [(name, page) for name, page in PAGES.items() if page.sends != NOT_SERVED]


def test_a_form_says_what_is_wrong(alma: Client, tried: Counter[str]) -> None:
    forms, wrong = fields_of(alma), []
    for name, page in SENT:
        names = (forms.get(page.path.split("?")[0], set()) | set(page.form)) - {"csrfmiddlewaretoken"}
        bodies: list[tuple[str, str, dict[str, Any]]] = [
            ("unknown", "an unknown field", {**page.form, "nothing-we-know": "1"}),
            ("none", "nothing", {}),
        ]
        for number, field in enumerate(sorted(names)):
            values = list(HOSTILE.items())
            # In turn, so that every value is tried in fields of every kind; one where a request starts a process.
            count = 1 if name in SLOW else AT_ONCE
            chosen = [values[(number * count + place) % len(values)] for place in range(count)]
            bodies += [(field, what, {**page.form, field: value}) for what, value in chosen]
        for field, what, body in bodies:
            asked = ask(alma, "POST", page.path, body)
            tried[str(asked.status)] += 1
            refused = asked.status == 403 and name in FROM_OUR_PAGES
            if not refused and asked.status not in (200, 302, 400, 401, 404, 409, 410, 413, 422, 429):
                wrong.append(f"{name} {field} {what}: {asked.status} {asked.text[:300]}")
            if asked.status == 422 and not ERROR.search(asked.text):
                wrong.append(f"{name} {field} {what}: the page shows no error")
            if "<script>alert(1)" in asked.text:
                wrong.append(f"{name} {field} {what}: markup comes back as it was sent")
    assert wrong == []


def test_an_address_with_a_strange_query_does_not_fail(alma: Client, tried: Counter[str]) -> None:
    wrong = []
    for name, page in PAGES.items():
        if page.reads == NOT_SERVED:
            continue
        for what, value in HOSTILE.items():
            text = "a,b" if isinstance(value, list) else value[:10_000]
            asked = ask(alma, "GET", page.path.split("?")[0], dict.fromkeys(FILTERS, text))
            tried[f"query {asked.status}"] += 1
            if asked.status >= 500 or "<script>alert(1)" in asked.text:
                wrong.append(f"{name} {what}: {asked.status} {asked.text[:300]}")
    assert wrong == []
