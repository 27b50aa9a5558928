"""What the programs need before they can work: databases, the bucket, tables, the first admin.

Each waits for the server that it needs, and can be run again.
"""

from __future__ import annotations

import os
import subprocess
from urllib.parse import urlsplit, urlunsplit

from compose.containers import installation
from compose.containers.waiting import wait_until
from compose.local import health, kafka_access
from compose.local.parts import airflow, controlplane, minio, postgres
from spark_jobs.object_store import object_store


def control_plane() -> None:
    """Databases and roles, the bucket and its user, Kafka's accounts, the control plane's tables, the first admin."""
    settings = installation.settings()
    drawn = installation.secrets(settings.data)
    variables = installation.variables(settings)
    server = urlsplit(variables["DATABASE_URL"])
    superuser = urlunsplit(
        server._replace(netloc=f"postgres:{drawn['postgres']}@{server.hostname}:{server.port}", path="/postgres")
    )
    wait_until(lambda: health.postgres(superuser), "PostgreSQL")
    postgres.make_databases(superuser, drawn, with_roles=True)
    postgres.make_monitor(superuser, drawn)
    store = object_store(variables)
    assert store is not None, "compose.yaml names one"
    wait_until(lambda: health.answers(f"{store.endpoint}/minio/health/live"), "MinIO")
    minio.make_bucket_and_user(store, drawn["minio_root"])
    servers, topic = variables["KAFKA_BOOTSTRAP_SERVERS"], variables["KAFKA_TOPIC"]
    wait_until(lambda: kafka_access.grant(servers, drawn, topic), "Kafka's accounts")
    own = {**os.environ, **controlplane.environment(settings, variables)}
    subprocess.run([str(settings.python), "manage.py", "set_up"], cwd=settings.root, env=own, check=True)
    print("Databases, bucket, Kafka accounts, tables and the first admin are ready.", flush=True)


def airflow_database() -> None:
    """Bring Airflow's database to the installed version."""
    settings = installation.settings()
    drawn = installation.secrets(settings.data)
    variables = installation.variables(settings)
    wait_until(lambda: health.postgres(variables["DATABASE_URL"]), "Airflow's database")
    airflow.prepare(settings, drawn)
    own = airflow.environment(settings, variables, drawn)
    command = [str(settings.airflow), "-m", "airflow", "db", "migrate"]
    os.execve(command[0], command, {**os.environ, **own})
