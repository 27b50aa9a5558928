"""As root: the accounts that services run as, and the files that belong to them.

PostgreSQL refuses to run as root and has an account of its own. Services that need only their own folder share a second
one. An installation that an ordinary user starts has none of these: every service runs as that user.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

POSTGRES = "pgserver"
SERVICES = "lakehouse-services"
_lock = threading.Lock()


def name_of(account: str) -> str:
    """`account` as root, "" otherwise: the user of the supervisor's program section."""
    return account if os.geteuid() == 0 else ""


def ensure(account: str) -> pwd.struct_passwd:
    """The system account, which is created where it is missing."""
    with _lock:
        try:
            return pwd.getpwnam(account)
        except KeyError:
            subprocess.run(
                ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", account],
                check=True,
                capture_output=True,
            )
            return pwd.getpwnam(account)


def identity(account: str) -> dict[str, Any]:
    """Arguments of `subprocess.run` for a command that runs as `account`, without the groups of root."""
    owner = ensure(account)
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": ()}


def hand_over(folders: Iterable[Path], account: str) -> None:
    """Give `folders` and their content to `account`. Call it while no service that writes there is running.

    A folder that belongs to the account already is left alone: root changes no owner where the account can place links.
    The folder itself comes last, so an interrupted call is repeated.
    """
    owner = ensure(account)
    for folder in folders:
        if folder.stat().st_uid == owner.pw_uid:
            continue
        for path, folder_names, file_names in os.walk(folder, topdown=False):
            for name in (*folder_names, *file_names):
                os.chown(os.path.join(path, name), owner.pw_uid, owner.pw_gid, follow_symlinks=False)
        make_reachable(folder)
        os.chown(folder, owner.pw_uid, owner.pw_gid)


def make_reachable(path: Path) -> None:
    """As root, let other accounts enter, but not list, the folders above `path`."""
    if os.geteuid() != 0:
        return
    for folder in {*path.parents, *path.resolve().parents}:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
