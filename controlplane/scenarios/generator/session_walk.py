"""The average session length, by simulation: the cart rules rule out a closed formula."""

from functools import lru_cache

from controlplane.scenarios.generator.document import Scenario
from controlplane.scenarios.generator.sessions import Sessions

_TURNS = 60_000


def events_per_session(scenario: Scenario) -> float:
    """The average number of events per session, rounded to two decimals; identical on every machine."""
    return _walked(scenario.sessions.model_dump_json())


@lru_cache(maxsize=64)
def _walked(sessions_json: str) -> float:
    from controlplane.scenarios.generator.document.sessions import Sessions as Behaviour

    scenario = Scenario.model_validate(
        {"name": "walk", "duration_seconds": 1, "traffic": {"stages": [{"events_per_second": 1000}]}}
    ).model_copy(update={"sessions": Behaviour.model_validate_json(sessions_json)})
    walk = Sessions(scenario, 0, 1, peak=1000.0, behaviour=1, identifiers=1)
    walk.turns(_TURNS // 4)
    before = walk.entered
    walk.turns(_TURNS)
    return round(_TURNS / max(walk.entered - before, 1), 2)
