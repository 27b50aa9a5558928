"""Adapters of the ledger room."""

from django.conf import settings

from controlplane.ledger.ports import LakeCounter
from controlplane.provider import Provider


@Provider
def lake_counter() -> LakeCounter:
    """The counter of the lake's rows, on Spark."""
    from controlplane.ledger.adapters.spark import SparkLakeCounter

    return SparkLakeCounter(settings.SPARK_REMOTE_WITH_TOKEN, topic=settings.KAFKA_TOPIC)
