"""The one table of what an installation listens on, and with which attempts a stranger tries it.

A port or socket outside the table fails `tests/system/test_strangers.py`: add its line here, and attempts for a new
protocol to `asking.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from compose.local.settings import Settings
from tests.strangers.asking import Target
from tests.strangers.listeners import SUPERVISOR, Listener

# The port that a program chooses at each start.
CHOSEN = "a port of its own choice"
SOCKET = "a Unix socket"

# (service, variable of its port) -> name of the attempts in asking.py. A service may hold several ports.
TABLE: Mapping[tuple[str, str], str] = {
    ("postgres", "POSTGRES_PORT"): "postgres",
    ("redis", "REDIS_PORT"): "redis",
    ("kafka", "KAFKA_PORT"): "kafka",
    ("kafka", "KAFKA_CONTROLLER_PORT"): "kafka",
    ("kafka", "KAFKA_METRICS_PORT"): "jmx",
    ("minio", "MINIO_PORT"): "minio",
    ("minio", "MINIO_CONSOLE_PORT"): "minio-console",
    ("spark", "SPARK_CONNECT_PORT"): "spark-connect",
    ("spark", "SPARK_UI_PORT"): "spark-ui",
    # The driver's RPC and block manager.
    ("spark", CHOSEN): "spark-rpc",
    ("airflow-api-server", "AIRFLOW_PORT"): "airflow",
    ("web", "WEB_PORT"): "web",
    ("bi", SOCKET): "unix",
    (SUPERVISOR, SOCKET): "unix",
    ("prometheus", "PROMETHEUS_PORT"): "mutual-tls",
    ("postgres-exporter", "POSTGRES_METRICS_PORT"): "mutual-tls",
    ("redis-exporter", "REDIS_METRICS_PORT"): "mutual-tls",
}


def entry(listener: Listener, settings: Settings) -> tuple[str, str] | None:
    """The key of the line that `listener` belongs to; None if it has none."""
    if listener.path or not listener.port:
        kind = SOCKET
    else:
        numbers = {number: name for name, number in settings.ports.items()}
        kind = numbers.get(listener.port, CHOSEN)
    key = (listener.service, kind)
    return key if key in TABLE else None


def targets(found: list[Listener], settings: Settings, given: Mapping[str, str]) -> list[Target]:
    """What `ask` tries: every one of `found` that is in the table."""
    return [
        Target(str(one), TABLE[key], one.address, one.port, one.path, given)
        for one in found
        if (key := entry(one, settings)) is not None
    ]
