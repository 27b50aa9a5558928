"""Periodic indexing of validations."""

from celery import shared_task

from controlplane.quality.ports import ArchiveUnreachableError
from controlplane.quality.providers import validation_archive
from controlplane.quality.services import validations_index


@shared_task
def index() -> None:
    """Index new documents. While the warehouse does not respond, skip: the next pass finds them."""
    try:
        validations_index(validation_archive())
    except ArchiveUnreachableError:
        return


@shared_task
def index_everything() -> None:
    """Scan all documents, including those with an old time."""
    try:
        validations_index(validation_archive(), everything=True)
    except ArchiveUnreachableError:
        return
