"""Requests that are rejected before a service acts: invalid tokens, forms of other sites, pages of another role.

Each is a line of the log, with the name of the person where one is known. Attempts to get round the protection are
rows of the audit too: at the first of a window from one address and then at every tenfold number, so that an attacker
is seen with the size of the attack and can't fill the audit.
"""

import logging
from typing import Any

from django.http import HttpRequest

from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.accounts.requests import client_address
from controlplane.accounts.throttle import counted, is_audited

SEND_FORM, USE_TOKEN = "form.send", "token.use"

log = logging.getLogger(__name__)


def person_if_known(request: HttpRequest) -> User | None:
    """The user of the request; None if not signed in."""
    user = getattr(request, "user", None)
    return user if isinstance(user, User) else None


def refusal_logged(request: HttpRequest, reason: str) -> None:
    """Write the log line of a rejected request."""
    person = person_if_known(request)
    named = {"actor": person.get_username() if person else "nobody", "address": client_address(request)}
    log.warning("refused %s %s: %s", request.method, request.path, reason, extra=named)


def refusal_audited(request: HttpRequest, *, kind: str, action: str, target: str, reason: str, **detail: Any) -> None:
    """Write the audit row of a refused request, if it is one of the bounded number that get one.

    Args:
        kind: what is counted together, by address.
    """
    refused = counted(kind, client_address(request))
    if not is_audited(refused):
        return
    person = person_if_known(request)
    audit_append(
        actor=person,
        actor_name="" if person else "nobody",
        action=action,
        target=target,
        outcome=AuditEntry.Outcome.REFUSED,
        detail={**detail, "reason": reason, "refused_attempts": refused},
    )


def form_refused(request: HttpRequest, reason: str) -> None:
    """A form, or a request of a script, without the right CSRF token or from another origin."""
    refusal_logged(request, reason)
    refusal_audited(request, kind="forms-refused", action=SEND_FORM, target=request.path, reason=reason)


def token_refused(request: HttpRequest, token: ApiToken | None) -> None:
    """A bearer token that is not valid; None for one that never was."""
    reason = "the token does not exist" if token is None else _why(token)
    refusal_logged(request, f"token rejected: {reason}")
    target = "a token that does not exist" if token is None else str(token)
    owner = {} if token is None else {"owner": token.owner.get_username()}
    refusal_audited(request, kind="tokens-refused", action=USE_TOKEN, target=target, reason=reason, **owner)


def _why(token: ApiToken) -> str:
    if token.state != "valid":
        return f"it is {token.state}"
    return "its owner is deactivated" if not token.owner.is_active else "its service account has no active owner"
