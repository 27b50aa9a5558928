"""Files that only their owner can read."""

from __future__ import annotations

import os
from pathlib import Path


def write_private_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, readable by its owner only from the first byte on, and never half-written.

    As root, the file gets the owner of its folder: a service that runs as another account owns its folder.
    """
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        file.write(content)
    beside.replace(path)


def make_private_folder(path: Path) -> None:
    """Create the folder `path` where it is missing, for its owner only. As root, it gets the owner of its parent."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
