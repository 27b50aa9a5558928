"""Indexes the validation documents in the warehouse."""

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

# The clocks of writers and of a bucket differ, and a large upload has the time of its start.
OVERLAP = timedelta(seconds=60)
# An unreadable document may still be in the process of being written.
SETTLED_AFTER = timedelta(seconds=10)


@dataclass(frozen=True)
class Indexed:
    """The result of one pass: documents indexed, rejected, and left for the next pass."""

    added: int = 0
    set_aside: int = 0
    left: int = 0


def validations_index(archive: ValidationArchive, *, everything: bool = False) -> Indexed:
    """Index the documents that are new since the last pass. Idempotent, and safe to run concurrently.

    Each document becomes one row: a validation, or an unreadable document with the reason.

    Args:
        everything: scan all documents, not only those newer than the newest known one. Finds documents restored with an
            old time, retries unreadable ones, and deletes the rows of unreadable documents that no longer exist.

    Raises:
        ArchiveUnreachableError: the warehouse does not respond.
    """
    newest = _newest()
    found = [_named(document) for document in archive.list(None if everything or newest is None else newest - OVERLAP)]
    if everything:
        UnreadableDocument.objects.exclude(path__in=[document.path for document in found]).delete()
    outcomes = [_index(archive, document) for document in _not_known(found, again=everything)]
    return Indexed(outcomes.count("added"), outcomes.count("set aside"), outcomes.count("left"))


def _newest() -> datetime | None:
    """The newest time of a known document, ignoring future times, which do not tell which documents are new."""
    now = timezone.now()
    of_read = Validation.objects.filter(modified_at__lte=now).aggregate(newest=Max("modified_at"))["newest"]
    of_unread = UnreadableDocument.objects.filter(modified_at__lte=now).aggregate(newest=Max("modified_at"))["newest"]
    return max((at for at in (of_read, of_unread) if at), default=None)


def _named(found: DocumentPath) -> DocumentPath:
    """The document, with a path that fits the column."""
    if len(found.path) <= LONGEST_PATH:
        return found
    mark = sha256(found.path.encode()).hexdigest()[:16]
    problem = f"The path has {len(found.path):,} characters; the limit is {LONGEST_PATH:,}. Rename the file."
    return DocumentPath(f"{found.path[: LONGEST_PATH - 17]}…{mark}", found.modified_at, found.size, problem)


def _not_known(found: Sequence[DocumentPath], *, again: bool) -> list[DocumentPath]:
    """The documents that were not processed in their current version; with `again`, also unreadable ones."""
    paths = [document.path for document in found]
    known: set[tuple[str, datetime]] = set(Validation.objects.filter(path__in=paths).values_list("path", "modified_at"))
    if not again:
        known |= set(UnreadableDocument.objects.filter(path__in=paths).values_list("path", "modified_at"))
    return [document for document in found if (document.path, document.modified_at) not in known]


def _index(archive: ValidationArchive, found: DocumentPath) -> str:
    if found.problem:
        return _set_aside(found, found.problem)
    if found.size > MAX_BYTES:
        return _set_aside(found, f"The document has {found.size:,} bytes; the limit is {MAX_BYTES:,}.")
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
        return _set_aside(found, f"Duplicate ID: {twin.path} was indexed first with the same ID.")
    try:
        with transaction.atomic():
            # The file was overwritten with another validation: the document is the source of truth.
            Validation.objects.filter(path=found.path).exclude(pk=document.validation_id).delete()
            Validation.objects.update_or_create(
                pk=document.validation_id,
                defaults=documents.as_fields(document, path=found.path, modified_at=found.modified_at),
            )
            UnreadableDocument.objects.filter(path=found.path).delete()
    except (DatabaseError, ValueError, ArithmeticError) as error:
        if isinstance(error, OperationalError | InterfaceError) and not _is_too_large(error):
            raise
        # PostgreSQL can't store a value: one document must not block the others.
        return _set_aside(found, f"The document can't be stored: {str(error).splitlines()[0]}")
    return "added"


def _is_too_large(error: Exception) -> bool:
    """Whether PostgreSQL reports a limit of its own for the value (class 54), and not that it is away."""
    return str(getattr(error.__cause__, "sqlstate", "") or "").startswith("54")


def _set_aside(found: DocumentPath, reason: str) -> str:
    log.warning("%s is not a valid validation document: %s", found.path, reason)
    UnreadableDocument.objects.update_or_create(
        pk=found.path,
        defaults={"modified_at": found.modified_at, "size": found.size, "reason": storable(reason)[:500]},
    )
    return "set aside"
