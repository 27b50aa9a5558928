"""Sessions live under one host name: the one of PUBLIC_URL.

Cookies ignore ports, so a cookie for 127.0.0.1 reaches every program that any account of the machine starts on another
port. `make up` therefore draws a name of the installation's own, `lakehouse-….localhost`, which only people who have
signed in learn. Under any other name people find a sign-in form and nothing else: who signs in there is handed over to
the own name by a code that works once, within a minute, and no session cookie is set. A second factor is verified under
the own name only: until then, what is handed over is the half of a sign-in (second_factor/half_way.py).
"""

import hashlib
import secrets
from datetime import timedelta
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from controlplane.accounts.second_factor.half_way import is_half_way

CODE_SECONDS = 60
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Programs ask for these under any name, with a credential of their own.
WITHOUT_SESSIONS = ("/api/", "/metrics")
_FOR_SESSION = "handed_over_session"


def hands_over() -> bool:
    """Whether the application has a name that is not told to strangers."""
    return (urlsplit(settings.PUBLIC_URL).hostname or "").endswith(".localhost")


def at_home(host: str, scheme: str) -> bool:
    """Whether sessions hold under this `Host` and scheme.

    An installation without a name of its own has them under all of its names. Where PUBLIC_URL is https, plain http
    carries no session, not even with a cookie that was copied.
    """
    public = urlsplit(settings.PUBLIC_URL)
    if public.scheme == "https" and scheme != "https":
        return False
    return public.hostname in LOOPBACK or host == public.netloc


def is_at_home(request: HttpRequest) -> bool:
    """`at_home` of this request."""
    return at_home(request.get_host(), request.scheme or "http")


def is_at_public_url(request: HttpRequest) -> bool:
    """Whether the request came to the host and port of PUBLIC_URL."""
    return request.get_host() == urlsplit(settings.PUBLIC_URL).netloc


def is_sent_by_us(request: HttpRequest) -> bool:
    """Whether a form was sent by a page of this application, under one of its names.

    Browsers always say the origin of a form that is sent with POST. The port counts: another port of the same host may
    be another account's program.
    """
    public, origin = urlsplit(settings.PUBLIC_URL), urlsplit(request.headers.get("Origin", ""))
    host, port = split_domain_port(origin.netloc)
    usual = {"http": "80", "https": "443"}.get(public.scheme, "")
    same = (origin.scheme, port or usual) == (public.scheme, str(public.port or usual))
    names = [name for name in settings.ALLOWED_HOSTS if name != "*"]
    return same and bool(host) and validate_host(host, names)


class OwnNameMiddleware(MiddlewareMixin):
    """Nobody is signed in under another name than that of PUBLIC_URL.

    A name that is no secret (one that a person has set) is redirected to; to our own one leads only a sign-in.
    """

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        """A redirect to the installation's own host name, or None."""
        if is_at_home(request):
            return None
        elsewhere = request.get_host() != urlsplit(settings.PUBLIC_URL).netloc
        if elsewhere and not hands_over() and not request.path.startswith(WITHOUT_SESSIONS):
            return HttpResponseRedirect(settings.PUBLIC_URL.rstrip("/") + request.get_full_path())
        if _has_person(request.session):
            request.session = _store()
            request.user = AnonymousUser()
        return None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The response, without a session for other host names than the installation's own."""
        session = getattr(request, "session", None)
        if session is None or not _has_person(session) or is_at_home(request):
            return response
        session.save()
        # An empty session sets no cookie, and takes away the one that a form may have needed.
        request.session = _store()
        wanted = response.headers.get("Location", "/")
        return _leads_home(request, code_for(session.session_key), wanted, half_way=is_half_way(session))


def code_for(session_key: str) -> str:
    """A code by which a browser takes the session over: random, kept as a hash, for a minute."""
    code = secrets.token_urlsafe(32)
    # A row beside the sessions, which opens nothing by itself and goes away with them.
    ticket = _store(_digest(code)).create_model_instance({_FOR_SESSION: session_key})
    ticket.expire_date = timezone.now() + timedelta(seconds=CODE_SECONDS)
    ticket.save(force_insert=True)
    return code


def take_over(request: HttpRequest, code: str) -> bool:
    """Give the browser the session that the code stands for. False when it has expired or has been used."""
    tickets = _store().get_model_class().objects.filter(session_key=_digest(code), expire_date__gt=timezone.now())
    ticket = tickets.first()
    # Of two that come at once, the one that deletes the row has it.
    if ticket is None or not tickets.delete()[0]:
        return False
    session = _store(ticket.get_decoded().get(_FOR_SESSION))
    if not _has_person(session):
        return False
    session.modified = True
    request.session = session
    return True


def _has_person(session: Any) -> bool:
    """Whether somebody has signed in with this session, or has given the right password for it."""
    return SESSION_KEY in session or is_half_way(session)


def _leads_home(request: HttpRequest, code: str, wanted: str, *, half_way: bool) -> HttpResponse:
    """A page that sends the code on. That forms may be sent to the own name is in the policy of this page alone, which
    only people who have signed in see."""
    from controlplane.accounts.views.leading_on import sends_on

    address = f"{settings.PUBLIC_URL.rstrip('/')}{reverse('accounts:session')}"
    name, fields = urlsplit(settings.PUBLIC_URL).netloc, {"code": code, "next": wanted}
    return sends_on(request, address, fields, template="accounts/own_name.html", name=name, half_way=half_way)


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()[:40]


def _store(key: str | None = None) -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore(key)
