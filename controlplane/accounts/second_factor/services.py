"""Writing: adding, renaming and removing second factors, recovery codes, and resetting those of another user."""

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.mfa.utils import decrypt, encrypt
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.db import transaction
from django.http import HttpRequest

from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.requests import client_address
from controlplane.accounts.roles import Role
from controlplane.accounts.second_factor import passkeys
from controlplane.accounts.second_factor.factors import (
    Factor,
    Kind,
    factor_of,
    has_second_factor,
    second_factor_required,
    second_factors_of,
)
from controlplane.accounts.second_factor.freshness import fresh_needed, verified_now
from controlplane.accounts.second_factor.verifying import code_verify, totp_counter, totp_data
from controlplane.accounts.services import audited, session_needed
from controlplane.accounts.sessions import session_rekey, sessions_end
from controlplane.accounts.throttle import attempt_audited, password_attempt, second_factor_attempts_forget
from controlplane.errors import ActionError, InvalidInputError, NotFoundError
from controlplane.names import hidden_in, normal_name
from controlplane.web.database import give_back_connections

VERIFY = "person.verify"
LONGEST_NAME = 80
MOST_PASSKEYS = 20
_TOTP_SECRET = "totp_secret"  # noqa: S105 - the name of a value in the session


def _needed(request: HttpRequest, actor: User, what: str) -> None:
    """What every change of one's own second factors needs: a session, recently verified."""
    session_needed(actor, what)
    fresh_needed(request)


def _locked(person: User) -> None:
    """The person's row is the lock of their second factors."""
    User.objects.select_for_update().get(pk=person.pk)


def person_verify(request: HttpRequest, *, actor: User, password: str = "", code: str = "") -> None:
    """Verify the actor of this session again, with the password or a code.

    Raises:
        InvalidInputError: neither is given, or the password is wrong.
        SessionNeededError: the request came with a token.
        TooManyAttemptsError: it was tried too often lately.
        WrongCodeError: the code is wrong, or was used before.
    """
    session_needed(actor, "Verifying")
    who, address = actor.get_username(), client_address(request)
    if not password and not code:
        raise InvalidInputError("password: missing.", "Enter your password or a code of your second factor.")
    if password:
        with password_attempt(name=who, address=address, action=VERIFY) as attempt:
            give_back_connections()
            attempt.succeeded = actor.check_password(password)
        if not attempt.succeeded:
            attempt_audited(name=who, action=VERIFY, outcome=AuditEntry.Outcome.FAILED)
            raise InvalidInputError("password: incorrect.", "Enter the password that you sign in with.")
        method = "password"
    else:
        method = code_verify(person=actor, code=code, address=address, action=VERIFY)
    verified(request, actor, method)


def passkey_verify(request: HttpRequest, *, actor: User, answer: str) -> None:
    """Verify the actor of this session again, with a passkey.

    Raises:
        PasskeyRefusedError: the browser's answer doesn't verify.
        SessionNeededError: the request came with a token.
    """
    session_needed(actor, "Verifying")
    try:
        passkeys.authentication_complete(request, actor, answer)
    except passkeys.PasskeyRefusedError:
        attempt_audited(
            name=actor.get_username(),
            action=VERIFY,
            outcome=AuditEntry.Outcome.FAILED,
            second_factor=Kind.PASSKEY.value,
        )
        raise
    verified(request, actor, Kind.PASSKEY.value)


def verified(request: HttpRequest, actor: User, method: str, **detail: object) -> None:
    """Note that the person of the session has just shown by `method` that it is them."""
    # As after every authentication: a key that was copied before is of no use for what comes now.
    session_rekey(request)
    verified_now(request)
    attempt_audited(
        name=actor.get_username(),
        action=VERIFY,
        outcome=AuditEntry.Outcome.SUCCEEDED,
        method=method,
        **detail,
    )


def totp_begin(request: HttpRequest, *, actor: User, again: bool = False) -> tuple[str, str]:
    """The key for an authenticator app and its `otpauth` address. The session keeps it, encrypted, until `totp_add`.

    Args:
        again: draw another key, where one is waiting already.

    Raises:
        ActionError: there is an authenticator app already.
        SessionNeededError, VerificationNeededError: see `_needed`.
    """
    _needed(request, actor, "Setting up an authenticator app")
    _no_totp_yet(actor)
    waiting = request.session.get(_TOTP_SECRET)
    if waiting and not again:
        secret = decrypt(waiting)
    else:
        secret = generate_totp_secret()
        request.session[_TOTP_SECRET] = encrypt(secret)
    return secret, get_adapter().build_totp_url(actor, secret)


