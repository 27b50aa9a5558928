"""Ports for what a test starts itself."""

import socket
from contextlib import ExitStack


def free_port() -> int:
    """A port of the loopback address on which nothing listens now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address on which nothing listens now, each another one."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(probe.getsockname()[1]) for probe in probes]
