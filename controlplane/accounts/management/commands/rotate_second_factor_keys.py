"""`manage.py rotate_second_factor_keys`: encrypts the stored second factors with the first of SECOND_FACTOR_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand

from controlplane.accounts.second_factor.adapter import encrypt_again


class Command(BaseCommand):
    help = (
        "Re-encrypt the secrets of second factors with the first key of SECOND_FACTOR_KEYS if an older key encrypted "
        "them. Runs at every start. Idempotent."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done, unreadable = encrypt_again()
        self.stdout.write(f"Secrets of second factors re-encrypted with the first key: {done}.")
        if unreadable:
            # The start goes on: everybody else can sign in.
            self.stderr.write(f"Secrets of second factors that no key of SECOND_FACTOR_KEYS decrypts: {unreadable}.")
