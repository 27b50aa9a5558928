"""Which adapter serves which port. Built once a process, from the settings; nothing is reached before it is used."""

from collections.abc import Callable
from functools import cache, wraps
from threading import RLock
from typing import TypeVar

from django.conf import settings

from controlplane.lakehouse.ports import Catalog, ObjectStorage
from controlplane.ledger.ports import LakeCounter
from controlplane.monitoring.ports import TaskCounter
from controlplane.orchestration.ports import JobRunner, WorkflowEngine
from controlplane.overview.ports import Broker, ProcessSupervisor
from controlplane.quality.ports import ValidationArchive
from controlplane.streaming.ports import EventTopic, StreamEngine
from spark_jobs.kafka_client import CONTROLPLANE, STREAM

Adapter = TypeVar("Adapter")
# Adapters are imported on first use, by any thread. A package that two threads import from two ends can be given out
# half made (seen with pyspark), so they are built one at a time.
_building = RLock()


def built_once(build: Callable[[], Adapter]) -> Callable[[], Adapter]:
    """The adapter that `build` gives, made at the first call; `cache_clear()` forgets it."""
    kept = cache(build)

    @wraps(build)
    def get() -> Adapter:
        with _building:
            return kept()

    get.cache_clear = kept.cache_clear  # type: ignore[attr-defined]
    return get


@built_once
def catalog() -> Catalog:
    """The Iceberg catalogue, for reading."""
    from controlplane.lakehouse.adapters.iceberg import IcebergCatalog

    return IcebergCatalog(uri=settings.ICEBERG_CATALOG_URI, warehouse=settings.WAREHOUSE, store=settings.OBJECT_STORE)


@built_once
def object_storage() -> ObjectStorage:
    """What holds the bucket of the warehouse; asked only where there is one."""
    from controlplane.lakehouse.adapters.s3 import S3ObjectStorage

    assert settings.OBJECT_STORE is not None
    return S3ObjectStorage(settings.OBJECT_STORE)


@built_once
def validation_archive() -> ValidationArchive:
    """The result documents of validations in the warehouse."""
    from controlplane.quality.adapters.warehouse import WarehouseArchive

    return WarehouseArchive(settings.WAREHOUSE, settings.OBJECT_STORE)


@built_once
def lake_counter() -> LakeCounter:
    """Counting the lake's rows, on Spark."""
    from controlplane.ledger.adapters.spark import SparkLakeCounter

    return SparkLakeCounter(settings.SPARK_REMOTE_WITH_TOKEN, topic=settings.KAFKA_TOPIC)


@built_once
def stream_engine() -> StreamEngine:
    """What runs the stream."""
    from controlplane.streaming.adapters.spark_connect import SparkConnectStreamEngine

    return SparkConnectStreamEngine(
        settings.SPARK_REMOTE_WITH_TOKEN,
        kafka=settings.KAFKA_CLIENTS[STREAM],
        topic=settings.KAFKA_TOPIC,
        home=settings.CHECKPOINTS,
    )


@built_once
def event_topic() -> EventTopic:
    """The topic that the stream reads."""
    from controlplane.streaming.adapters.kafka import KafkaEventTopic

    return KafkaEventTopic(settings.KAFKA_CLIENTS[CONTROLPLANE], settings.KAFKA_TOPIC)


@built_once
def workflow_engine() -> WorkflowEngine:
    """What runs the DAGs."""
    from controlplane.orchestration.adapters.airflow import AirflowWorkflowEngine

    return AirflowWorkflowEngine(settings.AIRFLOW_URL, settings.AIRFLOW_USERNAME, settings.AIRFLOW_PASSWORD)


@built_once
def job_runner() -> JobRunner:
    """What runs a Spark job."""
    from controlplane.orchestration.adapters.spark import SparkJobRunner

    return SparkJobRunner(settings.SPARK_REMOTE_WITH_TOKEN)


@built_once
def broker() -> Broker:
    """What carries the background work."""
    from controlplane.overview.adapters.redis import RedisBroker

    return RedisBroker(settings.REDIS_URL)


@built_once
def process_supervisor() -> ProcessSupervisor:
    """What keeps the processes running; on one machine `make up` brings one."""
    from controlplane.overview.adapters.supervisord import Supervisord

    return Supervisord(settings.DATA_DIR / "supervisord.conf")


@built_once
def task_counter() -> TaskCounter:
    """Where Celery's tasks are counted."""
    from controlplane.monitoring.adapters.redis import RedisTaskCounter

    return RedisTaskCounter(settings.REDIS_URL)
