"""What the tests of scenarios share."""

import pytest

from spark_jobs.kafka_client import KafkaClient
from tests.stack import Stack


@pytest.fixture(scope="session")
def kafka(stack: Stack) -> KafkaClient:
    """An account on a real broker."""
    return stack.kafka
