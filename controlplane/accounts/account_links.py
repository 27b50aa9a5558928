"""The rows of the links with which users choose a password: created, found and revoked here, without an audit row.

A link is the URL of the page `account-link/` with a code after `#`. Browsers do not send the fragment: it is in no
request line, no proxy's access log and no `Referer`. The page sends it in the body of a form.
The code has 256 random bits, so a plain hash of it is enough.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from controlplane.accounts.models import AccountLink, User

RESET_HOURS = 24
# How long pages list closed links.
KEPT = timedelta(days=90)


def link_issue(person: User, kind: AccountLink.Kind, *, by: User | None, by_name: str) -> tuple[AccountLink, str]:
    """A new link of the user, and its URL, which is not stored. It revokes the user's older links."""
    links_revoke(person)
    now, code = timezone.now(), secrets.token_urlsafe(32)
    lasts = timedelta(hours=RESET_HOURS)
    if kind == AccountLink.Kind.INVITATION:
        lasts = timedelta(days=settings.INVITATION_DAYS)
    link = AccountLink.objects.create(
        kind=kind,
        person=person,
        digest=link_digest(code),
        created_at=now,
        created_by=by,
        created_by_name=by_name,
        expires_at=now + lasts,
    )
    return link, f"{settings.PUBLIC_URL.rstrip('/')}{reverse('accounts:account-link')}#{code}"


def link_digest(code: str) -> str:
    """The stored digest of a code."""
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()


def open_links() -> QuerySet[AccountLink]:
    """The links that can be used now: each once, in time, by a person who is active.

    An invitation ends when the user has signed in by other means: it must not set a password after that.
    """
    never_in = Q(person__last_login=None) | Q(kind=AccountLink.Kind.RESET)
    return AccountLink.objects.select_related("person").filter(
        never_in, used_at=None, revoked_at=None, expires_at__gt=timezone.now(), person__is_active=True
    )


def link_find(code: str) -> AccountLink | None:
    """The open link that this code belongs to."""
    return open_links().filter(digest=link_digest(code.strip())).first()


def links_revoke(person: User) -> int:
    """Revoke the user's links; returns how many were open."""
    now = timezone.now()
    unused = AccountLink.objects.filter(person=person, used_at=None, revoked_at=None)
    open_ones = unused.filter(expires_at__gt=now).count()
    unused.update(revoked_at=now)
    return open_ones


def links_purge(now: datetime) -> None:
    """Delete links that expired long ago."""
    AccountLink.objects.filter(expires_at__lte=now - KEPT).delete()
