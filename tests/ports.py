"""Ports for what a test starts itself."""

import socket


def free_port() -> int:
    """A port of the loopback address on which nothing listens now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
