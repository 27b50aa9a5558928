"""The base classes of faults: one defect of a record and its expected outcome."""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import Any, ClassVar

import orjson

from controlplane.scenarios.generator.events import ANY_EVENT


class Outcome(StrEnum):
    """The expected outcome of a record with a fault. The ledger is balanced against it."""

    QUARANTINED = "quarantined"
    # Silver accepts it: the event itself is valid.
    PASSES = "passes"
    # A second record of an event that silver already has.
    DUPLICATE = "duplicate"
    # Counted as sent, but never on the topic.
    MISSING = "missing"


class Fault(ABC):
    """One defect of a record. A subclass defines its kind, a one-sentence description and its outcome."""

    kind: ClassVar[str]
    says: ClassVar[str]
    outcome: ClassVar[Outcome] = Outcome.QUARANTINED
    # The quarantine reason; empty unless the outcome is quarantined.
    reason: ClassVar[str] = ""
    # The event types that it applies to (the numbers of `events`).
    applies_to: ClassVar[frozenset[int]] = ANY_EVENT
    # The default average delay; None for kinds without a delay.
    delay_seconds: ClassVar[float | None] = None


class Spoiling(Fault):
    """A fault that changes the record's bytes."""

    @abstractmethod
    def inject(self, value: bytes, draw: int, delay: int) -> bytes:
        """The record with the fault injected.

        Args:
            draw: 32 random bits, the only source of randomness of a fault.
            delay: the average delay in microseconds, for kinds with a delay.
        """


class FieldFault(Spoiling):
    """A fault in one field of the event, which stays valid JSON."""

    def inject(self, value: bytes, draw: int, delay: int) -> bytes:
        """The record with its fields changed by `change`."""
        event: dict[str, Any] = orjson.loads(value)
        self.change(event, draw)
        return orjson.dumps(event)

    @abstractmethod
    def change(self, event: dict[str, Any], draw: int) -> None:
        """Inject the fault into the event in place."""
