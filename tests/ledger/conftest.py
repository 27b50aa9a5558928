"""A system in miniature whose books balance: a finished scenario run, a topic, a counted lake."""

import pytest

from controlplane.leases import WorkState
from controlplane.ledger.adapters.null import NullLakeCounter
from controlplane.scenarios.models import Scenario, ScenarioRun, ScenarioVersion
from controlplane.streaming.adapters.null import NullEventTopic
from tests.adapters import Adapters
from tests.ledger.books import LAKE, NOW, RUN, TRUTH


@pytest.fixture
def counter(adapters: Adapters) -> NullLakeCounter:
    found = NullLakeCounter(LAKE)
    adapters.use(lake_counter=found)
    return found


@pytest.fixture
def topic(adapters: Adapters) -> NullEventTopic:
    found = NullEventTopic()
    found.ensure(2)
    for number in range(TRUTH.acknowledged):
        found.append(number % 2, b"{}")
    adapters.use(event_topic=found)
    return found


@pytest.fixture
def run(db: None) -> ScenarioRun:
    scenario = Scenario.objects.create(slug="test", name=TRUTH.name)
    version = ScenarioVersion.objects.create(scenario=scenario, number=1, document={}, digest="0")
    return ScenarioRun.objects.create(
        id=RUN,
        version=version,
        seed=1,
        started_at=NOW,
        finished_at=NOW,
        state=WorkState.SUCCEEDED,
        generated=TRUTH.generated,
        acknowledged=TRUTH.acknowledged,
        failed=TRUTH.failed,
        truth={"expected_reasons": dict(TRUTH.injected), "duplicates": TRUTH.duplicates},
    )
