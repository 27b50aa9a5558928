"""The records of a scenario, whatever its source."""

from datetime import datetime

from controlplane.scenarios.generator.document import Scenario
from controlplane.scenarios.generator.recording.replay import RecordedRecords
from controlplane.scenarios.generator.records import Records


def records_of(
    scenario: Scenario,
    *,
    seed: int,
    anchor: datetime,
    partitions: int,
    total: int | None = None,
    longest: int | None = None,
) -> Records:
    """The records of a run, made here: of a recording where the scenario has one, else of made-up shoppers.

    Args:
        total, longest: see `Records`.

    Raises:
        DeliveryError: the recording isn't here.
    """
    kind = Records if scenario.source is None else RecordedRecords
    return kind(scenario, seed=seed, anchor=anchor, partitions=partitions, total=total, longest=longest)