def _no_totp_yet(person: User) -> None:
    if Authenticator.objects.filter(user=person, type=Authenticator.Type.TOTP).exists():
        raise ActionError("You already have an authenticator app.", "Remove it before you set up another one.")


def totp_add(request: HttpRequest, *, actor: User, code: str) -> tuple[Factor, list[str]]:
    """Add the authenticator app whose key is waiting, once a code shows that it has the key.

    Returns:
        The factor, and the recovery codes if it is the first one.

    Raises:
        InvalidInputError: the code is wrong, or no key is waiting.
        ActionError: there is an authenticator app already.
        SessionNeededError, VerificationNeededError: see `_needed`.
    """
    with audited(actor=actor, action="second-factor.add", target=actor.get_username(), role=Role.VIEWER) as act:
        _needed(request, actor, "Setting up an authenticator app")
        waiting = request.session.get(_TOTP_SECRET)
        if not waiting:
            raise InvalidInputError("code: the setup has expired.", "Start the setup again.")
        counter = totp_counter(decrypt(waiting), code)
        if counter is None:
            raise InvalidInputError(
                "code: incorrect.",
                "Enter the current 6-digit code of the app. If it is rejected again, check the clock of the device.",
            )
        with transaction.atomic():
            _locked(actor)
            _no_totp_yet(actor)
            first = not has_second_factor(actor)
            row = Authenticator.objects.create(
                user=actor, type=Authenticator.Type.TOTP, data=totp_data(waiting, counter)
            )
            codes = _recovery_codes_if_none(actor)
            if first:
                act.detail["sessions_ended"] = _others_end(request, actor)
        act.changed(None, _state(factor_of(row)))
        del request.session[_TOTP_SECRET]
        verified_now(request)
        return factor_of(row), codes


def passkey_begin(request: HttpRequest, *, actor: User) -> dict[str, Any]:
    """The options of `navigator.credentials.create` for a new passkey of the actor.

    Raises:
        PasskeysUnavailableError: the address can't have passkeys.
        SessionNeededError, VerificationNeededError: see `_needed`.
    """
    _needed(request, actor, "Adding a passkey")
    return passkeys.registration_begin(request, actor)


def passkey_add(request: HttpRequest, *, actor: User, name: str, answer: str) -> tuple[Factor, list[str]]:
    """Add the passkey that the browser has created.

    Returns:
        The factor, and the recovery codes if it is the first one.

    Raises:
        ActionError: there are too many.
        InvalidInputError: the name is empty or too long.
        PasskeyRefusedError: the browser's answer doesn't verify.
        SessionNeededError, VerificationNeededError: see `_needed`.
    """
    with audited(actor=actor, action="second-factor.add", target=actor.get_username(), role=Role.VIEWER) as act:
        _needed(request, actor, "Adding a passkey")
        name = _name_checked(name)
        credential = passkeys.registration_complete(request, actor, answer)
        with transaction.atomic():
            _locked(actor)
            if Authenticator.objects.filter(user=actor, type=Authenticator.Type.WEBAUTHN).count() >= MOST_PASSKEYS:
                raise ActionError(
                    f"You have reached the limit of {MOST_PASSKEYS} passkeys.",
                    "Remove a passkey that you no longer use.",
                )
            first = not has_second_factor(actor)
            row = WebAuthn.add(actor, name, credential).instance
            codes = _recovery_codes_if_none(actor)
            if first:
                act.detail["sessions_ended"] = _others_end(request, actor)
        act.changed(None, _state(factor_of(row)))
        verified_now(request)
        return factor_of(row), codes


def _state(factor: Factor) -> dict[str, Any]:
    """A second factor for the audit, without its secret."""
    return {"kind": factor.kind.value, "name": factor.name}


def _name_checked(name: str) -> str:
    name = normal_name(name)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidInputError(
            f"name: must have 1 to {LONGEST_NAME} characters, has {len(name)}.",
            "Use the name of the device, for example.",
        )
    if hidden := hidden_in(name):
        raise InvalidInputError(f"name: contains invisible characters: {hidden}.", "Remove them.")
    return name


def _others_end(request: HttpRequest, actor: User) -> int:
    """With the first factor: sessions that were begun without one end, all but this one."""
    return sessions_end(actor, keep=request.session.session_key or "")


