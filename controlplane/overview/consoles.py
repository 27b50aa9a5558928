"""The parts' own user interfaces, where they run: each link is a setting."""

from dataclasses import dataclass

from django.conf import settings

from controlplane.health.parts import served_at
from controlplane.links import PROMETHEUS_PREFIX, SPARK_PREFIX


@dataclass(frozen=True)
class Console:
    """One of them, and what somebody would open it for."""

    title: str
    url: str
    icon: str
    text: str


def consoles(*, may_operate: bool) -> list[Console]:
    """Those whose address is known, that a browser can open, and that the person may see."""
    spark = served_at(SPARK_PREFIX) if settings.SPARK_UI_URL and may_operate else ""
    prometheus = settings.PROMETHEUS_URL
    if settings.PROMETHEUS_INTERNAL_URL:
        prometheus = served_at(PROMETHEUS_PREFIX) if may_operate else ""
    known = (
        Console("Airflow", settings.AIRFLOW_PUBLIC_URL, "wind", "DAGs, tasks, logs"),
        Console("Spark", spark, "bolt", "queries, stages, executors"),
        Console("MinIO", settings.MINIO_CONSOLE_URL, "bucket", "buckets and users"),
        Console("Prometheus", prometheus, "flame", "metrics and alerts"),
        Console("Grafana", settings.GRAFANA_URL, "chart-line", "dashboards"),
    )
    return [one for one in known if one.url.startswith(("http://", "https://"))]
