"""`manage.py set_up`: migrates the database and registers the first admin, in one process."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

STEPS = ("migrate", "first_admin", "rotate_second_factor_keys")


class Command(BaseCommand):
    help = f"Run {', '.join(STEPS)}, as at every start. Idempotent."

    def handle(self, *args: Any, **options: Any) -> None:
        for step in STEPS:
            call_command(step, **({"interactive": False} if step == "migrate" else {}))
