"""`manage.py rotate_second_factor_keys`: encrypts the stored second factors with the first of SECOND_FACTOR_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand

from controlplane.accounts.second_factor.adapter import encrypt_again


class Command(BaseCommand):
    help = (
        "Encrypt the secrets of second factors with the first key of SECOND_FACTOR_KEYS where an older key encrypted "
        "them. Every start runs it; run again, it changes nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done, unreadable = encrypt_again()
        self.stdout.write(f"{done} secrets of second factors were encrypted with the first key.")
        if unreadable:
            # The start goes on: everybody else can sign in.
            self.stderr.write(f"No key of SECOND_FACTOR_KEYS decrypts {unreadable} secrets of second factors.")
