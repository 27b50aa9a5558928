"""Keeping the index of validations in step with the documents in the warehouse."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import Max
from django.utils import timezone

from controlplane.quality import documents
from controlplane.quality.documents import MAX_BYTES
from controlplane.quality.models import LONGEST_PATH, UnreadableDocument, Validation
from controlplane.quality.ports import (
    DocumentMissingError,
    DocumentPath,
    DocumentUnreadableError,
    ValidationArchive,
)
from controlplane.web.values import storable

log = logging.getLogger(__name__)

# Clocks of the writers and of a bucket differ, and a large upload shows the time of its beginning.
OVERLAP = timedelta(seconds=60)
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

    Each document is one row, whatever it holds: a validation, or one that says why it can't be read.

    Args:
        everything: look at all documents, not only those newer than the newest one known. Brings in what was restored
            with an old time, reads again what couldn't be read, and forgets unreadable documents that are gone.

    Raises:
        ArchiveUnreachableError: the warehouse doesn't answer.
    """
    newest = _newest()
    found = [_named(document) for document in archive.list(None if everything or newest is None else newest - OVERLAP)]
    if everything:
        UnreadableDocument.objects.exclude(path__in=[document.path for document in found]).delete()
    outcomes = [_index(archive, document) for document in _not_known(found, again=everything)]
    return Indexed(outcomes.count("added"), outcomes.count("set aside"), outcomes.count("left"))


def _newest() -> datetime | None:
    """The newest time of a known document. One in the future says nothing about which documents are new."""
    now = timezone.now()
    of_read = Validation.objects.filter(modified_at__lte=now).aggregate(newest=Max("modified_at"))["newest"]
    of_unread = UnreadableDocument.objects.filter(modified_at__lte=now).aggregate(newest=Max("modified_at"))["newest"]
    return max((at for at in (of_read, of_unread) if at), default=None)


def _named(found: DocumentPath) -> DocumentPath:
    """The document under a path that a row can hold."""
    if len(found.path) <= LONGEST_PATH:
        return found
    mark = sha256(found.path.encode()).hexdigest()[:16]
    problem = f"Its path has {len(found.path):,} characters, {LONGEST_PATH:,} at most are possible. Rename the file."
    return DocumentPath(f"{found.path[: LONGEST_PATH - 17]}…{mark}", found.modified_at, found.size, problem)


def _not_known(found: Sequence[DocumentPath], *, again: bool) -> list[DocumentPath]:
    """Those that were not dealt with in the state that they are in now; with `again` also those not readable then."""
    paths = [document.path for document in found]
    known: set[tuple[str, datetime]] = set(Validation.objects.filter(path__in=paths).values_list("path", "modified_at"))
    if not again:
        known |= set(UnreadableDocument.objects.filter(path__in=paths).values_list("path", "modified_at"))
    return [document for document in found if (document.path, document.modified_at) not in known]


def _index(archive: ValidationArchive, found: DocumentPath) -> str:
    if found.problem:
        return _set_aside(found, found.problem)
    if found.size > MAX_BYTES:
        return _set_aside(found, f"The document has {found.size:,} bytes; {MAX_BYTES:,} at most are read.")
    try:
        document = documents.read(archive.read(found.path, most=MAX_BYTES))
    except DocumentMissingError:
        return "left"
    except DocumentUnreadableError as error:
        return _set_aside(found, str(error))
    except documents.UnreadableError as error:
        if abs(timezone.now() - found.modified_at) < SETTLED_AFTER:
            return "left"
        return _set_aside(found, str(error))
    twin = Validation.objects.filter(pk=document.validation_id).exclude(path=found.path).defer("expectations").first()
    if twin is not None:
        return _set_aside(found, f"It has the id of {twin.path}, which was there first.")
    try:
        with transaction.atomic():
            # Written again under its name with another validation: the document is the record.
            Validation.objects.filter(path=found.path).exclude(pk=document.validation_id).delete()
            Validation.objects.update_or_create(
                pk=document.validation_id,
                defaults=documents.as_fields(document, path=found.path, modified_at=found.modified_at),
            )
            UnreadableDocument.objects.filter(path=found.path).delete()
    except (DatabaseError, ValueError, ArithmeticError) as error:
        if isinstance(error, OperationalError | InterfaceError):
            raise
        # Something that PostgreSQL can't hold: one document must not stop the others.
        return _set_aside(found, f"It can't be stored: {str(error).splitlines()[0]}")
    return "added"


def _set_aside(found: DocumentPath, reason: str) -> str:
    log.warning("%s is no validation: %s", found.path, reason)
    UnreadableDocument.objects.update_or_create(
        pk=found.path,
        defaults={"modified_at": found.modified_at, "size": found.size, "reason": storable(reason)[:500]},
    )
    return "set aside"
