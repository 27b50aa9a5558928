"""Indexing validations by itself."""

from celery import shared_task

from controlplane.quality.ports import ArchiveUnreachableError
from controlplane.quality.providers import validation_archive
from controlplane.quality.services import validations_index


@shared_task
def index() -> None:
    """Bring in what is new. While the warehouse doesn't answer there is nothing to do: the next pass finds it all."""
    try:
        validations_index(validation_archive())
    except ArchiveUnreachableError:
        return


@shared_task
def index_everything() -> None:
    """The same over all documents, for those that came in with an old time."""
    try:
        validations_index(validation_archive(), everything=True)
    except ArchiveUnreachableError:
        return
