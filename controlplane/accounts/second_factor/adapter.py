"""What allauth asks its installation: how secrets are stored, and under which name factors are issued."""

from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from controlplane.accounts.own_name import LOOPBACK
from controlplane.errors import ActionError

PRODUCT = "Lakehouse"
# Where an authenticator's data holds what is encrypted, by its type.
_ENCRYPTED = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}


class UnreadableSecretError(ActionError):
    """None of the installation's keys decrypts what the database holds."""

    code = "second_factor_unreadable"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "The stored second factor can't be decrypted: its key is missing from SECOND_FACTOR_KEYS.",
            "Ask the operator of the installation to restore the key, or an admin to reset the second factor.",
        )


class Adapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth's class has untyped parts
    """allauth's own, with encrypted secrets and the names of this installation."""

    def encrypt(self, text: str) -> str:
        return _cipher(tuple(settings.SECOND_FACTOR_KEYS)).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _cipher(tuple(settings.SECOND_FACTOR_KEYS)).decrypt(encrypted_text).decode()
        except InvalidToken:
            raise UnreadableSecretError from None

    def get_totp_issuer(self) -> str:
        """What an authenticator app writes above the code: it tells one installation from another."""
        host = urlsplit(settings.PUBLIC_URL).hostname or ""
        return PRODUCT if host in LOOPBACK else host

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": urlsplit(settings.PUBLIC_URL).hostname or "", "name": PRODUCT}

    def get_public_key_credential_user_entity(self, user: AbstractBaseUser) -> dict[str, Any]:
        entity: dict[str, Any] = super().get_public_key_credential_user_entity(user)
        return {**entity, "name": user.get_username(), "display_name": user.get_username()}

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        return user.get_username()


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt_again() -> tuple[int, int]:
    """Encrypt with the first key what an older one encrypted.

    Returns:
        How many secrets were encrypted again, and how many no key decrypts.
    """
    keys = tuple(settings.SECOND_FACTOR_KEYS)
    first, every = _cipher(keys[:1]), _cipher(keys)
    done = unreadable = 0
    for pk in Authenticator.objects.filter(type__in=_ENCRYPTED).values_list("pk", flat=True):
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().filter(pk=pk).first()
            if row is None:
                continue
            name = _ENCRYPTED[Authenticator.Type(row.type)]
            try:
                first.decrypt(row.data[name])
                continue
            except InvalidToken:
                pass
            try:
                row.data[name] = every.rotate(row.data[name]).decode()
            except InvalidToken:
                unreadable += 1
                continue
            row.save(update_fields=["data"])
            done += 1
    return done, unreadable
