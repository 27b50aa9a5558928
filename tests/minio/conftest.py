"""The running installation's MinIO: its process, its disk, and its administrator."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from minio import Minio
from minio.credentials.providers import StaticProvider
from minio.minioadmin import MinioAdmin

from compose.local.credentials import MINIO_ROOT_USER
from spark_jobs.object_store import ObjectStore
from spark_jobs.object_store_check import client
from tests.stack import Stack


@pytest.fixture
def store(stack: Stack) -> ObjectStore:
    """The bucket as the pipeline's user sees it."""
    assert stack.object_store is not None
    return stack.object_store


@pytest.fixture
def user(store: ObjectStore) -> Iterator[Minio]:
    asked = client(store)
    yield asked
    asked._http.clear()


@pytest.fixture
def root_password(stack: Stack) -> str:
    return str(json.loads((stack.data / "secrets.json").read_text())["minio_root"])


@pytest.fixture
def admin(store: ObjectStore, root_password: str) -> Iterator[MinioAdmin]:
    host = store.endpoint.removeprefix("http://")
    made = MinioAdmin(
        endpoint=host, credentials=StaticProvider(MINIO_ROOT_USER, root_password), secure=False, region=store.region
    )
    yield made
    made._http.clear()


@pytest.fixture
def disk(stack: Stack) -> Path:
    """The folder of MinIO's data."""
    return stack.data / "minio" / "data"
