"""What a tour says while it goes: a line a step, with what it is at and for how long."""

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
MARKS = {True: Text("holds", "green"), False: Text("OFF", "bold red"), None: Text("?", "yellow")}


class Narrator:
    """Prints steps to a terminal as they move, and to anything else as plain lines."""

    def __init__(self, out: IO[str]) -> None:
        self.console = Console(file=out, highlight=False, soft_wrap=True)
        if not self.console.is_terminal:
            self.console.width = 160
        self._status: Status | None = None
        self._began = 0.0
        self._said = 0.0

    @contextmanager
    def step(self, title: str) -> Iterator["Narrator"]:
        """One step: ends with its mark and what it took."""
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
        """What the step is at now."""
        line = f"{printable(what)} ({self._elapsed()})"
        if self._status:
            self._status.update(line)
        elif time.monotonic() - self._said >= LINE_EVERY_SECONDS:
            self._said = time.monotonic()
            self.console.print(f"  … {line}")

    def wait(self, look: Callable[[], _Found | None], *, seconds: float, late: Callable[[], TourError]) -> _Found:
        """Look until something is found, and give that back. A database that is away for a moment is looked at again.

        Raises:
            TourError: `late()`, after so many seconds.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = look()
            except DatabaseError as error:
                close_old_connections()
                if time.monotonic() > deadline:
                    raise TourError(f"The database does not answer: {error}", logs_command("postgres")) from error
                self.at("The database is away for a moment.")
                found = None
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise late()
            time.sleep(LOOK_EVERY_SECONDS)

    def ledger(self, statement: Statement) -> None:
        """The statement as a table: every line must balance exactly."""
        table = Table(title="Ledger", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("")
        table.add_column("Line")
        table.add_column("This", justify="right")
        table.add_column("must be this", justify="right")
        for line in statement.lines:
            sides = [f"{grouped(side['value'])} {side['name']}" for side in (line["left"], line["right"])]
            table.add_row(MARKS[line["holds"]], line["title"], *sides)
            if line["note"]:
                table.add_row("", Text(line["note"], "yellow"), "", "")
        self.console.print(table, soft_wrap=False)

    def failed(self, error: TourError) -> None:
        """The last words of a tour that does not hold."""
        # Messages of Spark and Airflow are told again here, with whatever is in them.
        message, remedy = printable_lines(error.message, before=""), printable_lines(error.remedy, before="")
        self.console.print(Text.assemble(("The tour does not hold: ", "bold red"), message))
        self.console.print(Text(f"What to do: {remedy}"))

    def _end(self) -> None:
        if self._status:
            self._status.stop()
            self._status = None

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._began:.0f} s"


def grouped(value: int | str | None) -> str:
    """A count or an amount (a decimal as text) with its thousands set apart."""
    return "unknown" if value is None else f"{Decimal(value):,}"


def seconds_between(begin: datetime | None, end: datetime | None) -> float | None:
    """Seconds from one to the other, where both are known."""
    return (end - begin).total_seconds() if begin and end else None
