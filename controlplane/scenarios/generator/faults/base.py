"""What a fault is: one way in which a record goes wrong, and what must become of it."""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import Any, ClassVar

import orjson

from controlplane.scenarios.generator.events import ANY_EVENT


class Outcome(StrEnum):
    """What must become of a record with a fault. The ledger counts on it."""

    QUARANTINED = "quarantined"
    # Silver takes it: nothing is wrong with the event itself.
    PASSES = "passes"
    # A second record of an event that silver has.
    DUPLICATE = "duplicate"
    # Believed sent, and never on the topic.
    MISSING = "missing"


class Fault(ABC):
    """One way for a record to go wrong. A subclass says its kind, what it does in a sentence, and its outcome."""

    kind: ClassVar[str]
    says: ClassVar[str]
    outcome: ClassVar[Outcome] = Outcome.QUARANTINED
    # The quarantine reason; empty unless the outcome is quarantined.
    reason: ClassVar[str] = ""
    # The event types it can be done to (the numbers of `events`).
    applies_to: ClassVar[frozenset[int]] = ANY_EVENT
    # Its average delay unless the document says another; None where a delay means nothing.
    delay_seconds: ClassVar[float | None] = None


class Spoiling(Fault):
    """A fault that changes the record's bytes."""

    @abstractmethod
    def spoil(self, value: bytes, draw: int, delay: int) -> bytes:
        """The spoiled record of a good one.

        Args:
            draw: 32 random bits: all the chance that a fault may use.
            delay: the average delay in microseconds, for kinds with one.
        """


class FieldFault(Spoiling):
    """A fault that stays valid JSON: one field of the event is not what it should be."""

    def spoil(self, value: bytes, draw: int, delay: int) -> bytes:
        event: dict[str, Any] = orjson.loads(value)
        self.change(event, draw)
        return orjson.dumps(event)

    @abstractmethod
    def change(self, event: dict[str, Any], draw: int) -> None:
        """Spoil the event in place."""
