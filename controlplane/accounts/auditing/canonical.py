"""The canonical form of an audit row, and its hash. docs/audit.md specifies both for programs of other people."""

import hashlib
import json
import math
from datetime import UTC, datetime
from typing import Any

from controlplane.accounts.models import AuditEntry

VERSION = 1
# What the first row continues.
ZERO = "0" * 64


def content_of(entry: AuditEntry) -> dict[str, Any]:
    """Everything that the hash covers, by its published names."""
    return {
        "v": VERSION,
        "sequence": entry.sequence,
        "previous_hash": entry.previous_hash,
        "id": str(entry.id),
        "at": moment_text(entry.at),
        "actor_id": entry.actor_id,
        "actor": entry.actor_name,
        "action": entry.action,
        "target": entry.target,
        "outcome": str(entry.outcome),
        "detail": entry.detail,
        "before": entry.before,
        "after": entry.after,
        "address": entry.address,
        "request_id": entry.request_id,
        "via": str(entry.via),
        "credential": entry.credential,
    }


def digest_of(entry: AuditEntry) -> str:
    """SHA-256 of the canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(content_of(entry))).hexdigest()


def canonical(value: Any) -> bytes:
    """JSON in UTF-8 with sorted keys, without blanks, with numbers as `plain` gives them."""
    text = json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()


def moment_text(moment: datetime) -> str:
    """ISO 8601 in UTC, always with microseconds: 2026-11-29T10:39:39.000000Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def plain(value: Any) -> Any:
    """The value as PostgreSQL's jsonb gives it back, so that a row has the same canonical form when it is read again.

    jsonb keeps no NUL and no half of a surrogate pair, and has one form for a number: a whole one is an int here.
    """
    if isinstance(value, dict):
        return {plain(str(name)): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return int(value) if value.is_integer() else value
    if isinstance(value, datetime):
        return moment_text(value)
    return str(value).replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
