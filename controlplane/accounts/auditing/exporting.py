"""The audit as a file: CSV for spreadsheets, JSON Lines for programs that verify the chain themselves."""

from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from bi.csv_cells import csv_lines
from controlplane.accounts.auditing.canonical import canonical, content_of, moment_text
from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.roles import Role
from controlplane.accounts.selectors import AUDIT_ORDER, AuditQuery, audit
from controlplane.accounts.services import audited
from controlplane.web.database import give_back_connections

# Rows in memory at a time.
CHUNK = 500


class Format(StrEnum):
    """The format of an export."""

    CSV = "csv"
    JSONL = "jsonl"


CONTENT_TYPES = {Format.CSV: "text/csv", Format.JSONL: "application/jsonl"}
COLUMNS = (
    *("sequence", "at", "user", "action", "resource", "outcome", "via", "credential", "address", "request_id"),
    *("details", "before", "after", "id", "previous_hash", "hash"),
)


def audit_export(*, actor: User, query: AuditQuery, kind: Format) -> StreamingHttpResponse:
    """The rows of a filtered list, in its order, as a download. Rows that are written meanwhile are left out.

    Raises:
        PermissionDenied: the actor is no admin; audited.
    """
    with audited(actor=actor, action="audit.export", target=f"audit ({kind})", role=Role.ADMIN) as act:
        rows = audit(query, reader=actor)
        last = rows.order_by("-sequence").values_list("sequence", flat=True).first() or 0
        rows = rows.filter(sequence__lte=last)
        act.detail.update({"filters": query.filters(), "rows": rows.count()})
    # The view used the database; the download must not keep that connection while its client reads.
    give_back_connections()
    response = StreamingHttpResponse(_streamed(rows, query, kind), content_type=f"{CONTENT_TYPES[kind]}; charset=utf-8")
    name = f"audit-{timezone.now():%Y%m%dT%H%M%SZ}.{kind}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


async def _streamed(rows: QuerySet[AuditEntry], query: AuditQuery, kind: Format) -> AsyncIterator[bytes]:
    order = query.wanted.ordered(AUDIT_ORDER)
    beyond = "sequence__gt" if query.wanted.oldest_first else "sequence__lt"
    write = _WRITERS[kind]
    if kind == Format.CSV:
        yield csv_lines([COLUMNS]).encode()
    after: int | None = None
    while True:
        chunk = rows if after is None else rows.filter(**{beyond: after})
        found = await sync_to_async(_read)(chunk.order_by(*order)[:CHUNK])
        if not found:
            return
        yield write(found)
        after = found[-1].sequence


def _read(rows: QuerySet[AuditEntry]) -> list[AuditEntry]:
    try:
        return list(rows)
    finally:
        give_back_connections()


def _as_csv(entries: list[AuditEntry]) -> bytes:
    return csv_lines(
        [
            entry.sequence, moment_text(entry.at), entry.actor_name, entry.action, entry.target, entry.outcome,
            entry.via, entry.credential, entry.address or "", entry.request_id, _json(entry.detail),
            _json(entry.before), _json(entry.after), str(entry.id), entry.previous_hash, entry.hash,
        ]
        for entry in entries
    ).encode()  # fmt: skip


def _json(value: Any) -> str:
    return "" if value is None or value == {} else canonical(value).decode()


def _as_json_lines(entries: list[AuditEntry]) -> bytes:
    return b"".join(canonical({**content_of(entry), "hash": entry.hash}) + b"\n" for entry in entries)


_WRITERS: dict[Format, Callable[[list[AuditEntry]], bytes]] = {Format.CSV: _as_csv, Format.JSONL: _as_json_lines}
