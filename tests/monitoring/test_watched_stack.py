"""The running stack tells its figures to who has the token, fast, and its log lines carry the ids of their story."""

import pytest

from tests.monitoring import stories
from tests.stack import Stack
from tests.system.api import ControlPlane

pytestmark = pytest.mark.stack


def test_metrics_are_told_fast_on_a_warm_lake(stack: Stack, toured: str) -> None:
    stories.metrics_are_told_fast(stack)


def test_one_dag_run_is_one_story_over_the_parts(stack: Stack, toured: str, control_plane: ControlPlane) -> None:
    stories.dag_run_is_one_story(stack, control_plane)


def test_one_scenario_run_is_one_story_from_the_request_to_the_generator(
    stack: Stack, control_plane: ControlPlane
) -> None:
    stories.scenario_run_is_one_story(stack, control_plane)
