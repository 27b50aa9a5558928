"""What an identity of the provider means here: signing in, connecting it to a person, disconnecting it.

The role follows the provider at every sign-in. The last active admin is not demoted by that: the sign-in is refused, so
that nobody gets in with rights that the provider does not give, and somebody can still manage people. It is the rule
of `services.person_change`, and the remedy is the same: make another person admin first.
"""

from datetime import timedelta
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from controlplane.accounts import refusals
from controlplane.accounts.account_links import links_revoke
from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.names import name_checked, normalised
from controlplane.accounts.refusals import person_if_known
from controlplane.accounts.requests import client_address
from controlplane.accounts.roles import Role
from controlplane.accounts.second_factor.factors import BY_PROVIDER, has_second_factor, second_factor_required
from controlplane.accounts.second_factor.half_way import half_way_begin
from controlplane.accounts.second_factor.services import verified
from controlplane.accounts.services import audited, keep_an_admin, signed_out, standing
from controlplane.accounts.sessions import HOW, SIGN_OUT_HINT
from controlplane.accounts.signing_in import session_begin
from controlplane.accounts.single_sign_on.configuration import EVERYONE, SingleSignOn
from controlplane.accounts.single_sign_on.errors import (
    SignOnExpiredError,
    SignOnRefusedError,
    TooManyBeginningsError,
)
from controlplane.accounts.single_sign_on.id_token import LEEWAY_SECONDS
from controlplane.accounts.single_sign_on.identity import Identity, states_second_factor
from controlplane.accounts.throttle import WINDOW, counted
from controlplane.errors import ActionError, InvalidInputError, NotFoundError

SIGN_IN, CONNECT, DISCONNECT = "person.sign-in", "person.connect-sso", "person.disconnect-sso"
# A session keeps it in the database, and sends it to the provider at sign-out.
LONGEST_HINT = 4096
# An account that was refused can be connected by an admin for so long; a page lists so many.
CONNECTABLE, LISTED = timedelta(days=7), 5
# Beginnings of a sign-in per address and window: each keeps a session of nobody for a while.
BEGINNINGS_BY_ADDRESS = 120


def sign_in(request: HttpRequest, configured: SingleSignOn, identity: Identity) -> bool:
    """Begin a session for the person of this identity, who is added at the first sign-in.

    Where REQUIRE_SECOND_FACTOR asks for a second factor and the provider states none, the person's own one is asked
    for; who has none is led to its setup by the session.

    Returns:
        Whether the session has begun; False when the second factor is still awaited.

    Raises:
        SignOnRefusedError: the groups give no role, the name can't be used, the person is deactivated, or is the only
            admin and would no longer be one. It is audited.
    """
    account = _account_of(identity)
    person = account.user if account is not None else None
    said: dict[str, Any] = {"by": configured.name, "issuer": identity.issuer}
    said |= {"subject": identity.subject, "username": identity.username, **identity.how}
    try:
        role = _role_of(configured, identity)
        if person is None:
            person = _added(configured, identity, role)
        else:
            _updated(configured, person, role)
    except ActionError as error:
        # The provider vouches for the name, unlike one that somebody types.
        name = normalised(identity.username)
        _audited(SIGN_IN, person, AuditEntry.Outcome.REFUSED, target=name, **said, reason=str(error))
        error.audited = True
        raise
    kept = {
        SIGN_OUT_HINT: identity.id_token if len(identity.id_token) <= LONGEST_HINT else "",
        HOW: identity.how,
        BY_PROVIDER: states_second_factor(configured, identity),
    }
    if second_factor_required(person, kept) and has_second_factor(person):
        half_way_begin(request, person, kept=kept, detail=said)
        return False
    session_begin(request, person, kept=kept, **said)
    return True


