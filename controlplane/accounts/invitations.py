"""Invitations, and links to choose a new password. No user enters a password for another user."""

from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from controlplane.accounts.account_links import link_digest, link_find, link_issue, links_revoke, open_links
from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.mail import link_mail, mail_configured
from controlplane.accounts.models import AccountLink, AuditEntry, User
from controlplane.accounts.names import name_checked, normalised
from controlplane.accounts.roles import Role
from controlplane.accounts.services import audited, password_check, signed_out, standing, user_save
from controlplane.accounts.throttle import USE_LINK
from controlplane.errors import ActionError, InvalidInputError
from controlplane.web.database import give_back_connections

LONGEST_EMAIL = 254


class LinkNotValidError(ActionError):
    """The code belongs to no open link. It is the same for every reason, unknown codes included."""

    code = "link_not_valid"
    status = 410
    audited = True

    def __init__(self) -> None:
        super().__init__("Invalid link.", "The link was used, has expired or was revoked. Ask an admin for a new one.")


@dataclass(frozen=True)
class MadeLink:
    """A created link. `url` is not stored: it is shown only once."""

    link: AccountLink
    url: str
    # The address it was mailed to; empty if it was not mailed.
    mailed_to: str = ""
    # Why mailing failed.
    mail_problem: str = ""


def person_invite(*, actor: User, username: str, role: Role, email: str = "") -> MadeLink:
    """Add a user, who chooses a password with the link. The link is mailed too, where that is possible.

    Raises:
        InvalidInputError: the name is not allowed (see names.py), or the email address is none.
        PermissionDenied: the actor is no admin.
    """
    with audited(
        actor=actor, action="person.invite", target=normalised(username), role=Role.ADMIN, verified=True
    ) as act:
        person = User(username=name_checked(username), role=role, email=email_checked(email))
        person.set_unusable_password()
        with transaction.atomic():
            user_save(person)
            link, url = _issued(actor, person, AccountLink.Kind.INVITATION)
        act.changed(None, {"username": person.username, "email": person.email, **standing(person), **_state(link)})
        made = _mailed(person, link, url)
        act.detail.update(_said(made))
        return made


def invitation_renew(*, actor: User, person: User) -> MadeLink:
    """Make another invitation for a person who has not signed in yet. The one before is revoked.

    Raises:
        ActionError: the person has signed in, is deactivated, or is a service account.
    """
    who = person.get_username()
    with audited(actor=actor, action="person.invite", target=who, role=Role.ADMIN, verified=True) as act:
        with transaction.atomic():
            person = _locked(person)
            if not person.is_invited:
                raise ActionError(f"{who} has no pending invitation.", "Create a reset link instead.")
            link, url = _issued(actor, person, AccountLink.Kind.INVITATION)
        act.changed(None, _state(link))
        made = _mailed(person, link, url)
        act.detail.update(_said(made))
        return made


def reset_link_create(*, actor: User, person: User) -> MadeLink:
    """Make a link by which a person chooses a new password. Nothing ends until it is used; the one before is revoked.

    Raises:
        ActionError: it is the actor, or the person was never signed in, is deactivated, or is a service account.
        SessionNeededError: the actor came with a token.
    """
    who = person.get_username()
    with audited(
        actor=actor,
        action="person.reset-link",
        target=who,
        role=Role.ADMIN,
        verified=True,
        only_in_session="Creating a reset link",
    ) as act:
        if person.pk == actor.pk:
            # It would change the password without the current one.
            raise ActionError("You can't create a reset link for yourself.", "Change your password in Settings.")
        with transaction.atomic():
            person = _locked(person)
            if person.is_invited:
                raise ActionError(f"{who} has not accepted the invitation yet.", "Create a new invitation instead.")
            link, url = _issued(actor, person, AccountLink.Kind.RESET)
        act.changed(None, _state(link))
        made = _mailed(person, link, url)
        act.detail.update(_said(made))
        return made


def reset_link_send(person_id: int) -> None:
    """Mail a reset link to a person who has asked for one. Nothing happens for others than active people who have an
    email address and have signed in before."""
    with transaction.atomic():
        person = User.objects.select_for_update(no_key=True).filter(pk=person_id, is_active=True).first()
        if person is None or person.is_service or person.is_invited or not person.email or not mail_configured():
            return
        link, url = link_issue(person, AccountLink.Kind.RESET, by=None, by_name=person.get_username())
    made = _mailed(person, link, url)
    audit_append(
        actor=person,
        action="person.reset-link",
        target=person.get_username(),
        outcome=AuditEntry.Outcome.FAILED if made.mail_problem else AuditEntry.Outcome.SUCCEEDED,
        detail=_said(made),
        after=_state(link),
    )


