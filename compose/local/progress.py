"""The progress output of `make up`: a live line on a terminal, otherwise plain lines with elapsed seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.status import Status

REMINDER_SECONDS = 20


def console() -> Console:
    """Standard output, wide enough for a table where it is no terminal."""
    made = Console(highlight=False, soft_wrap=True)
    if not made.is_terminal:
        made.width = 140
    return made


@dataclass
class Progress:
    """Steps that may run side by side; each is announced, reminded of while it lasts, and closed with its time."""

    console: Console = field(default_factory=console)
    _running: dict[str, float] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _status: Status | None = None
    _ticker: threading.Event | None = None
    _reminded: float = 0.0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show `title` as being worked on for as long as the block lasts."""
        started = time.monotonic()
        with self._lock:
            self._running[title] = started
            self._refresh()
        try:
            yield
        except BaseException:
            with self._lock:
                self._running.pop(title, None)
                self._refresh()
            self.console.print(f"[red]✗[/red] {title} (after {_duration(started)})")
            raise
        with self._lock:
            self._running.pop(title, None)
            self._refresh()
        self.console.print(f"[green]✓[/green] {title} [dim]({_duration(started)})[/dim]")

    def say(self, text: str) -> None:
        """Print one line above whatever is live."""
        self.console.print(text)

    def _refresh(self) -> None:
        if self._running and self._ticker is None:
            self._ticker = threading.Event()
            threading.Thread(target=self._tick, args=(self._ticker,), daemon=True).start()
            if self.console.is_terminal:
                self._status = self.console.status("")
                self._status.start()
            self._reminded = time.monotonic()
        elif not self._running and self._ticker is not None:
            self._ticker.set()
            self._ticker = None
            if self._status:
                self._status.stop()
                self._status = None

    def _tick(self, ended: threading.Event) -> None:
        while not ended.wait(0.5):
            with self._lock:
                if ended.is_set():
                    return
                text = ", ".join(f"{title} ({_duration(started)})" for title, started in self._running.items())
                if self._status:
                    self._status.update(text)
                elif time.monotonic() - self._reminded >= REMINDER_SECONDS:
                    self._reminded = time.monotonic()
                    self.console.print(f"  … {text}")


def _duration(started: float) -> str:
    return f"{time.monotonic() - started:.0f} s"
