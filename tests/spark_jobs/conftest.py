"""Sessions on a Spark server, each test with an empty lake of its own."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pyspark.sql import SparkSession

from compose.local.credentials import load_secrets
from compose.local.parts.postgres import superuser_url
from compose.local.settings import MINIO
from spark_jobs.session import connect
from tests.spark_jobs.server import spark_server
from tests.stack import STORAGE, Stack


@pytest.fixture(scope="session")
def spark_remote(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server of the tests' own, beside the stack; on MinIO the stack's own, which has its keys."""
    if STORAGE == MINIO:
        yield request.getfixturevalue("stack").connections["spark_remote"]
        return
    with spark_server() as address:
        yield address


@pytest.fixture(scope="session")
def spark(spark_remote: str) -> Iterator[SparkSession]:
    """A session for pure transforms: it reads and writes no table."""
    session = connect(spark_remote, user_id="tests")
    yield session
    session.stop()


@pytest.fixture
def warehouse(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty warehouse of the test's own, in the bucket where the installation has its own there."""
    if STORAGE == MINIO:
        store = request.getfixturevalue("stack").object_store
        for name in ("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_REGION", "S3_BUCKET"):
            monkeypatch.setenv(name, str(getattr(store, name.removeprefix("S3_").lower())))
        yield f"s3://{store.bucket}/tests/{uuid.uuid4()}"
        return
    folder = Path(tempfile.mkdtemp(prefix="lakehouse-test-warehouse-"))
    yield folder.as_uri()
    shutil.rmtree(folder)


@pytest.fixture
def lake(request: pytest.FixtureRequest, spark_remote: str, warehouse: str) -> Iterator[SparkSession]:
    """A session in which the catalogue `lake` is an empty one of the test's own."""
    session = connect(spark_remote, user_id="tests")
    session.conf.set("spark.sql.catalog.lake.warehouse", warehouse)
    # A catalogue that is a folder can't be had in a bucket.
    with _database(request.getfixturevalue("stack")) if STORAGE == MINIO else nullcontext("") as address:
        if address:
            session.conf.set("spark.sql.catalog.lake.uri", address)
        else:
            session.conf.set("spark.sql.catalog.lake.type", "hadoop")
        yield session
        session.stop()


@contextmanager
def _database(stack: Stack) -> Iterator[str]:
    """An empty database for a catalogue, on the installation's server: its address for Java."""
    settings, name = stack.settings, f"test_{uuid.uuid4().hex}"
    with psycopg.connect(superuser_url(settings, load_secrets(settings.data)), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER lake").format(sql.Identifier(name)))
        yield f"jdbc:postgresql://127.0.0.1:{settings.port('POSTGRES_PORT')}/{name}"
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