def verify(request: HttpRequest, configured: SingleSignOn, identity: Identity, *, person_id: int, began: float) -> None:
    """Note that the person of this session has signed in at the provider once more.

    Args:
        person_id: who has begun this.
        began: when, in seconds since 1970.

    Raises:
        SignOnExpiredError: the person has signed out meanwhile.
        SignOnRefusedError: it was another account of the provider, or an earlier sign-in there.
    """
    person = person_if_known(request)
    if person is None or person.pk != person_id:
        raise SignOnExpiredError
    account, at = _account_of(identity), identity.authenticated_at
    if account is None or account.user_id != person.pk:
        raise SignOnRefusedError(
            f"{identity.username or 'This account'} at {configured.name} is not the account of {person.username}.",
            f"Sign out at {configured.name}, and verify with the account of {person.username}.",
        )
    if at is None or at < began - LEEWAY_SECONDS:
        raise SignOnRefusedError(
            f"{configured.name} does not confirm that you have just signed in.",
            "Use another way to verify, or sign out here and sign in again.",
        )
    verified(request, person, "single sign-on", **identity.how)


def _account_of(identity: Identity) -> SocialAccount | None:
    accounts = SocialAccount.objects.select_related("user")
    return accounts.filter(provider=identity.issuer, uid=identity.subject).first()


def _role_of(configured: SingleSignOn, identity: Identity) -> Role:
    role = configured.role_for(identity.groups)
    if role is None:
        raise SignOnRefusedError(
            f"{identity.username or 'This account'} is not in a group of {configured.name} with access.",
            "Ask the administrators of the groups for access, then sign in again.",
        )
    return role


def _added(configured: SingleSignOn, identity: Identity, role: Role) -> User:
    """A new person of this identity, without a password."""
    if not identity.username:
        raise SignOnRefusedError(
            f"{configured.name} returned no username.", "Ask an admin to add the scope profile to OIDC_SCOPES."
        )
    try:
        person = User(username=name_checked(identity.username), role=role)
    except InvalidInputError as error:
        # The field's name is for forms.
        reason = error.message.removeprefix("username: ")
        by_password = f"If you have a password here, sign in with it and connect {configured.name} in Settings. "
        raise SignOnRefusedError(
            f"Your username at {configured.name} can't be used here: {reason}",
            (by_password if settings.PASSWORD_SIGN_IN == EVERYONE else "")
            + "An admin can connect this account with your user on the page Users.",
        ) from error
    person.set_unusable_password()
    try:
        with transaction.atomic():
            person.save(force_insert=True)
            SocialAccount.objects.create(
                user=person,
                provider=identity.issuer,
                uid=identity.subject,
                extra_data={"username": identity.username},
            )
    except IntegrityError:
        raise SignOnRefusedError(f"{person.username} was just added by another request.", "Sign in again.") from None
    added = {"username": person.username, **standing(person)}
    _audited("person.create", person, AuditEntry.Outcome.SUCCEEDED, after=added, by=configured.name)
    return person


def _updated(configured: SingleSignOn, person: User, role: Role) -> None:
    """Refuse a deactivated person, and give others the role that the provider says."""
    if not person.is_active:
        raise SignOnRefusedError(f"{person.username} is deactivated.", "Ask an admin to activate the account.")
    with transaction.atomic():
        before = keep_an_admin(person, stays_admin=role == Role.ADMIN)["role"]
        if before == role:
            return
        User.objects.filter(pk=person.pk).update(role=role)
        person.role = role
        links_revoke(person)
    was, now = {"role": before}, {"role": role.value}
    _audited("person.change", person, AuditEntry.Outcome.SUCCEEDED, before=was, after=now, by=configured.name)


def _audited(
    action: str,
    person: User | None,
    outcome: AuditEntry.Outcome,
    *,
    target: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    **detail: object,
) -> None:
    """Write an audit row about what a person did, or somebody who is nobody here yet."""
    name = person.get_username() if person else ""
    audit_append(
        actor=person,
        actor_name=name or "nobody",
        action=action,
        target=name or target or "somebody",
        outcome=outcome,
        detail={key: value for key, value in detail.items() if value},
        before=before,
        after=after,
    )