def link_revoke(*, actor: User, link: AccountLink) -> None:
    """Revoke a link that has not been used."""
    with audited(actor=actor, action="person.revoke-link", target=link.person.get_username(), role=Role.ADMIN) as act:
        before = _state(link)
        if AccountLink.objects.filter(pk=link.pk, used_at=None, revoked_at=None).update(revoked_at=timezone.now()):
            link.refresh_from_db()
        act.detail.update(kind=link.kind, link=str(link.pk))
        act.changed(before, _state(link))


def email_change(*, actor: User, person: User, email: str) -> None:
    """Change where links of a person are mailed to. An open link, which went to the address before, is revoked.

    Raises:
        InvalidInputError: it is no email address.
        SessionNeededError: the actor came with a token, which could have a reset link mailed to itself.
    """
    who = person.get_username()
    with audited(
        actor=actor,
        action="person.change-email",
        target=who,
        role=Role.ADMIN,
        verified=True,
        only_in_session="Changing an email address",
    ) as act:
        if person.is_service:
            raise ActionError(f"{who} is a service account.", "Service accounts have no email address.")
        before = {"email": person.email}
        person.email = email_checked(email)
        person.save(update_fields=["email"])
        act.changed(before, {"email": person.email})
        if revoked := links_revoke(person):
            act.detail["links_revoked"] = revoked


def email_checked(email: str) -> str:
    """The address without spaces around it.

    Raises:
        InvalidInputError: it is none.
    """
    email = email.strip()
    if len(email) > LONGEST_EMAIL:
        raise InvalidInputError(
            f"email: {len(email)} characters exceed the limit of {LONGEST_EMAIL}.", "Use a shorter address."
        )
    try:
        if email:
            validate_email(email)
    except ValidationError:
        raise InvalidInputError(
            f"email: {email} is not an email address.", "Use the format grace@example.org."
        ) from None
    return email


def link_use(*, code: str, password: str) -> User:
    """Set the password of the person whom an open link belongs to. Of several at once exactly one succeeds.

    As with every new password, the person's sessions end and their tokens are revoked.

    Raises:
        LinkNotValidError: the link was used, has expired, was revoked, or never existed.
        InvalidInputError: the password is weak. The link stays open.
    """
    link = link_find(code)
    if link is None:
        _refused(code)
        raise LinkNotValidError
    person = link.person
    with audited(actor=person, action=USE_LINK, target=person.get_username(), role=Role.VIEWER) as act:
        act.detail["kind"] = link.kind
        password_check(password, person)
        # Hashing takes a while, and others need the connection.
        give_back_connections()
        hashed = make_password(password)
        with transaction.atomic():
            # Whoever deactivates the person, or uses the same link, waits for this row or has been first.
            person = User.objects.select_for_update(no_key=True).get(pk=person.pk)
            first = open_links().filter(pk=link.pk).update(used_at=timezone.now())
            if first:
                person.password = hashed
                person.save(update_fields=["password"])
                act.detail.update(signed_out(person))
        if not first:
            _refused(code)
            raise LinkNotValidError
    return person


def _refused(code: str) -> None:
    """Audit a link that is not open: whose it was, where it is known."""
    known = AccountLink.objects.select_related("person").filter(digest=link_digest(code.strip())).first()
    target, reason = "a link that does not exist", "the link is not valid"
    if known is not None:
        target, reason = known.person.get_username(), f"the link is {known.state}"
    audit_append(
        actor=None,
        actor_name="nobody",
        action=USE_LINK,
        target=target,
        outcome=AuditEntry.Outcome.REFUSED,
        detail={"reason": reason, **({"kind": known.kind} if known else {})},
    )


def _locked(person: User) -> User:
    """The person's row, locked, for a link of theirs."""
    row = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    who = row.get_username()
    if row.is_service:
        raise ActionError(f"{who} is a service account and has no password.", "Create a token instead.")
    if not row.is_active:
        raise ActionError(f"{who} is deactivated.", "Activate the account first.")
    return row


def _issued(actor: User, person: User, kind: AccountLink.Kind) -> tuple[AccountLink, str]:
    return link_issue(person, kind, by=actor if actor.pk else None, by_name=actor.get_username())


def _mailed(person: User, link: AccountLink, url: str) -> MadeLink:
    if not person.email or not mail_configured():
        return MadeLink(link, url)
    problem = link_mail(person, link, url)
    return MadeLink(link, url, mailed_to="" if problem else person.email, mail_problem=problem)


def _state(link: AccountLink) -> dict[str, object]:
    """A link for the audit, without its code and digest."""
    return {"link": str(link.pk), "kind": link.kind, "expires_at": link.expires_at, "revoked_at": link.revoked_at}


def _said(made: MadeLink) -> dict[str, object]:
    """What the audit says of a link: never the link."""
    mail = {"mailed": not made.mail_problem} if made.mailed_to or made.mail_problem else {}
    return {"link": str(made.link.pk), **mail}
