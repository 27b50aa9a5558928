"""Many attempts at once against the web server itself, with its pool of connections and real password hashes."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from pytest_django.fixtures import Settings

from controlplane.accounts.models import User
from controlplane.accounts.throttle import ATTEMPTS_BY_ADDRESS, ATTEMPTS_BY_NAME_AND_ADDRESS
from tests.accounts.clients import RIGHT
from tests.accounts.serving import web_server

pytestmark = pytest.mark.django_db(transaction=True)
TRIES = 40


@pytest.fixture
def server(settings: Settings, tmp_path: Path) -> Iterator[str]:
    """The address of a web server on the tests' database."""
    settings.PASSWORD_HASHERS = [f"{PBKDF2PasswordHasher.__module__}.{PBKDF2PasswordHasher.__qualname__}"]
    User.objects.create_user(username="viewer", password=RIGHT)
    with web_server(tmp_path) as address:
        yield address


def tries(address: str, names: list[str]) -> Counter[int]:
    """How often which status came, for wrong passwords for all of `names` at once, each with a forged address."""
    # Its name has the port of the server.
    cookie = {f"lakehouse_csrf_{urlsplit(address).port}": "a" * 32}

    def one(number: int) -> int:
        form = {"username": names[number], "password": "wrong", "csrfmiddlewaretoken": "a" * 32}
        forged = {"X-Forwarded-For": f"203.0.113.{number}"}
        with httpx.Client(cookies=cookie, headers=forged, trust_env=False, timeout=120) as client:
            return client.post(f"{address}/sign-in/", data=form).status_code

    with ThreadPoolExecutor(len(names)) as threads:
        return Counter(threads.map(one, range(len(names))))


def test_as_many_as_allowed_are_verified_and_none_fails(server: str) -> None:
    few, many = ATTEMPTS_BY_NAME_AND_ADDRESS, ATTEMPTS_BY_ADDRESS
    assert tries(server, ["viewer"] * TRIES) == {401: few, 429: TRIES - few}
    # Of other names the address has as many attempts left as it has not used for the first one.
    assert tries(server, [f"name-{number}" for number in range(TRIES)]) == {401: many - few, 429: TRIES - many + few}
