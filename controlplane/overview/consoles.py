"""Links to the user interfaces of the other services. Each address is a setting."""

from dataclasses import dataclass

from django.conf import settings

from controlplane.health.parts import served_at
from controlplane.links import PROMETHEUS_PREFIX, SPARK_PREFIX


@dataclass(frozen=True)
class Console:
    """A link to an external tool. `text` says what the tool shows."""

    title: str
    url: str
    icon: str
    text: str


def consoles(*, may_operate: bool) -> list[Console]:
    """The tools whose address is configured, that a browser can open, and that the user is allowed to open."""
    spark = served_at(SPARK_PREFIX) if settings.SPARK_UI_URL and may_operate else ""
    prometheus = settings.PROMETHEUS_URL
    if settings.PROMETHEUS_INTERNAL_URL:
        prometheus = served_at(PROMETHEUS_PREFIX) if may_operate else ""
    known = (
        Console("Airflow", settings.AIRFLOW_PUBLIC_URL, "wind", "DAGs, tasks, logs"),
        Console("Spark", spark, "bolt", "Queries, stages, executors"),
        Console("MinIO", settings.MINIO_CONSOLE_URL, "bucket", "Buckets, users"),
        Console("Prometheus", prometheus, "flame", "Metrics, alerts"),
        Console("Grafana", settings.GRAFANA_URL, "chart-line", "Dashboards"),
    )
    return [one for one in known if one.url.startswith(("http://", "https://"))]
