"""Thresholds: what lasts long enough stops the run, and nothing else does."""

from controlplane.scenarios.generator.document import Threshold
from controlplane.scenarios.generator.thresholds import Watcher


def _watcher(**limit: object) -> Watcher:
    return Watcher([Threshold.model_validate({"metric": "bronze_lag_seconds", "for_seconds": 5, **limit})])


def test_what_is_over_for_long_enough_stops_the_run_with_the_reason() -> None:
    watcher = _watcher(over=60)
    assert watcher.look({"bronze_lag_seconds": 61.0}, 0) is None
    assert watcher.look({"bronze_lag_seconds": 75.0}, 4.9) is None
    reason = watcher.look({"bronze_lag_seconds": 80.0}, 5.0)
    assert reason == "Age of the oldest record not yet in bronze: 80 s, over the threshold of 60 s for 5 s."
    assert watcher.states()[0]["crossed"] is True


def test_what_recovers_in_between_begins_anew() -> None:
    watcher = _watcher(over=60)
    for second, value in enumerate((61, 61, 61, 59, 61, 61, 61, 61, 61)):
        assert watcher.look({"bronze_lag_seconds": float(value)}, float(second)) is None
    assert watcher.look({"bronze_lag_seconds": 61.0}, 9.0) is not None


def test_the_unknown_crosses_nothing() -> None:
    watcher = _watcher(under=1)
    for second in range(20):
        assert watcher.look({"bronze_lag_seconds": None}, float(second)) is None
    assert watcher.states()[0]["value"] is None
