"""Sessions on the running stack's Spark server, and records to feed them."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from spark_jobs.session import connect
from tests.stack import Stack


@pytest.fixture(scope="session")
def spark(stack: Stack) -> Iterator[SparkSession]:
    """A session for pure transforms: it reads and writes no table."""
    session = connect(stack.connections["spark_remote"], user_id="tests")
    yield session
    session.stop()


@pytest.fixture
def warehouse() -> Iterator[str]:
    """An empty warehouse of the test's own."""
    folder = Path(tempfile.mkdtemp(prefix="lakehouse-test-warehouse-"))
    yield folder.as_uri()
    shutil.rmtree(folder)


@pytest.fixture
def lake(stack: Stack, warehouse: str) -> Iterator[SparkSession]:
    """A session in which the catalogue `lake` is an empty one of the test's own, whatever the installation holds."""
    session = connect(stack.connections["spark_remote"], user_id="tests")
    session.conf.set("spark.sql.catalog.lake.type", "hadoop")
    session.conf.set("spark.sql.catalog.lake.warehouse", warehouse)
    yield session
    session.stop()
