"""The benchmark's own arithmetic: a figure that can't fail proves nothing."""

import pytest

from tests.benchmarks.generator import worst_error


def test_a_steady_rate_has_no_error_and_a_gap_shows() -> None:
    steady = list(range(30_000))
    assert worst_error(steady, 1000) == 0
    gap = [at for at in steady if not 12_000 <= at < 12_500]
    assert worst_error(gap, 1000) == pytest.approx(0.05)
    burst = sorted([*steady, *range(12_000, 12_200)])
    assert worst_error(burst, 1000) == pytest.approx(0.02)
