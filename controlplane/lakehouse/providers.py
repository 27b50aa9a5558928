"""Adapters of the lakehouse room: the Iceberg catalog and the object storage below it."""

from django.conf import settings

from controlplane.lakehouse.ports import Catalog, ObjectStorage
from controlplane.provider import Provider


@Provider
def catalog() -> Catalog:
    """The Iceberg catalog, for reading."""
    from controlplane.lakehouse.adapters.iceberg import IcebergCatalog

    return IcebergCatalog(uri=settings.ICEBERG_CATALOG_URI, warehouse=settings.WAREHOUSE, store=settings.OBJECT_STORE)


@Provider
def object_storage() -> ObjectStorage:
    """The object storage of the warehouse; used only if the warehouse is a bucket."""
    from controlplane.lakehouse.adapters.s3 import S3ObjectStorage

    assert settings.OBJECT_STORE is not None
    return S3ObjectStorage(settings.OBJECT_STORE)
