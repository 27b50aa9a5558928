"""A person is invited, opens the link on a phone, chooses a password and is signed in; the link is in no log."""

import re
from pathlib import Path

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from playwright.sync_api import Browser, expect
from pytest_django.fixtures import Settings

from controlplane.accounts.models import AccountLink, User
from controlplane.accounts.roles import Role
from tests.accounts.clients import GOOD, RIGHT
from tests.accounts.serving import web_server
from tests.browsing import in_a_browser
from tests.labels import OwnSettings, People, SignIn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
PHONE = {"width": 390, "height": 844}


def test_a_person_is_invited_and_signs_in_on_a_phone(settings: Settings, tmp_path: Path) -> None:
    settings.PASSWORD_HASHERS = [f"{PBKDF2PasswordHasher.__module__}.{PBKDF2PasswordHasher.__qualname__}"]
    User.objects.create_user(username="admin", password=RIGHT, role=Role.ADMIN)
    with web_server(tmp_path) as address:
        code = in_a_browser(lambda browser: _invited(browser, address))
    log = (tmp_path / "log").read_text()
    assert "person.use-link grace: succeeded" in log
    assert "POST /account-link/: 302" in log
    assert code not in log
    assert AccountLink.objects.get().state == "used"


def _invited(browser: Browser, address: str) -> str:
    """Invite Grace and let her accept on a phone; gives the code of her link."""
    admin = browser.new_page(viewport=PHONE)
    admin.goto(f"{address}/people/add/")
    admin.get_by_label(SignIn.NAME).fill("admin")
    admin.get_by_label(SignIn.PASSWORD).fill(RIGHT)
    admin.get_by_role("button", name=SignIn.SIGN_IN).click()
    admin.get_by_label(People.USERNAME).fill("grace")
    admin.locator("input[name=role][value=operator]").check()
    admin.get_by_role("button", name=People.INVITE).click()
    link = str(admin.locator("[data-copy]").get_attribute("data-copy"))
    code = link.partition("#")[2]
    assert re.fullmatch(rf"{address}/account-link/#[\w-]{{43}}", link)

    grace = browser.new_page(viewport=PHONE)
    sent: list[str] = []
    grace.on("request", lambda request: sent.append(request.url.partition("#")[0] + str(request.headers)))
    grace.goto(link)
    expect(grace.get_by_role("heading")).to_contain_text("grace")
    assert grace.url == f"{address}/account-link/"
    assert grace.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    password = grace.get_by_label(SignIn.PASSWORD)
    expect(password).to_be_focused()
    password.fill("too short")
    password.press("Enter")
    expect(grace.locator("#password-error")).to_contain_text(SignIn.SHORT)
    grace.get_by_label(SignIn.PASSWORD).fill(GOOD)
    grace.get_by_role("button", name=SignIn.SAVE_PASSWORD).click()
    expect(grace).to_have_url(f"{address}/")
    grace.goto(f"{address}/settings/")
    expect(grace.locator(".page-subtitle")).to_have_text(OwnSettings.whose("grace", "operator"))
    # No address and no header that the browser has sent holds the code.
    assert len(sent) > 4
    assert not [one for one in sent if code in one]

    late = browser.new_page(viewport=PHONE)
    late.goto(link)
    expect(late.locator("#error")).to_contain_text(SignIn.NO_LINK)
    # A link that is opened in the same tab is looked at too.
    late.goto(f"{address}/account-link/#another")
    expect(late).to_have_url(f"{address}/account-link/")
    expect(late.locator("#error")).to_contain_text(SignIn.NO_LINK)
    return code
