"""Where programs of an installation listen without a port: Unix sockets, which only their owner reaches."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from compose.local.errors import InstallationError

# A socket's address holds 108 bytes; uvicorn and supervisord write beside it under a longer name.
LONGEST = 90


def socket_path(path: Path) -> Path:
    """`path` itself, unless it is longer than a socket's address may be: then one in a folder for temporary files."""
    if len(os.fsencode(path)) < LONGEST:
        return path
    digest = hashlib.sha256(str(path.parent).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"lakehouse-{os.getuid()}-{digest}" / path.name


def private_folder(folder: Path) -> None:
    """Make the folder of a socket, closed to every other account: the file's own mode says too little.

    Raises `InstallationError` if it belongs to another user.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise InstallationError(f"{folder} belongs to another user.", "Choose a shorter LAKEHOUSE_DATA.")
    folder.chmod(0o700)
