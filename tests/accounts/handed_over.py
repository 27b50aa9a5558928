"""Signing in under another name than the own one: the form that hands the session over, and sending it."""

from typing import Any

from django.test import Client

from tests.pages import Page

OWN, LOOPBACK = "lakehouse-q3x7k2ab.localhost:8000", "127.0.0.1:8000"


def form_of(answer: Any) -> dict[str, str]:
    """The fields of the form that is sent to the own name."""
    (action,) = Page.of(answer).actions
    assert (action.method, action.url) == ("post", f"http://{OWN}/session/")
    # A script sends it at once.
    assert action.form.get("data-leads-on") is not None
    # It may be sent there, and browsers say from where.
    assert f"form-action 'self' http://{OWN};" in f"{answer.headers['Content-Security-Policy']};"
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    return action.fields


def go_on(home: Client, form: dict[str, str], origin: str | None = f"http://{LOOPBACK}") -> Any:
    """Send the form, as a browser does that is at `origin`."""
    return home.post("/session/", form, headers={"origin": origin} if origin is not None else {})
