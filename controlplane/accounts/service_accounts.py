"""Service accounts: programs with tokens, a role and an owner."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import ApiToken, Kind, User
from controlplane.accounts.names import name_checked, normalised, person_named
from controlplane.accounts.roles import Role
from controlplane.accounts.services import audited, standing, user_save
from controlplane.errors import ActionError, InvalidInputError

LONGEST_DESCRIPTION = 200


def service_account_create(*, actor: User, username: str, role: Role, owner: User, description: str = "") -> User:
    """Add a service account: it never signs in, and gets its tokens from an admin or from its owner.

    Raises:
        InvalidInputError: the name is not allowed (see names.py), the description is too long, or the owner can't be
            one: a person who is active, whose role is operator or admin and includes the account's.
        PermissionDenied: the actor is no admin.
    """
    with audited(actor=actor, action="service-account.create", target=normalised(username), role=Role.ADMIN) as act:
        account = User(
            username=name_checked(username),
            kind=Kind.SERVICE,
            role=role,
            description=_description(description),
            service_owner=_owner(owner, role),
        )
        account.set_unusable_password()
        user_save(account)
        act.changed(None, _state(account))
        return account


def service_account_change(
    *, actor: User, account: User, owner: User | None, description: str, revoke_tokens: bool | None = None
) -> User:
    """Change the owner and the description of a service account.

    Args:
        owner: None leaves the account without one, as it is.
        revoke_tokens: whether its tokens end. By default they do if the owner changes, since the former owner may know
            them.

    Raises:
        InvalidInputError: the description is too long, or the owner can't be one.
        ActionError: it is no service account.
        PermissionDenied: the actor is no admin.
    """
    who = account.get_username()
    with (
        audited(actor=actor, action="service-account.change", target=who, role=Role.ADMIN) as act,
        transaction.atomic(),
    ):
        if not account.is_service:
            raise ActionError(
                f"{who} is not a service account.", "Change the role and state of a user on the page Users."
            )
        changes_hands = owner is not None and account.service_owner_id != owner.pk
        before = _state(account)
        if owner is not None and changes_hands:
            account.service_owner = _owner(owner, Role(account.role))
        account.description = _description(description)
        account.save(update_fields=["service_owner", "description"])
        act.changed(before, _state(account))
        if changes_hands if revoke_tokens is None else revoke_tokens:
            act.detail["tokens_revoked"] = ApiToken.objects.filter(owner=account, revoked_at=None).update(
                revoked_at=timezone.now()
            )
    return account


def _state(account: User) -> dict[str, Any]:
    """A service account for the audit."""
    owner = account.service_owner
    named = {"username": account.username, "owner": owner.get_username() if owner else None}
    return {**named, "description": account.description, **standing(account)}


def owner_named(name: str) -> User:
    """The person of this name, as the owner of a service account.

    Raises:
        InvalidInputError: nobody has the name.
    """
    found = person_named(name)
    if found is None:
        raise InvalidInputError(f"owner: user {name} does not exist.", "Choose an active operator or admin.")
    return found


def _owner(owner: User, role: Role) -> User:
    who, remedy = owner.get_username(), "Choose an active operator or admin."
    if owner.is_service:
        raise InvalidInputError(f"owner: {who} is a service account.", remedy)
    if not owner.has_role(Role.OPERATOR):
        state = f"has the role {owner.role}" if owner.is_active else "is deactivated"
        raise InvalidInputError(f"owner: {who} {state}.", remedy)
    if not Role(owner.role).includes(role):
        raise InvalidInputError(
            f"role: {role} exceeds the role {owner.role} of the owner {who}.", "Choose a lower role."
        )
    return owner


def _description(text: str) -> str:
    text = text.strip()
    if len(text) > LONGEST_DESCRIPTION:
        raise InvalidInputError(
            f"description: {len(text)} characters exceed the limit of {LONGEST_DESCRIPTION}.", "Shorten it."
        )
    return text
