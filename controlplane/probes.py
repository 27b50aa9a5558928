"""The probe of each service. A probe returns a Reading within a few seconds or raises."""

from collections.abc import Callable
from functools import partial

from django.db import connection

from controlplane.bi import probe as bi
from controlplane.health.models import PartState
from controlplane.health.reading import Reading
from controlplane.lakehouse import probe as lake
from controlplane.lakehouse import storage
from controlplane.ledger.selectors import gaps_known
from controlplane.orchestration import probes as orchestration
from controlplane.streaming import probes as streaming


def postgres() -> Reading:
    """Check the database; reports its size and connections."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), pg_database_size(current_database()),"
            " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
            " current_setting('max_connections')::int"
        )
        version, size, connections, allowed = cursor.fetchone()
    detail = {"version": version, "bytes": size, "connections": connections, "connections_allowed": allowed}
    health = "Almost all connections in use" if connections > 0.9 * allowed else "Healthy"
    summary = f"{health}. PostgreSQL {version.split()[0]}, {connections} of {allowed} connections in use."
    state = PartState.DEGRADED if connections > 0.9 * allowed else PartState.UP
    return Reading(state, summary, detail)


PROBES: dict[str, Callable[[], Reading]] = {
    "postgres": postgres,
    "bi": bi.look,
    "kafka": partial(streaming.kafka, gaps_known),
    "spark": streaming.spark,
    "stream": streaming.stream,
    "airflow": orchestration.airflow,
    "lake": lake.look,
    "storage": storage.look,
}
