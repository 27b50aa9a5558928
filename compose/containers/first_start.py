"""The first start: generates the secrets and gives each container only those that it needs.

Runs as root without a network, because each file must belong to the user of the container that reads it. Every volume
is mounted below `/volumes`; running it again changes no existing secret.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from compose.containers.installation import write_environment
from compose.local import certificates, kafka_access
from compose.local.certificates import LOCAL_NAMES, Certificates
from compose.local.credentials import (
    DATABASES,
    PIPELINE_USER,
    browser_url,
    connections,
    environment,
    load_secrets,
    minio_metrics_token,
    people_on_kafka,
    spark_ui_token,
    write_private,
)
from compose.local.parts import controlplane, monitoring
from compose.local.parts.kafka import access_properties, agent_configuration
from compose.local.parts.minio import below_localhost, server_environment
from compose.local.parts.redis import directives
from compose.local.settings import ROOT, load
from compose.monitoring.scrape import rules
from spark_jobs.kafka_client import ROLES

VOLUMES = Path("/volumes")
OURS = 10001
# The volume below VOLUMES, and the user of the container that uses it.
OWNERS: Mapping[str, int] = {
    "drawn": 0,
    "controlplane": OURS,
    **dict.fromkeys(controlplane.PROGRAMS, OURS),
    "web-certificates": OURS,
    "setup": OURS,
    "airflow": OURS,
    "spark": OURS,
    "spark-master": OURS,
    "bi": OURS,
    "bi-socket": OURS,
    "postgres-secrets": 999,
    "postgres-data": 999,
    "redis-secrets": 999,
    "redis-data": 999,
    "kafka-data": 1000,
    "kafka-agent": 1000,
    "kafka-secrets": 1000,
    "minio-secrets": 1000,
    "minio-data": 1000,
    "prometheus-data": 65534,
    "prometheus-secrets": 65534,
    "prometheus-rules": 65534,
    "postgres-exporter-secrets": 65534,
    "redis-exporter-secrets": 59000,
    "grafana-secrets": 472,
    "grafana-data": 472,
}
LAKE = ("ICEBERG_CATALOG_URI", "S3_ACCESS_KEY", "S3_SECRET_KEY")
CLUSTER = ("SPARK_UI_TOKEN", "SPARK_AUTHENTICATE_SECRET")
# The addresses of other programs, for the pages that link to them.
LINKS = ("AIRFLOW_PUBLIC_URL", "MINIO_CONSOLE_URL", "GRAFANA_URL")
# The variables that each container finds in the file of its volume.
VARIABLES: Mapping[str, tuple[str, ...]] = {
    **{name: (*controlplane.credentials_of(name), "PUBLIC_URL") for name in controlplane.PROGRAMS},
    controlplane.WEB: (*controlplane.credentials_of(controlplane.WEB), "PUBLIC_URL", *LINKS),
    # It migrates the database, encrypts the second factors with the newest key, and makes the bucket.
    "setup": (
        "DATABASE_URL",
        "DJANGO_SECRET_KEY",
        "SECOND_FACTOR_KEYS",
        "S3_ACCESS_KEY",
        "S3_SECRET_KEY",
        "PUBLIC_URL",
    ),
    "spark": (*LAKE, *CLUSTER, "SPARK_CONNECT_TOKEN", "KAFKA_STREAM_PASSWORD"),
    "spark-master": CLUSTER,
    "bi": (*LAKE, "PUBLIC_URL"),
}
# Where each container mounts the volume with its certificates.
MOUNTED = {
    "kafka-agent": Path("/opt/agent"),
    "prometheus-secrets": Path("/run/secrets"),
    "postgres-exporter-secrets": Path("/run/secrets/postgres-exporter"),
    "redis-exporter-secrets": Path("/run/secrets/redis-exporter"),
    "grafana-secrets": Path("/run/secrets/grafana"),
    "web-certificates": Path("/run/secrets/monitoring"),
}
# Files of releases in which the programs of the control plane shared one set of secrets in this volume.
FORMER = ("environment", "secrets.json", "credentials.json", "connections.json")


def holders(volumes: Mapping[str, Path]) -> dict[str, Certificates]:
    """The containers with certificates, by the name of the volume: those that serve figures, and those that read them.

    `volumes` are the folders of the volumes, for the first start or for the container.
    """
    serve = {
        "kafka-agent": "ecommerce-kafka",
        "prometheus-secrets": "prometheus",
        "postgres-exporter-secrets": "postgres-exporter",
        "redis-exporter-secrets": "redis-exporter",
    }
    ask = ("prometheus-secrets", "grafana-secrets", "web-certificates")
    return {
        name: Certificates(
            folder,
            serves=(serve[name], *LOCAL_NAMES) if name in serve else (),
            asks=name in ask,
            java=name == "kafka-agent",
        )
        for name, folder in volumes.items()
    }


def main() -> None:
    """Generate missing secrets, write every file, and set the owner of each volume."""
    for name in OWNERS:
        (VOLUMES / name).mkdir(exist_ok=True)
    drawn = load_secrets(VOLUMES / "drawn")
    secret = _variables(drawn)
    for role, names in VARIABLES.items():
        write_environment(VOLUMES / role, {name: secret[name] for name in names if name in secret})
    airflow = _with_password(os.environ["DATABASE_URL"], drawn["postgres_airflow"], user="airflow")
    of_tasks = {name: secret[name] for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY", "SPARK_CONNECT_TOKEN")}
    own_address = {"AIRFLOW_PUBLIC_URL": secret["AIRFLOW_PUBLIC_URL"]}
    write_environment(VOLUMES / "airflow", {"DATABASE_URL": airflow, **of_tasks, **own_address})
    _secrets("airflow", drawn, "airflow", "airflow_fernet", "airflow_jwt", "airflow_api")
    databases = (f"postgres_{name}" for name in (*DATABASES, "monitor"))
    accounts = (f"kafka_{name}" for name in (kafka_access.BROKER, *kafka_access.ACCOUNTS))
    _secrets("setup", drawn, "postgres", "minio_root", *databases, *accounts)
    for role in ("spark", "spark-master"):
        _secrets(role, drawn, "spark_ui")
    access = access_properties(drawn, ("INSIDE", "OUTSIDE"))
    properties = "".join(f"{name}={value}\n" for name, value in access.items())
    write_private(VOLUMES / "kafka-secrets" / "server.properties", properties)
    _sign_in(drawn, secret)
    write_private(VOLUMES / "postgres-secrets" / "password", drawn["postgres"])
    redis = {**directives(drawn), "port": str(urlsplit(secret["REDIS_URL"]).port), "dir": "/data"}
    write_private(VOLUMES / "redis-secrets" / "redis.conf", "".join(f"{key} {value}\n" for key, value in redis.items()))
    write_private(VOLUMES / "redis-secrets" / "password", drawn["redis"])
    console = below_localhost(os.environ["MINIO_CONSOLE_PORT"])
    write_private(VOLUMES / "minio-secrets" / "server.env", server_environment(drawn, console))
    write_private(VOLUMES / "grafana-secrets" / "password", drawn["grafana"])
    write_private(VOLUMES / "grafana-secrets" / "domain", f"{drawn['grafana_name']}.localhost")
    write_private(VOLUMES / "prometheus-secrets" / "metrics_token", drawn["metrics"] + "\n")
    write_private(VOLUMES / "prometheus-secrets" / "spark_ui_token", secret["SPARK_UI_TOKEN"] + "\n")
    write_private(VOLUMES / "prometheus-secrets" / "minio_token", minio_metrics_token(drawn) + "\n")
    for name, text in rules(_url_for_programs()).items():
        write_private(VOLUMES / "prometheus-rules" / name, text)
    write_private(VOLUMES / "postgres-exporter-secrets" / "password", drawn["postgres_monitor"])
    passwords = {_without_path(secret["REDIS_URL"]): drawn["redis"]}
    write_private(VOLUMES / "redis-exporter-secrets" / "passwords.json", json.dumps(passwords) + "\n")
    # The broker's image has no agent; this one comes with ours, by the same lock as `make up`'s.
    agent = next((ROOT / ".jars" / "jmx").glob("jmx_prometheus_javaagent-*.jar"))
    shutil.copyfile(agent, VOLUMES / "kafka-agent" / "jmx_prometheus_javaagent.jar")
    (VOLUMES / "kafka-agent" / "jmx_prometheus_javaagent.jar").chmod(0o600)
    _monitoring_access(drawn)
    for name in FORMER:
        (VOLUMES / "controlplane" / name).unlink(missing_ok=True)
    for name, owner in OWNERS.items():
        _give(VOLUMES / name, owner)
    print("The secrets of all containers are ready.")


def _monitoring_access(drawn: Mapping[str, str]) -> None:
    """The certificates of everything that Prometheus reads and of those who read it, and what requires them."""
    volumes = {name: VOLUMES / name for name in MOUNTED}
    before = any(holder.authority.exists() for holder in holders(volumes).values())
    made = certificates.ensure(list(holders(volumes).values()), drawn["monitoring"])
    inside = holders(MOUNTED)
    agent = agent_configuration(inside["kafka-agent"].key_store, drawn)
    write_private(VOLUMES / "kafka-agent" / "kafka-jmx.yml", agent)
    for name in ("prometheus-secrets", "postgres-exporter-secrets"):
        write_private(VOLUMES / name / "web.yml", monitoring.web_configuration(inside[name]))
    write_private(VOLUMES / "prometheus-secrets" / "jmx_password", drawn["monitoring"])
    if made and before:
        print("The certificates of monitoring were renewed. Run `docker compose restart` to use them.")


def _variables(drawn: Mapping[str, str]) -> dict[str, str]:
    """The variables that contain a secret or a generated name; the other addresses come from compose.yaml."""
    return {
        "DATABASE_URL": _with_password(os.environ["DATABASE_URL"], drawn["postgres_controlplane"]),
        "ICEBERG_CATALOG_URI": _with_password(os.environ["ICEBERG_CATALOG_URI"], drawn["postgres_lake"]),
        "REDIS_URL": _with_password(os.environ["REDIS_URL"], drawn["redis"]),
        "AIRFLOW_PASSWORD": drawn["airflow"],
        "DJANGO_SECRET_KEY": drawn["django"],
        "SECOND_FACTOR_KEYS": drawn["second_factor"],
        "METRICS_TOKEN": drawn["metrics"],
        "SPARK_CONNECT_TOKEN": drawn["spark_connect"],
        "SPARK_UI_TOKEN": spark_ui_token(drawn),
        "SPARK_AUTHENTICATE_SECRET": drawn["spark_cluster"],
        **{f"KAFKA_{role.upper()}_PASSWORD": drawn[f"kafka_{role}"] for role in ROLES},
        "S3_ACCESS_KEY": PIPELINE_USER,
        "S3_SECRET_KEY": drawn["minio_pipeline"],
        "PUBLIC_URL": _public_url(drawn),
        "AIRFLOW_PUBLIC_URL": browser_url(drawn, "airflow_name", os.environ["AIRFLOW_PORT"]),
        "MINIO_CONSOLE_URL": browser_url(drawn, "minio_name", os.environ["MINIO_CONSOLE_PORT"]),
        "GRAFANA_URL": browser_url(drawn, "grafana_name", os.environ["GRAFANA_PORT"]),
        # Set by the user, and also passed on as files.
        **{name: os.environ.get(name, "") for name in ("EMAIL_URL", "OIDC_CLIENT_SECRET")},
    }


def _public_url(drawn: Mapping[str, str]) -> str:
    """The address set by the user, or a host name generated for this installation.

    Cookies are bound to a host and not to a port: at 127.0.0.1 every published port would receive the session.
    """
    return os.environ.get("PUBLIC_URL") or browser_url(drawn, "own_name", os.environ["WEB_PORT"])


def _url_for_programs() -> str:
    """The address for programs, which does not contain the installation's own host name."""
    return os.environ.get("PUBLIC_URL") or f"http://127.0.0.1:{os.environ['WEB_PORT']}"


