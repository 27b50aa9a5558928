"""Adapters of the quality room: the archive of validation results."""

from django.conf import settings

from controlplane.provider import Provider
from controlplane.quality.ports import ValidationArchive


@Provider
def validation_archive() -> ValidationArchive:
    """The result documents of validations in the warehouse."""
    from controlplane.quality.adapters.warehouse import WarehouseArchive

    return WarehouseArchive(settings.WAREHOUSE, settings.OBJECT_STORE)