def beginning_counted(request: HttpRequest) -> None:
    """Count the beginning of a sign-in at this address.

    Raises:
        TooManyBeginningsError: there were too many in this window.
    """
    if counted("sso-begins", client_address(request)) > BEGINNINGS_BY_ADDRESS:
        raise TooManyBeginningsError(minutes=int(WINDOW.total_seconds() // 60))


def sign_in_refused(request: HttpRequest, configured: SingleSignOn, error: ActionError) -> None:
    """Write the audit row of a sign-in that failed before it was known who it is. Their number is bounded."""
    if error.audited:
        return
    person = person_if_known(request)
    target, by = person.get_username() if person else "somebody", configured.name
    refusals.refusal_audited(request, kind="sso-refused", action=SIGN_IN, target=target, reason=str(error), by=by)


def connect(request: HttpRequest, configured: SingleSignOn, identity: Identity, *, person_id: int) -> None:
    """Connect the identity to the person who has begun this in Settings, with their password.

    Raises:
        SignOnExpiredError: the person has signed out meanwhile.
        ActionError: the identity or the person is connected already, or the identity may not sign in.
    """
    person = request.user
    if not isinstance(person, User) or person.pk != person_id:
        raise SignOnExpiredError
    with audited(actor=person, action=CONNECT, target=person.get_username(), role=Role.VIEWER) as act:
        named = {"issuer": identity.issuer, "subject": identity.subject, "username": identity.username}
        role = _role_of(configured, identity)
        _connected(person, **named)
        act.changed(None, named)
        act.detail["role_at_next_sign_in"] = role.value


@transaction.atomic
def _connected(person: User, *, issuer: str, subject: str, username: str) -> None:
    # The person's row is the lock: of two connections at once the second one is refused.
    User.objects.select_for_update().get(pk=person.pk)
    if SocialAccount.objects.filter(user=person).exists():
        raise ActionError(
            f"{person.username} is already connected with single sign-on.",
            "An admin must first disconnect the account on the page Users.",
        )
    try:
        with transaction.atomic():
            SocialAccount.objects.create(user=person, provider=issuer, uid=subject, extra_data={"username": username})
    except IntegrityError:
        raise ActionError(
            f"{username or subject} at {issuer} is connected with another user.",
            "Sign in with it, or ask an admin to disconnect it from that user.",
        ) from None


def refused_identities() -> list[AuditEntry]:
    """The audit rows of accounts that nobody here has and that were refused lately, the newest of each first."""
    since = timezone.now() - CONNECTABLE
    rows = AuditEntry.objects.filter(action=SIGN_IN, outcome=AuditEntry.Outcome.REFUSED, actor=None, at__gt=since)
    rows = rows.filter(detail__has_keys=["issuer", "subject", "username"]).order_by("-at")[:200]
    known = set(SocialAccount.objects.values_list("provider", "uid"))
    newest = {(row.detail["issuer"], row.detail["subject"]): row for row in reversed(rows)}
    found = [row for identity, row in newest.items() if identity not in known]
    return sorted(found, key=lambda row: row.at, reverse=True)[:LISTED]


def connect_refused(*, actor: User, person: User, refusal: AuditEntry) -> None:
    """Connect the account of a refused sign-in with a person. For admins: nobody types a subject by hand.

    Raises:
        InvalidInputError: the row is not one of `refused_identities`.
        ActionError: the account or the person is connected already.
        SessionNeededError: the actor came with a token.
    """
    who = person.get_username()
    with audited(
        actor=actor,
        action=CONNECT,
        target=who,
        role=Role.ADMIN,
        verified=True,
        only_in_session="Connecting single sign-on",
    ) as act:
        if refusal not in refused_identities():
            raise InvalidInputError(
                "sign_in: not a rejected sign-in of the last 7 days with an unconnected account.",
                "Ask the user to sign in again, then connect that sign-in.",
            )
        named = {name: str(refusal.detail[name]) for name in ("issuer", "subject", "username")}
        _connected(person, **named)
        act.changed(None, named)


def disconnect(*, actor: User, person: User) -> None:
    """Take the person's identity away, which ends their sessions and revokes their tokens. For admins.

    Raises:
        NotFoundError: the person has none.
        SessionNeededError: the actor came with a token.
    """
    who = person.get_username()
    with (
        audited(
            actor=actor,
            action=DISCONNECT,
            target=who,
            role=Role.ADMIN,
            verified=True,
            only_in_session="Disconnecting single sign-on",
        ) as act,
        transaction.atomic(),
    ):
        accounts = list(SocialAccount.objects.select_for_update().filter(user=person))
        if not accounts:
            raise NotFoundError(f"{person.username} is not connected with single sign-on.")
        act.changed({"issuer": accounts[0].provider, "subject": accounts[0].uid}, None)
        SocialAccount.objects.filter(user=person).delete()
        act.detail.update(signed_out(person))
