"""Airflow without an Airflow, for tests of the list of runs."""

import pytest

from controlplane.orchestration.adapters.null import NullWorkflowEngine


@pytest.fixture
def engine() -> NullWorkflowEngine:
    return NullWorkflowEngine()
