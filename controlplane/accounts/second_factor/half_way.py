"""Between the password and the second factor: who has entered the correct password in this browser, and until when.

The state is in the browser's session, which nobody has signed in to: it grants nothing. It ends after five minutes,
when the password changes, when the person is deactivated, and when the last second factor is removed or reset.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from controlplane.accounts.models import User
from controlplane.accounts.second_factor.factors import has_second_factor

HALF_WAY = "half_way"
HALF_WAY_FOR = timedelta(minutes=5)


def is_half_way(session: Any) -> bool:
    """Whether a session holds a sign-in that waits for its second factor."""
    return HALF_WAY in session and SESSION_KEY not in session


def half_way_begin(
    request: HttpRequest,
    person: User,
    *,
    kept: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Remember that the password was right, or that the provider of single sign-on has said who it is.

    Args:
        kept: what the session holds once it has begun.
        detail: what the audit keeps of how it has begun.
    """
    # A key that was known before the password was right must not be the key of what follows.
    request.session.cycle_key()
    request.session[HALF_WAY] = {
        "person": person.pk,
        "password": person.get_session_auth_hash(),
        "until": (timezone.now() + HALF_WAY_FOR).timestamp(),
        "kept": dict(kept or {}),
        "detail": dict(detail or {}),
    }


def half_way_end(request: HttpRequest) -> dict[str, Any]:
    """Delete the state and return it."""
    state: dict[str, Any] = request.session.pop(HALF_WAY, None) or {}
    return state


def person_half_way(request: HttpRequest) -> User | None:
    """Whose second factor is awaited in this browser; None after five minutes and when the person has changed since."""
    state = request.session.get(HALF_WAY)
    if not state or not is_half_way(request.session) or state["until"] <= timezone.now().timestamp():
        return None
    person = User.objects.filter(pk=state["person"], is_active=True).first()
    if person is None or not constant_time_compare(state["password"], person.get_session_auth_hash()):
        return None
    return person if has_second_factor(person) else None
