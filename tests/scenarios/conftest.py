"""What the tests of scenarios share."""

import pytest

from tests.stack import Stack


@pytest.fixture(scope="session")
def kafka_bootstrap(stack: Stack) -> str:
    """The address of a real broker."""
    return str(stack.connections["kafka"])
