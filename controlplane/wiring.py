"""Which adapter serves which port. Built once a process, from the settings; nothing is reached before it is used."""

from functools import cache

from django.conf import settings

from controlplane.lakehouse.ports import Catalog
from controlplane.ledger.ports import LakeCounter
from controlplane.quality.ports import ValidationArchive


@cache
def catalog() -> Catalog:
    """The Iceberg catalogue, for reading."""
    from controlplane.lakehouse.adapters.iceberg import IcebergCatalog

    return IcebergCatalog(uri=settings.ICEBERG_CATALOG_URI, warehouse=settings.WAREHOUSE)


@cache
def validation_archive() -> ValidationArchive:
    """The result documents of validations in the warehouse."""
    from controlplane.quality.adapters.warehouse import WarehouseArchive

    return WarehouseArchive(settings.WAREHOUSE)


@cache
def lake_counter() -> LakeCounter:
    """Counting the lake's rows, on Spark."""
    from controlplane.ledger.adapters.spark import SparkLakeCounter

    return SparkLakeCounter(settings.SPARK_REMOTE)
