"""Files that only their owner can read."""

from __future__ import annotations

import os
from pathlib import Path


def write_private_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, readable by its owner only from the first byte on, and never half-written."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    beside.replace(path)
