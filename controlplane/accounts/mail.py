"""Mails links to users. Mail is optional: without `EMAIL_URL`, admins deliver links themselves."""

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage

from controlplane.accounts.models import AccountLink, User
from controlplane.web.moments import local
from spark_jobs.certificates import certificate_problem

log = logging.getLogger(__name__)

_SUBJECTS = {
    AccountLink.Kind.INVITATION: "Your invitation to the lakehouse control plane",
    AccountLink.Kind.RESET: "Reset your password for the lakehouse control plane",
}
_FIRST_LINES = {
    AccountLink.Kind.INVITATION: "{by} has invited you. Open this link to choose a password:",
    AccountLink.Kind.RESET: "Open this link to choose a new password. Your current password stays valid until then:",
}


def mail_configured() -> bool:
    """Whether links can be mailed."""
    return bool(settings.EMAIL_URL)


def link_mail(person: User, link: AccountLink, url: str) -> str:
    """Mail a link to the person; gives what went wrong, or nothing."""
    kind = AccountLink.Kind(link.kind)
    expires = local(link.expires_at)
    text = "\n\n".join(
        (
            f"Username: {person.get_username()}",
            _FIRST_LINES[kind].format(by=link.created_by_name),
            url,
            f"The link can be used once and expires at {expires:%Y-%m-%d %H:%M %Z}.",
            "If you did not expect this message, ignore it or inform an admin.",
        )
    )
    try:
        EmailMessage(_SUBJECTS[kind], text, settings.DEFAULT_FROM_EMAIL, [person.email]).send()
    except (OSError, SMTPException) as error:
        # The server's error may repeat the message; the kind of error is enough.
        address = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
        problem = certificate_problem(error, "the mail server", address) or f"{type(error).__name__} from {address}"
        log.warning("a link could not be mailed: %s", problem)
        return problem
    except ValueError as error:
        # Django refuses an address or a header that no message can have.
        log.warning("a link could not be mailed: %s", type(error).__name__)
        return "invalid email address"
    return ""