def passkey_rename(request: HttpRequest, *, actor: User, factor_id: int, name: str) -> Factor:
    """Give one of the actor's passkeys another name.

    Raises:
        InvalidInputError: the name is empty or too long.
        NotFoundError: the actor has no such passkey.
        SessionNeededError, VerificationNeededError: see `_needed`.
    """
    with audited(actor=actor, action="second-factor.rename", target=actor.get_username(), role=Role.VIEWER) as act:
        _needed(request, actor, "Renaming a passkey")
        name = _name_checked(name)
        with transaction.atomic():
            _locked(actor)
            row = Authenticator.objects.filter(
                user=actor, type=Authenticator.Type.WEBAUTHN, pk=_whole(factor_id)
            ).first()
            if row is None:
                raise NotFoundError("The passkey does not exist.", "GET /api/v1/me/second-factors lists your passkeys.")
            act.changed({"name": row.data["name"]}, {"name": name})
            row.data["name"] = name
            row.save(update_fields=["data"])
        return factor_of(row)


def _whole(number: int) -> int:
    """A number that the database can compare with; 0, which no row has, for one that it can't."""
    return number if 0 < number < 2**63 else 0


def second_factor_remove(request: HttpRequest, *, actor: User, factor_id: int) -> None:
    """Remove one of the actor's second factors. With the last one the recovery codes go too.

    Raises:
        ActionError: it is the last one, and the installation requires one.
        NotFoundError: the actor has no such factor.
        SessionNeededError, VerificationNeededError: see `_needed`.
    """
    with audited(actor=actor, action="second-factor.remove", target=actor.get_username(), role=Role.VIEWER) as act:
        _needed(request, actor, "Removing a second factor")
        with transaction.atomic():
            _locked(actor)
            every = second_factors_of(actor)
            factor = next((one for one in every if one.id == factor_id), None)
            if factor is None:
                raise NotFoundError(
                    "The second factor does not exist.", "GET /api/v1/me/second-factors lists your second factors."
                )
            if len(every) == 1 and second_factor_required(actor, request.session):
                raise ActionError(
                    f"{factor.name} is your last second factor, and this installation requires one.",
                    "Add another second factor first.",
                )
            gone = Authenticator.objects.filter(user=actor)
            (gone if len(every) == 1 else gone.filter(pk=factor_id)).delete()
        act.changed(_state(factor), None)


def recovery_codes_create(request: HttpRequest, *, actor: User) -> list[str]:
    """New recovery codes for the actor; those of before are no longer accepted.

    Raises:
        ActionError: the actor has no second factor.
        SessionNeededError, VerificationNeededError: see `_needed`.
    """
    with audited(actor=actor, action="recovery-codes.create", target=actor.get_username(), role=Role.VIEWER):
        _needed(request, actor, "Creating recovery codes")
        with transaction.atomic():
            _locked(actor)
            if not has_second_factor(actor):
                raise ActionError("You have no second factor.", "Add an authenticator app or a passkey first.")
            Authenticator.objects.filter(user=actor, type=Authenticator.Type.RECOVERY_CODES).delete()
            return _recovery_codes_if_none(actor)


def _recovery_codes_if_none(person: User) -> list[str]:
    """Recovery codes for who has none yet, in the form in which they are shown this once."""
    if Authenticator.objects.filter(user=person, type=Authenticator.Type.RECOVERY_CODES).exists():
        return []
    codes = RecoveryCodes.activate(person).generate_codes()
    return [f"{code[:5]} {code[5:]}" for code in codes]


def second_factor_reset(*, actor: User, person: User) -> None:
    """Remove all second factors and recovery codes of somebody who has lost them, and end the person's sessions.

    Raises:
        ActionError: the person has none.
        PermissionDenied: the actor is no admin.
        SessionNeededError: the actor came with a token.
        VerificationNeededError: the actor's last verification is too long ago.
    """
    who = person.get_username()
    with audited(
        actor=actor,
        action="second-factor.reset",
        target=who,
        role=Role.ADMIN,
        verified=True,
        only_in_session="Resetting a second factor",
    ) as act:
        before, act.detail["sessions_ended"] = second_factors_delete(person)
        act.changed(before, {"second_factors": []})


@transaction.atomic
def second_factors_delete(person: User) -> tuple[dict[str, Any], int]:
    """Delete all second factors of the person and end their sessions.

    Returns:
        What there was, for the audit, and how many sessions ended.

    Raises:
        ActionError: the person has none.
    """
    _locked(person)
    removed = [factor.name for factor in second_factors_of(person)]
    if not removed:
        raise ActionError(f"{person.get_username()} has no second factor.", "There is nothing to reset.")
    Authenticator.objects.filter(user=person).delete()
    second_factor_attempts_forget(person)
    return {"second_factors": removed}, sessions_end(person)
