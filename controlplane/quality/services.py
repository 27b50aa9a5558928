"""Keeping the index of validations in step with the documents in the warehouse."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, OperationalError, transaction
from django.db.models import Max
from django.utils import timezone

from controlplane.quality import documents
from controlplane.quality.models import UnreadableDocument, Validation
from controlplane.quality.ports import DocumentMissingError, DocumentPath, ValidationArchive

log = logging.getLogger(__name__)

# Clocks of the writers and of a bucket differ, and a large upload shows the time of its beginning.
OVERLAP = timedelta(seconds=60)
# A validation of some hundred expectations with their samples has some hundred KiB.
MAX_BYTES = 8 << 20
# A document that can't be read yet may still be being written.
SETTLED_AFTER = timedelta(seconds=10)


@dataclass(frozen=True)
class Indexed:
    """What one pass found: documents indexed, documents set aside, documents left for the next pass."""

    added: int = 0
    set_aside: int = 0
    left: int = 0


def validations_index(archive: ValidationArchive, *, everything: bool = False) -> Indexed:
    """Index the documents that are new since the last pass. May run any number of times, and in two places at once.

    Args:
        everything: look at all documents, not only those newer than the newest one known. Brings in what was restored
            with an old time.

    Raises:
        ArchiveUnreachableError: the warehouse doesn't answer.
    """
    newest = _newest()
    found = archive.list(None if everything or newest is None else newest - OVERLAP)
    outcomes = [_index(archive, document) for document in _not_known(found)]
    return Indexed(outcomes.count("added"), outcomes.count("set aside"), outcomes.count("left"))


def _newest() -> datetime | None:
    of_read = Validation.objects.aggregate(newest=Max("modified_at"))["newest"]
    of_unread = UnreadableDocument.objects.aggregate(newest=Max("modified_at"))["newest"]
    return max((at for at in (of_read, of_unread) if at), default=None)


def _not_known(found: Sequence[DocumentPath]) -> list[DocumentPath]:
    """Those that were not dealt with in the state that they are in now."""
    paths = [document.path for document in found]
    known: set[tuple[str, datetime]] = set(
        Validation.objects.filter(path__in=paths).values_list("path", "modified_at")
    ) | set(UnreadableDocument.objects.filter(path__in=paths).values_list("path", "modified_at"))
    return [document for document in found if (document.path, document.modified_at) not in known]


def _index(archive: ValidationArchive, found: DocumentPath) -> str:
    if found.size > MAX_BYTES:
        _set_aside(found, f"The document has {found.size:,} bytes; {MAX_BYTES:,} at most are read.")
        return "set aside"
    try:
        document = documents.read(archive.read(found.path))
    except DocumentMissingError:
        return "left"
    except documents.UnreadableError as error:
        if timezone.now() - found.modified_at < SETTLED_AFTER:
            return "left"
        _set_aside(found, str(error))
        return "set aside"
    twin = Validation.objects.filter(pk=document.validation_id).exclude(path=found.path).first()
    if twin is not None:
        _set_aside(found, f"It has the id of {twin.path}, which was there first.")
        return "set aside"
    try:
        with transaction.atomic():
            Validation.objects.update_or_create(
                pk=document.validation_id,
                defaults=documents.as_fields(document, path=found.path, modified_at=found.modified_at),
            )
            UnreadableDocument.objects.filter(path=found.path).delete()
    except DatabaseError as error:
        if isinstance(error, OperationalError):
            raise
        # Something that PostgreSQL can't hold, such as a NUL in a text: one document must not stop the others.
        _set_aside(found, f"It can't be stored: {str(error).splitlines()[0]}")
        return "set aside"
    return "added"


def _set_aside(found: DocumentPath, reason: str) -> None:
    log.warning("%s is no validation: %s", found.path, reason)
    UnreadableDocument.objects.update_or_create(
        pk=found.path,
        defaults={"modified_at": found.modified_at, "size": found.size, "reason": reason[:500]},
    )
