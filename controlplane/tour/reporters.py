"""Console output of the tour: one line per step, with its progress and duration."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import IO, TypeVar

from django.db import DatabaseError, close_old_connections
from rich import box
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from controlplane.ledger.models import Statement
from controlplane.printable import printable, printable_lines
from controlplane.tour.errors import TourError
from controlplane.web.operator_commands import logs_command

_Found = TypeVar("_Found")
LINE_EVERY_SECONDS = 15.0
LOOK_EVERY_SECONDS = 0.5
MARKS = {True: Text("balanced", "green"), False: Text("MISMATCH", "bold red"), None: Text("waiting", "yellow")}


class ProgressReporter:
    """Prints steps: with live progress on a terminal, as plain lines elsewhere."""

    def __init__(self, out: IO[str]) -> None:
        self.console = Console(file=out, highlight=False, soft_wrap=True)
        if not self.console.is_terminal:
            self.console.width = 160
        self._status: Status | None = None
        self._began = 0.0
        self._said = 0.0

    @contextmanager
    def step(self, title: str) -> Iterator["ProgressReporter"]:
        """One step, which ends with its result and duration."""
        self._began = self._said = time.monotonic()
        self._status = self.console.status(title) if self.console.is_terminal else None
        if self._status:
            self._status.start()
        try:
            yield self
        except BaseException:
            self._end()
            self.console.print(Text.assemble(("✗ ", "red"), f"{title} ({self._elapsed()})"))
            raise
        self._end()
        self.console.print(Text.assemble(("✓ ", "green"), f"{title} ({self._elapsed()})"))

    def at(self, what: str) -> None:
        """Report the progress of the step."""
        line = f"{printable(what)} ({self._elapsed()})"
        if self._status:
            self._status.update(line)
        elif time.monotonic() - self._said >= LINE_EVERY_SECONDS:
            self._said = time.monotonic()
            self.console.print(f"  … {line}")

    def wait(self, look: Callable[[], _Found | None], *, seconds: float, late: Callable[[], TourError]) -> _Found:
        """Poll until `look` returns a result, and return it. A short failure of the database is retried.

        Raises:
            TourError: `late()`, after the timeout.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = look()
            except DatabaseError as error:
                close_old_connections()
                if time.monotonic() > deadline:
                    raise TourError(f"The database does not respond: {error}", logs_command("postgres")) from error
                self.at("The database is temporarily unavailable.")
                found = None
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise late()
            time.sleep(LOOK_EVERY_SECONDS)

    def ledger(self, statement: Statement) -> None:
        """Print the statement as a table."""
        table = Table(title="Ledger", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("")
        table.add_column("Check")
        table.add_column("Source", justify="right")
        table.add_column("Target", justify="right")
        for line in statement.lines:
            sides = [f"{grouped(side['value'])} {side['name']}" for side in (line["left"], line["right"])]
            table.add_row(MARKS[line["holds"]], line["title"], *sides)
            if line["note"]:
                table.add_row("", Text(line["note"], "yellow"), "", "")
        self.console.print(table, soft_wrap=False)

    def failed(self, error: TourError) -> None:
        """Print the error of a failed tour."""
        # The message may contain untrusted text from Spark and Airflow.
        message, remedy = printable_lines(error.message, before=""), printable_lines(error.remedy, before="")
        self.console.print(Text.assemble(("Tour failed: ", "bold red"), message))
        self.console.print(Text(f"Remedy: {remedy}"))

    def _end(self) -> None:
        if self._status:
            self._status.stop()
            self._status = None

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._began:.0f} s"


def grouped(value: int | str | None) -> str:
    """A count or an amount (a decimal as text) with thousands separators."""
    return "unknown" if value is None else f"{Decimal(value):,}"


def seconds_between(begin: datetime | None, end: datetime | None) -> float | None:
    """Seconds between two times; None if one of them is unknown."""
    return (end - begin).total_seconds() if begin and end else None
