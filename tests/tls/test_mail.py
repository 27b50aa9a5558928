"""Mail over TLS: STARTTLS and TLS from the first byte, with an authority of one's own."""

import pytest
from pytest_django.fixtures import Settings

from controlplane.accounts.invitations import MadeLink, person_invite
from controlplane.accounts.roles import Role
from controlplane.accounts.services import command_line
from controlplane.settings import EMAIL_BACKEND, _mail
from tests.tls.authority import GOOD, REFUSED, UNKNOWN, Authority, problem
from tests.tls.mail_server import mail_server

pytestmark = pytest.mark.django_db
SCHEMES = ("smtp+tls", "smtps")


def invited(settings: Settings, scheme: str, port: int) -> MadeLink:
    """An invitation that was mailed with this server, or not."""
    url = f"{scheme}://lakehouse:secret@localhost:{port}"
    settings.EMAIL_URL, settings.EMAIL_BACKEND = url, EMAIL_BACKEND
    for name, value in _mail(url).items():
        setattr(settings, name, value)
    # A busy machine needs longer for a handshake than a page waits.
    settings.EMAIL_TIMEOUT = 60
    return person_invite(actor=command_line("tests"), username="grace", role=Role.VIEWER, email="grace@example.org")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_mail_reaches_a_trusted_server_encrypted(scheme: str, settings: Settings, trusted: Authority) -> None:
    with mail_server(trusted.context(GOOD), implicit=scheme == "smtps") as server:
        made = invited(settings, scheme, server.port)
    assert (made.mailed_to, made.mail_problem) == ("grace@example.org", "")
    assert server.passwords == [(True, "secret")]
    ((encrypted, message),) = server.messages
    assert (encrypted, made.url in message) == (True, True)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("case", REFUSED)
def test_a_server_with_a_wrong_certificate_gets_nothing(
    case: str, scheme: str, settings: Settings, trusted: Authority
) -> None:
    with mail_server(trusted.context(case), implicit=scheme == "smtps") as server:
        made = invited(settings, scheme, server.port)
    assert (made.mailed_to, server.messages, server.passwords) == ("", [], [])
    assert made.mail_problem == problem(case, "the mail server", f"localhost:{server.port}")


def test_without_the_setting_the_authority_is_unknown(settings: Settings, authority: Authority) -> None:
    with mail_server(authority.context(GOOD)) as server:
        made = invited(settings, "smtp+tls", server.port)
    assert (server.messages, made.mail_problem) == (
        [],
        problem(UNKNOWN, "the mail server", f"localhost:{server.port}"),
    )


def test_a_server_without_starttls_gets_nothing(settings: Settings, trusted: Authority) -> None:
    with mail_server(trusted.context(GOOD), offers_starttls=False) as server:
        made = invited(settings, "smtp+tls", server.port)
    assert (server.messages, server.passwords) == ([], [])
    assert made.mail_problem == f"SMTPNotSupportedError from localhost:{server.port}"
