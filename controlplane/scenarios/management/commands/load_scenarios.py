"""`manage.py load_scenarios`: bring the built-in scenarios into the database. `migrate` does so too."""

from typing import Any

from django.core.management.base import BaseCommand

from controlplane.scenarios.documents.services import library_sync


class Command(BaseCommand):
    help = "Bring the built-in scenarios into the database; what is there already stays as it is."

    def handle(self, *args: Any, **options: Any) -> None:
        made = library_sync()
        self.stdout.write(f"{made} new scenario version{'' if made == 1 else 's'}.")
