"""The kinds of faults: one small class per kind, each with the expected outcome of the record.

A fault makes a valid event invalid in exactly one way, so the ground truth of a run ({kind: count}) says exactly what
silver must find. To add a kind, write a class in the module that fits and add it to `FAULTS`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from controlplane.scenarios.generator.faults.base import Fault, FieldFault, Outcome, Spoiling
from controlplane.scenarios.generator.faults.delivery import Dropped, Duplicate, DuplicateDelayed, Late, OutOfOrder
from controlplane.scenarios.generator.faults.drift import NewField, RenamedField, RetypedField
from controlplane.scenarios.generator.faults.fields import (
    AbsurdPrice,
    AncientTime,
    FutureTime,
    HugeQuantity,
    InvalidIdentifier,
    MissingField,
    NegativePrice,
    NulCharacter,
    NullField,
    UnknownCurrency,
    UnknownEventType,
    WrongType,
    ZeroQuantity,
)
from controlplane.scenarios.generator.faults.record import (
    ByteOrderMark,
    DuplicateKey,
    EmptyRecord,
    LoneSurrogate,
    LongNumber,
    MalformedJson,
    NotAnObject,
    Oversized,
    RegistryFramed,
    TooDeep,
    Truncated,
)

FAULTS: dict[str, Fault] = {
    fault.kind: fault
    for fault in (
        Duplicate(), DuplicateDelayed(), Late(), OutOfOrder(), Dropped(),
        EmptyRecord(), MalformedJson(), Truncated(), NotAnObject(), Oversized(),
        ByteOrderMark(), RegistryFramed(), DuplicateKey(), LoneSurrogate(), TooDeep(), LongNumber(),
        MissingField(), NullField(), WrongType(), InvalidIdentifier(), NulCharacter(), UnknownEventType(),
        FutureTime(), AncientTime(), NegativePrice(), AbsurdPrice(), ZeroQuantity(), HugeQuantity(), UnknownCurrency(),
        NewField(), RenamedField(), RetypedField(),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Truth:
    """The faults in the records that a run delivered, and the outcomes that the pipeline must produce.

    `duplicates` are second records of an event. `missing` count as sent but are not on the topic. `passing` have a
    fault that silver accepts.
    """

    faults: dict[str, int] = field(default_factory=dict)
    expected_reasons: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    missing: int = 0
    passing: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def truth_of(counts: Mapping[str, int], *, repeated: int = 0) -> Truth:
    """The truth for a number of faults of each kind.

    Args:
        repeated: valid records that an earlier run with the same events has already delivered.
    """
    reasons: dict[str, int] = {}
    by_outcome = dict.fromkeys(Outcome, 0)
    for kind, count in counts.items():
        fault = FAULTS[kind]
        by_outcome[fault.outcome] += count
        if fault.outcome is Outcome.QUARANTINED and count:
            reasons[fault.reason] = reasons.get(fault.reason, 0) + count
    return Truth(
        faults=dict(counts),
        expected_reasons=reasons,
        duplicates=by_outcome[Outcome.DUPLICATE] + repeated,
        missing=by_outcome[Outcome.MISSING],
        passing=by_outcome[Outcome.PASSES],
    )


__all__ = ["FAULTS", "Fault", "FieldFault", "Outcome", "Spoiling", "Truth", "truth_of"]
