"""The records of a scenario as the tests make them: all of them at once, with a fixed seed and anchor."""

from datetime import UTC, datetime
from typing import Any

from controlplane.scenarios.generator.digest import Digest
from controlplane.scenarios.generator.document import Scenario
from controlplane.scenarios.generator.records import Records

ANCHOR = datetime(2026, 11, 23, 17, 0, 0, 123456, tzinfo=UTC)


def made(scenario: Scenario, *, seed: int = 7, anchor: datetime = ANCHOR, partitions: int = 4) -> Any:
    """(the records, their blocks)."""
    records = Records(scenario, seed=seed, anchor=anchor, partitions=partitions)
    return records, list(records.blocks())


def digest_of(scenario: Scenario, **how: Any) -> str:
    """The digest of a run; `how` is that of `made`."""
    digest = Digest(how.get("partitions", 4))
    for block in made(scenario, **how)[1]:
        digest.add(block)
    return digest.hexdigest()
