"""Signing in at a provider, as a browser does it."""

from typing import Any

from django.test import Client

from tests.accounts.oidc_provider import Provider
from tests.pages import Visitor

HOME = "lakehouse-q3x7k2ab.localhost:8000"


def browser_at_home() -> Visitor:
    """A browser that asks under the installation's own name."""
    return Visitor(headers={"host": HOME, "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0"})


def begin(browser: Client, wanted: str = "/activity/") -> str:
    """Where the button leads: the provider."""
    return leads_to(browser.post("/sign-in/sso/", {"next": wanted}))


def leads_to(answer: Any) -> str:
    """The address that a page leads on to."""
    assert answer.status_code == 200, answer.content
    return str(answer.headers["Refresh"]).removeprefix("0; url=")


def sign_in(browser: Client, provider: Provider, wanted: str = "/activity/") -> Any:
    """A sign-in at the provider, and the answer of the application to it."""
    return browser.get("/sign-in/sso/callback/", provider.grant(begin(browser, wanted)))
