"""Pages that lead a browser on to another address: to the provider of single sign-on, or to the own host name.

A redirect would be stopped after a form: the policy of our pages lets forms lead to this origin only.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def leads_on(request: HttpRequest, address: str, *, title: str, button: str) -> HttpResponse:
    """A page that opens an address."""
    page = render(request, "accounts/leads_on.html", {"address": address, "title": title, "button": button})
    page.headers["Refresh"] = f"0; url={address}"
    return page


def sends_on(
    request: HttpRequest,
    address: str,
    fields: Mapping[str, str],
    *,
    template: str,
    anywhere: bool = False,
    **more: object,
) -> HttpResponse:
    """A page with a form that is sent to an address of another origin, by a script or by its button.

    What is in the form's fields stands in no address: in no history, log or Referer.

    Args:
        template: it shows the form with `accounts/_sends_on.html`.
        anywhere: whether the address may redirect to further https addresses, as providers do.
    """
    page = render(request, template, {"address": address, "fields": dict(fields), **more})
    parts = urlsplit(address)
    targets = [f"{parts.scheme}://{parts.netloc}", *(["https:"] if anywhere else [])]
    # Only this page may send a form there, and it shows nothing of anybody else's.
    page._csp_update = {"form-action": targets}  # type: ignore[attr-defined]
    # With the policy of other pages, browsers would say `Origin: null`.
    page.headers["Referrer-Policy"] = "strict-origin"
    return page
