"""`manage.py restored`: adapt a restored database to its new installation.

`make restore` calls it once, before any other process of the installation runs.
"""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import AuditEntry
from controlplane.accounts.sessions import sessions_end_all
from controlplane.ledger.models import Restore
from controlplane.scenarios.runs.services import scenario_runs_cut_off
from controlplane.streaming.services import stream_restored


class Command(BaseCommand):
    help = "Adapt a restored database: end sessions and active runs, reset the stream. Called by `make restore`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--made-at", type=datetime.fromisoformat, required=True, help="time of the backup")
        parser.add_argument("--new-topic", action="store_true", help="the Kafka topic was lost with the installation")

    def handle(self, *args: Any, **options: Any) -> None:
        made_at: datetime = options["made_at"]
        with transaction.atomic():
            # A session that was ended after the backup must not come back with it.
            sessions = sessions_end_all()
            runs = scenario_runs_cut_off(made_at=made_at)
            stream_restored(new_topic=options["new_topic"])
            Restore.objects.create(made_at=made_at, runs=sorted(runs))
            audit_append(
                actor=None,
                actor_name="make restore",
                action="installation.restore",
                target=f"backup of {made_at.isoformat(timespec='seconds')}",
                outcome=AuditEntry.Outcome.SUCCEEDED,
                detail={"sessions_ended": sessions, "runs_ended": runs},
            )
        self.stdout.write(f"Database of the backup of {made_at.isoformat(timespec='seconds')} adapted.")
