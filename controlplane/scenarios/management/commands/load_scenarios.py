"""`manage.py load_scenarios`: load the built-in scenarios into the database. `migrate` does so as well."""

from typing import Any

from django.core.management.base import BaseCommand

from controlplane.scenarios.documents.services import library_sync


class Command(BaseCommand):
    help = "Load the built-in scenarios into the database. Existing versions are not changed."

    def handle(self, *args: Any, **options: Any) -> None:
        made = library_sync()
        self.stdout.write(f"Loaded {made} new scenario version{'' if made == 1 else 's'}.")
