"""Two-step verification in a real browser: an authenticator app, then a passkey that signs in alone."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browsing import note_complaints, sign_in
from tests.labels import OwnSettings, SignIn
from tests.stack import Stack
from tests.system.api import ControlPlane
from tests.waiting import wait_for

pytestmark = [pytest.mark.stack, pytest.mark.browser]

PASSWORD = "quartz-lantern-meadow-41"
# What the address bar shows is the last thing that changes.
PATIENCE = 30_000


@dataclass
class Someone:
    """A person of this test's own: the stack's admin is everybody's."""

    name: str
    used: int = 0

    def code(self, secret: str) -> str:
        """A code that was not used yet: of now, or of the next step, which is accepted as well."""
        self.used = max(self.used + 1, int(time.time()) // 30)
        step = self.used
        wait_for(lambda: step - int(time.time()) // 30 <= 1, "the code is accepted", within=60)
        return format_hotp_value(hotp_value(secret, step))


@pytest.fixture
def someone(control_plane: ControlPlane) -> Iterator[Someone]:
    person = Someone(f"two-step-{uuid4().hex[:8]}")
    control_plane.post("/people", {"username": person.name, "password": PASSWORD, "role": "viewer"})
    yield person
    control_plane.http.patch(f"/people/{person.name}", json={"active": False}).raise_for_status()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name=SignIn.SIGN_OUT, exact=True).click()
    page.wait_for_url("**/sign-in/")


def test_an_authenticator_app_and_a_passkey(
    context: BrowserContext, stack: Stack, someone: Someone, complaints: list[str]
) -> None:
    own = stack.credentials["browser_url"]
    page = context.new_page()
    note_complaints(page, complaints)

    sign_in(page, f"{own}/settings/", someone.name, PASSWORD)
    page.wait_for_url(f"{own}/settings/")
    page.get_by_role("link", name=OwnSettings.SET_UP_APP).click()
    picture = page.get_by_role("img", name=OwnSettings.PICTURE)
    assert picture.evaluate("image => image.naturalWidth > 0")
    secret = page.locator(".key-text [data-copy]").get_attribute("data-copy")
    assert secret
    secret = secret.replace(" ", "")
    page.get_by_label(SignIn.CODE, exact=True).fill(someone.code(secret))
    page.keyboard.press("Enter")
    expect(page.locator(".recovery-codes li")).to_have_count(10)
    with page.expect_download() as download:
        page.get_by_role("link", name=OwnSettings.DOWNLOAD).click()
    codes = page.locator(".recovery-codes li").all_inner_texts()
    assert download.value.path().read_text().splitlines()[2:] == codes
    sign_out(page)

    # From the address 127.0.0.1: the second step is under the own name, where the session is.
    sign_in(page, f"{stack.credentials['url']}/settings/", someone.name, PASSWORD)
    page.wait_for_url(f"{own}/sign-in/second-factor/*")
    assert [
        cookie["domain"] for cookie in context.cookies(stack.credentials["url"]) if "session" in cookie["name"]
    ] == []
    page.goto(f"{own}/settings/")
    assert page.url.startswith(f"{own}/sign-in/?next=")
    page.goto(f"{own}/sign-in/second-factor/?next=/settings/")
    page.get_by_label(SignIn.CODE, exact=True).fill(someone.code(secret))
    page.keyboard.press("Enter")
    page.wait_for_url(f"{own}/settings/")

    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    device = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    authenticator = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": device})["authenticatorId"]
    page.get_by_role("link", name=OwnSettings.ADD_PASSKEY).click()
    page.get_by_label(OwnSettings.PASSKEY_NAME, exact=True).fill("test laptop")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{own}/settings/second-factors/")
    expect(page.locator("#messages")).to_contain_text("test laptop")
    (kept,) = devtools.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]
    assert (kept["isResidentCredential"], kept["rpId"]) == (True, own.split("/")[2].partition(":")[0])
    sign_out(page)

    page.get_by_role("button", name=SignIn.BY_PASSKEY).click()
    page.wait_for_url(f"{own}/")
    page.goto(f"{own}/settings/")
    expect(page.locator(".person")).to_contain_text(someone.name)
    row = page.locator(".list-group-item").filter(has_text="test laptop")
    expect(row).to_contain_text(OwnSettings.LAST_USED)
    expect(row).not_to_contain_text(OwnSettings.NEVER)

    # A device that does not verify its person is refused by the browser, and the page says so.
    sign_out(page)
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    page.get_by_role("button", name=SignIn.BY_PASSKEY).click()
    expect(page.locator("[data-passkey-error]")).to_contain_text(SignIn.NO_PASSKEY)
    assert complaints == []
