"""Uploading, importing and deleting recordings."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import audited
from controlplane.accounts.text import shortened
from controlplane.enqueue import enqueue_on_commit
from controlplane.errors import ActionError, InvalidInputError, NotFoundError
from controlplane.leases import WorkState
from controlplane.names import without_hidden
from controlplane.scenarios.generator.document import READY, Columns
from controlplane.scenarios.generator.recording.confined import look, while_a_person_waits
from controlplane.scenarios.generator.recording.errors import RecordingError, columns_missing
from controlplane.scenarios.generator.recording.mapping import columns_of
from controlplane.scenarios.generator.recording.proposing import MOST_COLUMNS, Look, ready_for
from controlplane.scenarios.generator.recording.store import columns_digest, recording_store
from controlplane.scenarios.generator.recording.summary import Summary
from controlplane.scenarios.models import Recording, RecordingReading
from controlplane.scenarios.recordings import selectors

log = logging.getLogger(__name__)

AUTO, BY_HAND = "auto", "by-hand"
# Smaller files are imported during the request. If one is invalid, the response says so and nothing is stored.
AT_ONCE_BYTES = 2 << 20


class RecordingRefusedError(InvalidInputError):
    """The file or its mapping is invalid."""


def recording_upload(
    *, actor: User, name: str, chunks: Iterable[bytes], mapping: str = AUTO, at_once_bytes: int = AT_ONCE_BYTES
) -> tuple[Recording, RecordingReading | None]:
    """Store a file and import it with a mapping. Uploading the same file again returns the same recording.

    Args:
        mapping: a ready one's name; AUTO for the one that fits its columns, if one does; BY_HAND for none yet.
        at_once_bytes: a larger file is read by a task.

    Returns:
        The recording and its import; None without a mapping. The import of a large file is still in progress.

    Raises:
        RecordingRefusedError: the file is invalid; nothing is stored.
        ActionError: there is no disk space.
    """
    name = _clean(name)
    with audited(actor=actor, action="recording.upload", target=name) as act:
        if mapping not in (AUTO, BY_HAND, *READY):
            raise RecordingRefusedError(
                f"mapping: Unknown value {mapping[:40]!r}.", f"Allowed: {', '.join((AUTO, *READY, BY_HAND))}."
            )
        with _said_plainly():
            sha256, size = recording_store().keep(chunks)
        act.detail.update({"recording": sha256, "bytes": size})
        try:
            seen, chosen, summary = _looked(sha256, mapping, at_once=size <= at_once_bytes)
        except BaseException:
            if not Recording.objects.filter(sha256=sha256).exists():
                recording_store().forget(sha256)
            raise
        with transaction.atomic():
            row, made = Recording.objects.get_or_create(
                sha256=sha256,
                defaults={
                    "name": name, "size": size, "kind": seen.kind, "packed": seen.packed, "columns": seen.columns,
                    "rows": seen.rows, "uploaded_by": actor, "uploaded_by_name": actor.get_username(),
                },
            )  # fmt: skip
            reading = _reading(actor, row, chosen, READY[chosen], summary) if chosen else None
        _still_there(row)
        act.detail["mapping"] = chosen or ""
        if made:
            act.changed(None, _kept(row))
    return row, reading


def recording_read(
    *,
    actor: User,
    sha256: str,
    mapping: str | None = None,
    columns: Columns | None = None,
    at_once_bytes: int = AT_ONCE_BYTES,
) -> RecordingReading:
    """Import a recording with a mapping: a built-in one, or custom columns. Repeating the request returns the same
    import; a failed one is retried.

    Args:
        at_once_bytes: a larger file is read by a task.

    Raises:
        NotFoundError: the recording does not exist.
        RecordingRefusedError: a column is missing, or the (small) file can't be imported with the mapping.
    """
    with audited(actor=actor, action="recording.read", target=sha256[:12]) as act:
        row = selectors.recording_get(sha256)
        act.target = row.name
        if columns is None:
            if mapping not in READY:
                raise RecordingRefusedError(
                    f"mapping: Unknown value {str(mapping)[:40]!r}.",
                    f"Allowed: {', '.join(READY)}. For a custom mapping, use columns.",
                )
            columns = READY[mapping]
        else:
            # Columns equal to a built-in mapping are that mapping.
            mapping = next((name for name, ready in READY.items() if ready == columns), "")
        act.detail.update({"recording": sha256, "mapping": mapping})
        with _said_plainly():
            _check_columns(row.kind, row.columns, columns)
            summary = _summary(sha256, columns, at_once=row.size <= at_once_bytes)
        before = row.readings.filter(digest=columns_digest(columns)).first()
        with transaction.atomic():
            reading = _reading(actor, row, mapping, columns, summary)
        _still_there(row)
        act.changed(None if before is None else _asked(before), _asked(reading))
    return reading


def recording_delete(*, actor: User, sha256: str) -> Recording:
    """Delete a recording, its file and its imports. This can't be undone.

    Raises:
        NotFoundError: the recording does not exist.
        ActionError: a scenario version uses it.
    """
    with audited(actor=actor, action="recording.delete", target=sha256[:12]) as act, transaction.atomic():
        row = Recording.objects.select_for_update().filter(sha256=sha256).first()
        if row is None:
            raise NotFoundError(f"Recording {sha256[:12]} does not exist.", "Select one from the list.")
        act.target, act.detail["recording"] = row.name, sha256
        used = selectors.scenarios_using(sha256)
        if used:
            names = ", ".join(sorted({version.scenario.name for version in used}))
            raise ActionError(
                f"{row.name} is in use by {names}.",
                "Recordings of scenario versions are kept, so that the runs can be replayed.",
            )
        kept = {**_kept(row), "readings": row.readings.count()}
        row.delete()
        act.changed(kept, None)
        # Before the commit: a crash here leaves a row without a file, which can be deleted again.
        recording_store().forget(sha256)
    return row


def _kept(row: Recording) -> dict[str, Any]:
    """A recording, for the audit log."""
    return {"name": row.name, "sha256": row.sha256, "bytes": row.size, "kind": row.kind, "rows": row.rows}


def _asked(reading: RecordingReading) -> dict[str, Any]:
    """An import, for the audit log. `digest` identifies its columns."""
    return {
        "mapping": reading.mapping,
        "digest": reading.digest,
        "state": str(reading.state),
        "requested_at": reading.requested_at,
    }


def _looked(sha256: str, mapping: str, *, at_once: bool) -> tuple[Look, str, Summary | None]:
    """(what the file begins with, the mapping to read it with if any, what that made of it if it is read at once)."""
    with _said_plainly():
        seen = look(recording_store().file(sha256))
        chosen = "" if mapping == BY_HAND else (ready_for(seen) or "") if mapping == AUTO else mapping
        if not chosen:
            return seen, "", None
        _check_columns(seen.kind, seen.columns, READY[chosen])
        return seen, chosen, _summary(sha256, READY[chosen], at_once=at_once)


def _summary(sha256: str, columns: Columns, *, at_once: bool) -> Summary | None:
    """What a mapping makes of a file that is read at once; None for one that a task reads."""
    return recording_store().prepare(sha256, columns, while_a_person_waits()) if at_once else None


def _reading(
    actor: User, row: Recording, mapping: str | None, columns: Columns, summary: Summary | None
) -> RecordingReading:
    """The row of the import: succeeded if there is a summary, otherwise requested."""
    from controlplane.scenarios.tasks import read_recording

    now = timezone.now()
    done = {"state": WorkState.SUCCEEDED, "summary": summary.as_dict(), "rows_read": summary.read} if summary else {}
    asked = {
        "state": WorkState.WAITING, "message": "", "requested_by": actor, "requested_by_name": actor.get_username(),
        "requested_at": now, "started_at": now if summary else None, "finished_at": now if summary else None,
        "sent_at": None if summary else now, "attempts": 0, "rows_read": 0, **done,
    }  # fmt: skip
    reading, made = RecordingReading.objects.select_for_update().get_or_create(
        recording=row,
        digest=columns_digest(columns),
        defaults={"mapping": mapping or "", "columns": columns.model_dump(mode="json", exclude_defaults=True), **asked},
    )
    if not made and (reading.state == WorkState.FAILED or (summary and reading.state != WorkState.SUCCEEDED)):
        for field, value in asked.items():
            setattr(reading, field, value)
        reading.save()
        made = True
    if made and reading.state == WorkState.WAITING:
        enqueue_on_commit(read_recording.s(reading.pk))
    return reading


def _check_columns(kind: str, there: list[str], columns: Columns) -> None:
    """Report missing columns before the whole file is read.

    Raises:
        RecordingError: a column is missing.
    """
    if len(there) == MOST_COLUMNS:
        # The file may have more columns, which only the import reveals.
        return
    wanted, needed = columns_of(columns)
    missing = [name for name in (needed if kind == "ndjson" else wanted) if name not in there]
    if missing:
        raise columns_missing(missing, there)


def _still_there(row: Recording) -> None:
    """A concurrent deletion of the same recording may have removed the stored file."""
    try:
        recording_store().file(row.sha256)
    except RecordingError:
        Recording.objects.filter(pk=row.pk).delete()
        raise ActionError(f"{row.name} was deleted during the upload.", "Upload it again.") from None


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Translate errors of files to errors with a remedy."""
    try:
        yield
    except RecordingError as error:
        raise RecordingRefusedError(error.message, error.remedy) from None
    except OSError as error:
        log.exception("keeping a recording failed")
        raise ActionError(
            f"The file can't be stored ({error.strerror or error}).", "Free disk space, then upload it again."
        ) from None


def _clean(name: str) -> str:
    """The display name of a file: its last path segment without invisible characters, shortened to 80 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return shortened(without_hidden(last), 80) or "recording"
