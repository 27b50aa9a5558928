"""The services of the system: name, address, and how each is checked."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from django.conf import settings

from controlplane.health.heartbeat import HEARTBEAT_SECONDS
from controlplane.health.periods import PERIODS
from controlplane.links import SPARK_PREFIX

Source = Literal["direct", "heartbeat", "probe"]


@dataclass(frozen=True)
class Part:
    """`programs` are its names at the supervisor; a row older than `stale_seconds` is stale. With
    `operators_only`, a viewer may not open its address."""

    name: str
    title: str
    address: str
    source: Source
    programs: tuple[str, ...] = ()
    stale_seconds: float = 0
    operators_only: bool = False

    @property
    def link(self) -> str:
        """The address where a browser can open it."""
        return self.address if self.address.startswith("http") else ""


def _host(url: str) -> str:
    found = urlsplit(url)
    return f"{found.hostname}:{found.port}" if found.port else str(found.hostname or "")


def _database() -> str:
    database = settings.DATABASES["default"]
    return f"{database.get('HOST') or 'localhost'}:{database.get('PORT') or 5432}"


def _heartbeat(name: str, title: str) -> Part:
    return Part(name, title, "", "heartbeat", (name,), 3 * HEARTBEAT_SECONDS)


def _probed(name: str, title: str, address: str, *programs: str, operators_only: bool = False) -> Part:
    return Part(name, title, address, "probe", programs, 3 * PERIODS.get(name, 15.0), operators_only)


def served_at(path: str) -> str:
    """The public URL of a path that the control plane serves."""
    return settings.PUBLIC_URL.rstrip("/") + path


def _storage() -> tuple[Part, ...]:
    """The object storage, if the warehouse is a bucket. It links to the console of the server, if there is one."""
    if settings.OBJECT_STORE is None:
        return ()
    return (
        _probed("storage", "Object storage", settings.MINIO_CONSOLE_URL or settings.OBJECT_STORE.endpoint, "minio"),
    )


PARTS: tuple[Part, ...] = (
    Part("postgres", "PostgreSQL", _database(), "direct", ("postgres",)),
    Part("redis", "Redis", _host(settings.REDIS_URL), "direct", ("redis",)),
    _heartbeat("worker", "Worker"),
    _heartbeat("generator", "Generator"),
    _heartbeat("beat", "Beat"),
    _probed("kafka", "Kafka", settings.KAFKA_BOOTSTRAP_SERVERS, "kafka"),
    _probed("spark", "Spark", served_at(SPARK_PREFIX), "spark", operators_only=True),
    _probed(
        "airflow",
        "Airflow",
        settings.AIRFLOW_PUBLIC_URL,
        "airflow-api-server",
        "airflow-scheduler",
        "airflow-dag-processor",
    ),
    _probed("lake", "Iceberg catalog", settings.WAREHOUSE),
    *_storage(),
    _probed("stream", "Stream", ""),
    _probed("bi", "BI", served_at("/bi/") if settings.BI_URL.startswith("unix://") else settings.BI_URL, "bi"),
)
