"""Who a request comes from: what a proxy says counts only where it is configured, and is always an address."""

import asyncio
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler

from compose.local.credentials import draw_secrets, environment
from compose.local.parts.controlplane import parts
from compose.local.settings import load
from controlplane import settings
from controlplane.accounts.models import AuditEntry
from controlplane.accounts.throttle import ATTEMPTS_BY_ADDRESS
from controlplane.web.proxies import ForwardedHeaders

PROXY = "10.0.0.5"


def resolved(peer: str, headers: dict[str, str], proxies: list[str]) -> dict[str, Any]:
    """The request as it arrives behind: its client, scheme and the names of its headers."""
    seen: dict[str, Any] = {}

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        seen.update(
            client=scope["client"] and scope["client"][0],
            scheme=scope["scheme"],
            headers=[name.decode() for name, _ in scope["headers"]],
        )

    scope = {
        "type": "http",
        "scheme": "http",
        "client": (peer, 1234) if peer else None,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(ForwardedHeaders(behind, proxies=proxies)(scope, None, None))
    return seen


FORWARDED = {
    "host": "lake.example",
    "x-forwarded-for": "198.51.100.7",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "evil.example",
    "forwarded": "for=198.51.100.8",
    "x-real-ip": "198.51.100.9",
}


@pytest.mark.parametrize(
    ("peer", "proxies", "client", "scheme"),
    [
        ("127.0.0.1", [], "127.0.0.1", "http"),
        ("10.0.0.6", [PROXY], "10.0.0.6", "http"),
        (PROXY, [PROXY], "198.51.100.7", "https"),
        (PROXY, ["10.0.0.0/24"], "198.51.100.7", "https"),
        (f"::ffff:{PROXY}", [PROXY], "198.51.100.7", "https"),
        ("::ffff:192.0.2.1", [], "192.0.2.1", "http"),
        ("fe80::1%eth0", [], "fe80::1", "http"),
        ("2001:db8::1", ["2001:db8::/64"], "198.51.100.7", "https"),
        ("", [PROXY], None, "http"),
    ],
)
def test_a_proxy_is_believed_where_it_is_configured(peer: str, proxies: list[str], client: str, scheme: str) -> None:
    assert resolved(peer, FORWARDED, proxies) == {"client": client, "scheme": scheme, "headers": ["host"]}


@pytest.mark.parametrize(
    ("said", "client"),
    [
        # What the browser claims stands before what the proxy saw.
        ("203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7, 10.0.0.5", "198.51.100.7"),
        ("198.51.100.7:4711", "198.51.100.7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("<b>me</b>", PROXY),
        ("unknown", PROXY),
        ("", PROXY),
        ("a" * 5000, PROXY),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxys(said: str, client: str) -> None:
    assert resolved(PROXY, {"x-forwarded-for": said}, [PROXY])["client"] == client


def sign_in(forwarded: str, proxies: list[str]) -> int:
    """A failed attempt to sign in over the whole application, from a peer that is 127.0.0.1."""
    body = b"username=nobody-here&password=wrong&csrfmiddlewaretoken=" + b"a" * 32
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/sign-in/", "raw_path": b"/sign-in/",
        "query_string": b"", "root_path": "", "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
        "headers": [
            (b"host", b"127.0.0.1"), (b"content-type", b"application/x-www-form-urlencoded"),
            (b"cookie", settings.CSRF_COOKIE_NAME.encode() + b"=" + b"a" * 32),
            (b"x-forwarded-for", forwarded.encode()),
        ],
    }  # fmt: skip
    statuses: list[int] = []

    async def exchange() -> None:
        answered, sent = asyncio.Event(), False

        async def receive() -> dict[str, Any]:
            nonlocal sent
            if not sent:
                sent = True
                return {"type": "http.request", "body": body}
            await answered.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            elif not message.get("more_body"):
                answered.set()

        await ForwardedHeaders(ASGIHandler(), proxies=proxies)(scope, receive, send)

    asyncio.run(exchange())
    return statuses[0]


@pytest.mark.django_db(transaction=True)
def test_rotating_addresses_do_not_get_round_the_throttle_or_into_the_audit() -> None:
    answers = [sign_in(f"203.0.113.{number}", []) for number in range(6)]
    assert answers == [401] * 5 + [429]
    assert sign_in("<script>alert(1)</script>", []) == 429
    assert {entry.address for entry in AuditEntry.objects.all()} == {"127.0.0.1"}


@pytest.mark.django_db(transaction=True)
def test_behind_a_configured_proxy_each_client_counts_for_itself() -> None:
    answers = [sign_in(f"203.0.113.{number}", ["127.0.0.1"]) for number in range(6)]
    assert answers == [401] * 6
    assert len({entry.address for entry in AuditEntry.objects.all()}) == 6 < ATTEMPTS_BY_ADDRESS


def test_uvicorn_itself_believes_nobody() -> None:
    # Its own default believes any program on this machine.
    installation = load({"LAKEHOUSE_DATA": "/nowhere"})
    variables = environment(installation, draw_secrets())
    web = next(part for part in parts(installation, variables) if part.name == "web")
    assert "--no-proxy-headers" in web.command
    assert "SECURE_PROXY_SSL_HEADER" not in vars(settings)


def test_a_proxy_that_is_no_address_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.5, 10.1.0.0/24,2001:db8::/64,")
    assert settings._networks("TRUSTED_PROXIES") == ["10.0.0.5/32", "10.1.0.0/24", "2001:db8::/64"]
    for wrong in ("proxy.example", "10.0.0.1/24", "*"):
        monkeypatch.setenv("TRUSTED_PROXIES", wrong)
        with pytest.raises(ImproperlyConfigured, match="TRUSTED_PROXIES"):
            settings._networks("TRUSTED_PROXIES")
