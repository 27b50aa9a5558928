"""The list of dashboards, in the order in which Grafana shows them."""

from __future__ import annotations

from pathlib import Path

from compose.monitoring.dashboards import pipeline, quality, services, spark, stream
from compose.monitoring.dashboards.panels import rendered

FOLDER = Path(__file__).resolve().parents[1] / "grafana" / "dashboards"
DASHBOARDS = (pipeline, stream, spark, quality, services)


def documents() -> dict[str, str]:
    """Each dashboard's JSON by file name."""
    return {f"{one.UID}.json": rendered(one.UID, one.TITLE, one.TEXT, one.PANELS) for one in DASHBOARDS}
