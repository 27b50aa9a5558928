"""`manage.py tour`: runs one scenario through the whole pipeline. Exits with 0 only if the ledger is balanced."""

import sys
import time
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandParser

from controlplane.tour.errors import TourError
from controlplane.tour.reporters import ProgressReporter
from controlplane.tour.steps import tour


class Command(BaseCommand):
    help = "Start the stream, run First light and medallion, and print the ledger. Exits with 0 only if it is balanced."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--wait", type=float, metavar="SECONDS", help="How long to wait for every part to be up.")

    def handle(self, *args: Any, **options: Any) -> None:
        # Rich needs the underlying file to detect a terminal.
        narrator = ProgressReporter(cast(IO[str], getattr(self.stdout, "_out", self.stdout)))
        began = time.monotonic()
        try:
            to_gold = tour(narrator, parts_seconds=options["wait"])
        except TourError as error:
            narrator.failed(error)
            sys.exit(1)
        narrator.console.print(
            f"Ledger balanced. First event to published gold: {to_gold:.0f} s. "
            f"Duration of the tour: {time.monotonic() - began:.0f} s."
            if to_gold is not None
            else f"Ledger balanced. Duration of the tour: {time.monotonic() - began:.0f} s."
        )
