"""Verification of the chain: whether every row exists, at its position, with its original content."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from django.db.models import Max
from django.utils import timezone

from controlplane.accounts.auditing.canonical import ZERO, digest_of
from controlplane.accounts.auditing.writing import HEAD
from controlplane.accounts.models import AuditChain, AuditEntry, AuditVerification

PURGE = "audit.purge"
# Rows in memory at a time.
CHUNK = 1000
# How far around its place the number is looked for under which a moved row was written.
_NEAR = 1000


class Kind(StrEnum):
    """The problem of the first invalid row."""

    CHANGED = "changed"
    MISSING = "missing"
    MOVED = "moved"
    REPLACED = "replaced"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True)
class Link:
    """A row by its number and hash: what the next row continues."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


@dataclass(frozen=True)
class Problem:
    """The first invalid row and its problem."""

    sequence: int
    kind: Kind
    message: str

    def as_dict(self) -> dict[str, Any]:
        """The fields for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Verification:
    """What was verified: the rows after `start` up to `head`, and the first problem."""

    start: Link
    head: Link
    rows: int
    problem: Problem | None

    @property
    def holds(self) -> bool:
        """Whether the chain is unbroken."""
        return self.problem is None


def chain_start() -> Link:
    """What the first row that is kept continues: the last row that retention deleted, as its audit row says."""
    purge = AuditEntry.objects.filter(action=PURGE, outcome=AuditEntry.Outcome.SUCCEEDED, actor=None).first()
    after = (purge.after or {}) if purge is not None else {}
    return Link(int(after.get("last_sequence", 0)), str(after.get("last_hash", ZERO)))


def chain_verify(after: Link | None = None, anchors: list[Link] | None = None) -> Verification:
    """Go through the chain in chunks, up to its head at the beginning; rows that are written meanwhile are left out.

    Args:
        after: a row that was verified before; by default everything that retention has left is verified.
        anchors: rows as they were noted elsewhere, for example in the log; each one that is still kept has to be there.
    """
    while True:
        start = chain_start()
        goes_on = after is not None and after.sequence >= start.sequence
        found = _verified(after if goes_on and after is not None else start, anchors or [])
        if found.holds:
            found = replace(found, problem=_stray(start))
        # Retention may delete rows while they are read.
        if found.holds or chain_start() == start:
            return found


def _verified(start: Link, anchors: list[Link]) -> Verification:
    # Before the head is read: rows after the head were not appended by the writer.
    seen = AuditEntry.objects.aggregate(last=Max("sequence"))["last"]
    head = AuditChain.objects.filter(pk=HEAD).first()
    if head is None:
        head = AuditChain(pk=HEAD, sequence=start.sequence, hash=start.hash)
    noted = {anchor.sequence: anchor.hash for anchor in anchors if anchor.sequence > start.sequence}
    last, rows = start, 0

    def ended(problem: Problem | None) -> Verification:
        return Verification(start, last, rows, problem)

    for entry in _rows(start.sequence, head.sequence):
        problem = _problem(entry, last, first=rows == 0)
        if problem is None and noted.get(entry.sequence, entry.hash) != entry.hash:
            problem = Problem(
                entry.sequence,
                Kind.REPLACED,
                f"The hash of row {entry.sequence} differs from the anchor {entry.sequence}:{noted[entry.sequence]}: "
                "the chain was rewritten after the anchor was recorded.",
            )
        if problem is not None:
            return ended(problem)
        noted.pop(entry.sequence, None)
        last, rows = Link(entry.sequence, entry.hash), rows + 1
    if last.sequence < head.sequence:
        return ended(_missing(last.sequence + 1, head.sequence))
    if last.hash != head.hash:
        return ended(_replaced(last.sequence, "the hash of the chain's head differs"))
    if seen is not None and seen > head.sequence:
        return ended(
            Problem(
                head.sequence + 1,
                Kind.UNEXPECTED,
                f"Row {head.sequence + 1} comes after the head of the chain, {head.sequence}: it was not appended by "
                "the application, or the head was reset.",
            )
        )
    if noted:
        return ended(_missing(min(noted), max(noted)))
    return ended(None)


def _stray(start: Link) -> Problem | None:
    """A row before the beginning of the chain, which no list would leave out."""
    stray = AuditEntry.objects.filter(sequence__lte=start.sequence).order_by("sequence").first()
    if stray is None:
        return None
    message = f"Row {stray.sequence} comes before the beginning of the chain, row {start.sequence + 1}."
    return Problem(stray.sequence, Kind.UNEXPECTED, message)


def _rows(after: int, up_to: int) -> Iterator[AuditEntry]:
    while after < up_to:
        chunk = list(AuditEntry.objects.filter(sequence__gt=after, sequence__lte=up_to).order_by("sequence")[:CHUNK])
        if not chunk:
            return
        yield from chunk
        after = chunk[-1].sequence


def _problem(entry: AuditEntry, last: Link, *, first: bool) -> Problem | None:
    number = entry.sequence
    if number != last.sequence + 1:
        return _missing(last.sequence + 1, number - 1)
    if digest_of(entry) != entry.hash:
        written = _written_as(entry)
        if written is None:
            return Problem(number, Kind.CHANGED, f"The content of row {number} does not match its hash.")
        return Problem(
            number,
            Kind.MOVED,
            f"Row {number} was written as number {written}: rows were inserted before it or reordered.",
        )
    if entry.previous_hash == last.hash:
        return None
    if first:
        return Problem(
            number, Kind.REPLACED, f"Row {number} does not continue row {last.sequence}, with the hash {last.hash}."
        )
    return _replaced(last.sequence, f"the previous hash of row {number} differs")


def _missing(first: int, last: int) -> Problem:
    message = f"Row {first} is missing." if first == last else f"Rows {first} to {last} are missing."
    return Problem(first, Kind.MISSING, message)


def _replaced(sequence: int, because: str) -> Problem:
    return Problem(
        sequence, Kind.REPLACED, f"Row {sequence} was rewritten after its successor was appended: {because}."
    )


def _written_as(entry: AuditEntry) -> int | None:
    """The number near its place with which the content of a row matches its hash."""
    number = entry.sequence
    try:
        for other in range(max(1, number - _NEAR), number + _NEAR + 1):
            entry.sequence = other
            if digest_of(entry) == entry.hash:
                return other
    finally:
        entry.sequence = number
    return None


def verify_and_note(*, complete: bool) -> Verification:
    """Verify the chain and keep the result for the page and the API.

    Args:
        complete: everything again; otherwise only what came after the last verification. What was found broken is
            verified from the beginning until it holds.
    """
    noted = AuditVerification.objects.filter(pk=1).first()
    after = None
    if not complete and noted is not None and noted.complete_at is not None and noted.problem is None:
        known = AuditEntry.objects.filter(sequence=noted.sequence, hash=noted.hash).exists()
        # Otherwise that row was changed or deleted: everything is verified.
        after = Link(noted.sequence, noted.hash) if known else None
    found = chain_verify(after)
    now = timezone.now()
    AuditVerification.objects.update_or_create(
        pk=1,
        defaults={
            "checked_at": now,
            "complete_at": now if after is None or noted is None else noted.complete_at,
            "sequence": found.head.sequence,
            "hash": found.head.hash,
            "problem": None if found.problem is None else found.problem.as_dict(),
        },
    )
    return found
