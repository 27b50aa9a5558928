"""`manage.py ledger`: compute the ledger and print its checks."""

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.leases import WorkState
from controlplane.ledger.selectors import summary
from controlplane.ledger.services import ledger_take
from controlplane.printable import printable

MARKS = {True: "balanced", False: "MISMATCH", None: "waiting"}


class Command(BaseCommand):
    help = "Compute the ledger. Exits with 0 only if every check is balanced."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the statement as JSON")
        parser.add_argument("--run", default="", help="only the checks of the scenario run with this id")
        parser.add_argument(
            "--wait",
            type=float,
            default=0,
            metavar="SECONDS",
            help="recompute for up to this long while a check is waiting",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        deadline = time.monotonic() + options["wait"]
        statement = ledger_take(actor=None)
        while statement.verdict in ("waiting", "unknown") and time.monotonic() < deadline:
            time.sleep(min(3.0, max(0.0, deadline - time.monotonic())))
            statement = ledger_take(actor=None)
        if statement.state != WorkState.SUCCEEDED:
            if options["json"]:
                self.stdout.write(json.dumps({"balanced": False, "error": statement.error}))
                sys.exit(1)
            raise CommandError(f"The ledger could not be computed: {printable(statement.error)}")
        document = statement.document
        if options["run"]:
            if options["run"] not in document["runs"]:
                raise CommandError(f"The ledger does not contain scenario run {printable(options['run'])}.")
            document = document["runs"][options["run"]]
        holds = all(line["holds"] is True for line in document["lines"])
        if options["json"]:
            self.stdout.write(json.dumps({**document, "balanced": holds}, indent=2))
        else:
            self._print(document["lines"])
            self.stdout.write(summary(statement) if not options["run"] else ("Balanced." if holds else "Unbalanced."))
        if not holds:
            sys.exit(1)

    def _print(self, lines: list[dict[str, Any]]) -> None:
        width = max(len(line["title"]) for line in lines)
        for line in lines:
            left, right = line["left"], line["right"]
            said = (
                f"{MARKS[line['holds']]:>8}  {line['title']:<{width}}  {_text(left['value']):>14} {left['name']}"
                f" = {_text(right['value'])} {right['name']}"
            )
            self.stdout.write(printable(said))
            if line["note"]:
                self.stdout.write(printable(f"          {line['note']}"))


def _text(value: int | str | None) -> str:
    return "unknown" if value is None else f"{value:,}" if isinstance(value, int) else value