def _with_password(address: str, password: str, user: str = "") -> str:
    """`scheme://user@host:port/path` with the password; with another `user`, for the database of the same name."""
    parts = urlsplit(address)
    path = f"/{user}" if user else parts.path
    return urlunsplit(
        parts._replace(netloc=f"{user or parts.username or ''}:{password}@{parts.hostname}:{parts.port}", path=path)
    )


def _without_path(address: str) -> str:
    """`redis://host:port` of `redis://:password@host:port/0`: how the exporter names a server."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}:{parts.port}"


def _secrets(role: str, drawn: Mapping[str, str], *names: str) -> None:
    write_private(VOLUMES / role / "secrets.json", json.dumps({name: drawn[name] for name in names}, indent=2) + "\n")


def _sign_in(drawn: Mapping[str, str], secret: Mapping[str, str]) -> None:
    """Credentials and addresses of the services, for scripts in the containers' network."""
    known = environment(load({**os.environ, **secret}), drawn)
    credentials = {
        # The generated host name for browsers is not in DNS.
        "url": _url_for_programs(),
        "browser_url": known["PUBLIC_URL"],
        "username": "admin",
        "password": drawn["admin"],
        "api_token": drawn["api_token"],
        "grafana_username": "admin",
        "grafana_password": drawn["grafana"],
    }
    people = people_on_kafka(known["KAFKA_BOOTSTRAP_SERVERS"], drawn)
    for role in ("web", "setup"):
        write_private(VOLUMES / role / "credentials.json", json.dumps(credentials, indent=2) + "\n")
    told = json.dumps(connections(known, people), indent=2) + "\n"
    write_private(VOLUMES / "web" / "connections.json", told)


def _give(folder: Path, owner: int) -> None:
    """The folder and the files in it to `owner`, closed to everybody else; what lies deeper is the owner's own work."""
    os.chown(folder, owner, owner)
    folder.chmod(0o700)
    for path in folder.iterdir():
        if path.is_file() and path.stat().st_uid != owner:
            os.chown(path, owner, owner)
