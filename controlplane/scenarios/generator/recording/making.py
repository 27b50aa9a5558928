"""The records of a scenario, from a recording or synthetic."""

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
    """The records of a run, generated in this process: from the recording of the scenario, or synthetic.

    Args:
        total, longest: see `Records`.

    Raises:
        DeliveryError: the recording is not stored.
    """
    kind = Records if scenario.source is None else RecordedRecords
    return kind(scenario, seed=seed, anchor=anchor, partitions=partitions, total=total, longest=longest)
