"""Single sign-on against a real Keycloak, with a real browser and the real web server on the tests' database."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.fixtures import Settings

from compose.local.settings import ROOT
from controlplane.accounts.models import AuditEntry, User, UserSession
from controlplane.accounts.roles import Role
from tests.accounts.clients import GOOD
from tests.accounts.keycloak import CLIENT_ID, CLIENT_SECRET, Keycloak, running
from tests.labels import OwnSettings, SignIn
from tests.ports import free_port
from tests.waiting import wait_for

pytestmark = [
    *(pytest.mark.django_db(transaction=True), pytest.mark.browser),
    pytest.mark.xdist_group("keycloak"),
]
NAME, THERE = "lakehouse-q3x7k2ab.localhost", "the password at the provider"


@pytest.fixture(scope="module", autouse=True)
def _database_beside_the_browser() -> Iterator[None]:
    """Playwright keeps an event loop in this thread, in which Django would refuse to ask the database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def keycloak(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    document = (Path(__file__).parent / "keycloak-realm.json").read_text()
    with running(tmp_path_factory.mktemp("keycloak") / "log") as keycloak:
        keycloak.realm_made(json.loads(document.replace("PUBLIC_URL", f"http://{NAME}:{port}")))
        yield keycloak


@pytest.fixture
def server(keycloak: Keycloak, port: int, tmp_path: Path, settings: Settings) -> Iterator[str]:
    """The address of the web server by which people begin: 127.0.0.1."""
    # The web server's own.
    settings.PASSWORD_HASHERS = [f"{PBKDF2PasswordHasher.__module__}.{PBKDF2PasswordHasher.__qualname__}"]
    database = connection.settings_dict
    where = f"{quote(database['HOST'] or '', safe='')}:{database['PORT'] or 5432}"
    variables = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{database['USER']}:{database['PASSWORD']}@{where}/{database['NAME']}",
        # Static files by their plain names: nothing was collected.
        "DJANGO_DEBUG": "1",
        "LAKEHOUSE_DATA": str(tmp_path),
        "PUBLIC_URL": f"http://{NAME}:{port}",
        "OIDC_ISSUER": keycloak.issuer,
        "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "OIDC_NAME": "Keycloak",
        "OIDC_ROLE_MAP": "lakehouse-admins=admin,lakehouse-operators=operator,staff=viewer",
    }
    command = ("-m", "uvicorn", "controlplane.asgi:application", "--port", str(port), "--no-proxy-headers")
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=variables, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(lambda: httpx.get(f"{address}/sign-in/").status_code == 200, "the web server", within=30)
            yield address
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(90_000)
    yield context
    context.close()


def at_keycloak(page: Page, username: str) -> None:
    """Fill Keycloak's own form."""
    page.locator("#username").fill(username)
    page.locator("#password").fill(THERE)
    page.locator("#kc-login").click()


def sign_in(page: Page, server: str, username: str, wanted: str = "/settings/") -> None:
    page.goto(f"{server}{wanted}")
    page.get_by_role("link", name=SignIn.at("Keycloak")).click()
    # Under the own name: a link begins nothing.
    page.get_by_role("button", name=SignIn.at("Keycloak")).click()
    at_keycloak(page, username)


def role_of(username: str) -> str:
    return User.objects.values_list("role", flat=True).get(username=username)


def test_a_person_signs_in_and_the_role_follows_the_groups(
    context: BrowserContext, server: str, keycloak: Keycloak, port: int
) -> None:
    own = f"http://{NAME}:{port}"
    User.objects.create_user(username="admin", password=GOOD, role=Role.ADMIN)
    page = context.new_page()

    # From 127.0.0.1 to Keycloak, and back to the installation's own name.
    sign_in(page, server, "olivia")
    page.wait_for_url(f"{own}/settings/")
    expect(page.get_by_text(OwnSettings.whose("olivia", "operator"))).to_be_visible()
    expect(page.locator("[name=current]")).to_have_count(0)
    sessions = [cookie["domain"] for cookie in context.cookies() if "lakehouse_session" in cookie["name"]]
    assert sessions == [NAME]
    assert role_of("olivia") == "operator"
    assert keycloak.sessions_of("olivia") == 1
    (session,) = UserSession.objects.exclude(user=None)
    assert (session.address, session.browser) == ("127.0.0.1", "Chrome on Linux")

    # Signing out ends the session here and there, without a question, and leads back.
    page.get_by_role("button", name=SignIn.SIGN_OUT, exact=True).click()
    page.wait_for_url(re.compile(rf"^{re.escape(own)}/sign-in/"))
    assert not UserSession.objects.exclude(user=None).exists()
    assert keycloak.sessions_of("olivia") == 0

    # Another group there is another role here, at the next sign-in.
    keycloak.groups_set("olivia", "staff", "lakehouse-admins")
    sign_in(page, server, "olivia", "/people/")
    page.wait_for_url(f"{own}/people/")
    expect(page.get_by_role("row", name=re.compile("olivia.*Admin.*single-sign-on"))).to_be_visible()
    changes = AuditEntry.objects.filter(action="person.change")
    assert [(row.actor_name, row.detail, row.before, row.after) for row in changes] == [
        ("olivia", {"by": "Keycloak"}, {"role": "operator"}, {"role": "admin"})
    ]

    # Without a group nobody gets in.
    keycloak.groups_set("olivia")
    other = context.browser.new_context() if context.browser else context
    refused = other.new_page()
    sign_in(refused, server, "olivia")
    expect(refused.get_by_role("heading", name=SignIn.FAILED)).to_be_visible(timeout=90_000)
    expect(refused.get_by_text("olivia is not in a group of Keycloak with access.")).to_be_visible()
    assert urlsplit(refused.url).path == "/sign-in/sso/callback/"
    row = AuditEntry.objects.latest("at")
    assert (row.action, row.actor_name, row.outcome, row.detail["by"]) == (
        "person.sign-in", "olivia", "refused", "Keycloak",
    )  # fmt: skip
    other.close()


def test_a_person_with_a_password_connects_their_account(
    context: BrowserContext, server: str, keycloak: Keycloak, port: int
) -> None:
    own = f"http://{NAME}:{port}"
    User.objects.create_user(username="victor", password=GOOD, role=Role.OPERATOR)
    page = context.new_page()

    # The name is taken here: the page says what to do.
    sign_in(page, server, "victor")
    expect(page.get_by_text("Your username at Keycloak can't be used here: victor is taken.")).to_be_visible(
        timeout=90_000
    )
    expect(page.get_by_text("sign in with it and connect Keycloak in Settings")).to_be_visible()

    page.get_by_role("link", name=SignIn.BACK).click()
    page.locator("#username").fill("victor")
    page.locator("#password").fill(GOOD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{own}/")
    page.goto(f"{own}/settings/")
    page.locator("#sso_password").fill(GOOD)
    # Keycloak knows the browser from the attempt before, and leads back at once.
    page.get_by_role("button", name=OwnSettings.connect("Keycloak")).click()
    expect(page.locator("#messages")).to_contain_text("as victor", timeout=90_000)
    assert page.url == f"{own}/settings/"
    assert role_of("victor") == "operator"

    other = context.browser.new_context() if context.browser else context
    again = other.new_page()
    sign_in(again, server, "victor")
    again.wait_for_url(f"{own}/settings/", timeout=90_000)
    expect(again.get_by_text(OwnSettings.whose("victor", "viewer"))).to_be_visible()
    assert User.objects.get(username="victor").signs_in_with == ["password", "single-sign-on"]
    other.close()
