"""`manage.py verify_audit`: verifies the hash chain of the audit log."""

import argparse
import json
import re
import sys
from typing import Any

from django.core.management.base import BaseCommand

from controlplane.accounts.auditing.chain import Link, chain_verify, verify_and_note

_ANCHOR = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


def anchor(text: str) -> Link:
    """An anchor as it is typed: `<sequence>:<hash>`."""
    found = _ANCHOR.fullmatch(text.strip().lower())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not <sequence>:<SHA-256 as 64 hexadecimal digits>.")
    return Link(int(found[1]), found[2])


class Command(BaseCommand):
    help = (
        "Verify the hash chain of the audit log and print its head. Exit code 0: all rows are present, in order and "
        "unchanged. Exit code 1: the first invalid row is printed."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--anchor",
            action="append",
            type=anchor,
            default=[],
            metavar="SEQUENCE:HASH",
            help="a row recorded elsewhere, such as in the log, which must be in the chain; repeatable",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        anchors = options["anchor"]
        # Whether an anchor is right, the page can't know: only a verification without one is kept for it.
        found = chain_verify(anchors=anchors) if anchors else verify_and_note(complete=True)
        # What retention has deleted can't be held to its anchor.
        deleted = [str(one) for one in anchors if one.sequence <= found.start.sequence]
        problem = None if found.problem is None else found.problem.as_dict()
        if options["json"]:
            result = {
                "holds": found.holds,
                "rows": found.rows,
                "start": {"sequence": found.start.sequence, "hash": found.start.hash},
                "head": {"sequence": found.head.sequence, "hash": found.head.hash},
                "problem": problem,
                "anchors_not_verified": deleted,
            }
            self.stdout.write(json.dumps(result))
        elif found.problem is None:
            after = (
                f" after row {found.start.sequence} (older rows were deleted by retention)"
                if found.start.sequence
                else ""
            )
            self.stdout.write(f"The audit chain is valid: {found.rows:,} rows{after}.\nHead {found.head}")
        else:
            self.stderr.write(f"The audit chain is broken at row {found.problem.sequence} ({found.problem.kind}).")
            self.stderr.write(found.problem.message)
            self.stderr.write(f"Verified rows before it: {found.rows:,}.")
        if deleted and not options["json"]:
            self.stderr.write(f"Not verified, because these rows were deleted by retention: {', '.join(deleted)}")
        if not found.holds:
            sys.exit(1)
