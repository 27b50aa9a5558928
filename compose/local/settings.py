"""Where an installation lives and which ports it uses: read from the environment and from `.env`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dotenv import dotenv_values

from compose.local.errors import InstallationError
from spark_jobs.kafka_client import ROLES

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - with a certificate, or in a container

DEFAULT_PORTS: Mapping[str, int] = {
    "WEB_PORT": 8000,
    "AIRFLOW_PORT": 8082,
    "SPARK_CONNECT_PORT": 15002,
    "SPARK_UI_PORT": 4040,
    "KAFKA_PORT": 9092,
    "KAFKA_CONTROLLER_PORT": 9093,
    "POSTGRES_PORT": 5433,
    "REDIS_PORT": 6380,
    "MINIO_PORT": 9000,
    "MINIO_CONSOLE_PORT": 9001,
    "PROMETHEUS_PORT": 9090,
    "KAFKA_METRICS_PORT": 9404,
    "POSTGRES_METRICS_PORT": 9187,
    "REDIS_METRICS_PORT": 9121,
}

# Where tables are kept: a folder of this machine, or a bucket of MinIO or any other S3.
FOLDER, MINIO = "folder", "minio"

# Each of these addresses, if set, replaces the embedded services named beside it.
EXTERNAL: Mapping[str, tuple[str, ...]] = {
    "DATABASE_URL": ("postgres",),
    "REDIS_URL": ("redis",),
    "KAFKA_BOOTSTRAP_SERVERS": ("kafka",),
    "SPARK_REMOTE": ("spark",),
    "BI_URL": ("bi",),
    "AIRFLOW_URL": ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor"),
    "S3_ENDPOINT": ("minio",),
    "PROMETHEUS_URL": ("prometheus",),
}

# How the programs sign in to Kafka; see spark_jobs/kafka_client.py.
KAFKA_ACCOUNTS: tuple[str, ...] = (
    "KAFKA_SECURITY_PROTOCOL",
    "KAFKA_SASL_MECHANISM",
    "KAFKA_SSL_CA",
    "KAFKA_USERNAME",
    "KAFKA_PASSWORD",
    *(f"KAFKA_{role.upper()}_{name}" for role in ROLES for name in ("USERNAME", "PASSWORD")),
)

# Sign-in with an OpenID Connect provider; disabled if unset (controlplane.accounts.single_sign_on).
SINGLE_SIGN_ON = (
    *("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_NAME", "OIDC_SCOPES"),
    *("OIDC_ACR_VALUES", "OIDC_ROLES_CLAIM", "OIDC_ROLE_MAP", "OIDC_DEFAULT_ROLE", "PASSWORD_SIGN_IN"),
)

# Read by the programs; a person may set any of them, `make up` computes the rest (see credentials.py).
PASSED_ON: tuple[str, ...] = (
    *EXTERNAL,
    "KAFKA_TOPIC",
    "KAFKA_PARTITIONS",
    "RUNS_AT_ONCE",
    *KAFKA_ACCOUNTS,
    "SPARK_CONNECT_TOKEN",
    "SPARK_UI_TOKEN",
    "SPARK_AUTHENTICATE_SECRET",
    "SPARK_UI_URL",
    "SPARK_UI_TOKEN",
    "SPARK_MASTER",
    "SPARK_DRIVER_MEMORY",
    "SPARK_EXECUTOR_MEMORY",
    "ICEBERG_CATALOG_URI",
    "STORAGE",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
    "S3_REGION",
    "S3_BUCKET",
    "MINIO_CONSOLE_URL",
    "WAREHOUSE",
    "CHECKPOINTS",
    "RECORDINGS",
    "RECORDING_MAX_MB",
    "RECORDING_MAX_UNPACKED_MB",
    "RECORDING_MEMORY_MB",
    "AIRFLOW_USERNAME",
    "AIRFLOW_PASSWORD",
    "AIRFLOW_PUBLIC_URL",
    "PUBLIC_URL",
    "OPERATED_WITH",
    "DJANGO_SECRET_KEY",
    "SECOND_FACTOR_KEYS",
    "REQUIRE_SECOND_FACTOR",
    "DJANGO_ALLOWED_HOSTS",
    "TRUSTED_PROXIES",
    "TLS_CA_FILE",
    "TLS_CERTIFICATE",
    "TLS_KEY",
    "PLAINTEXT_HOSTS",
    "WEB_LISTEN",
    "SESSION_IDLE_MINUTES",
    "SESSION_MAX_HOURS",
    "REQUESTS_PER_MINUTE",
    "AUDIT_RETENTION_DAYS",
    "INVITATION_DAYS",
    "EMAIL_URL",
    "EMAIL_FROM",
    *SINGLE_SIGN_ON,
    "DJANGO_DEBUG",
    "STATIC_ROOT",
    "METRICS_TOKEN",
    "PROMETHEUS_INTERNAL_URL",
    "MONITORING_CERTIFICATES",
    "GRAFANA_URL",
    "LOG_FORMAT",
)

# Read by the launcher alone. What was asked for once stays so until it is asked for otherwise.
MONITORING_VARIABLES = ("MONITORING", "PROMETHEUS_BINARY", "ALERT_FOR")

VARIABLES: tuple[str, ...] = (
    *("LAKEHOUSE_DATA", "PORT_OFFSET", "MINIO_BINARY", "REDIS_BINARY"),
    *DEFAULT_PORTS,
    *PASSED_ON,
    *MONITORING_VARIABLES,
)

# Read by compose.yaml, beside those ports of DEFAULT_PORTS that it publishes.
CONTAINER_VARIABLES: tuple[str, ...] = (
    "BASE_IMAGE",
    "KAFKA_OUTSIDE_PORT",
    "SPARK_MASTER_UI_PORT",
    "SPARK_WORKER_UI_PORT",
    "GRAFANA_PORT",
)


@dataclass(frozen=True)
class Settings:
    """One installation: its checkout, its data folder, its ports and what a person set for the programs.

    `storage` is FOLDER or MINIO; `minio_binary` is the server that a person named, "" for whichever is found.
    Its programs listen on the address `listen`, and reach each other as `host`: both are loopback but in a container.
    """

    root: Path
    data: Path
    ports: Mapping[str, int]
    given: Mapping[str, str]
    storage: str = FOLDER
    minio_binary: str = ""
    # The Redis or Valkey server that a person named, once; "" for the one that comes with the Python packages.
    redis_binary: str = ""
    listen: str = LOOPBACK
    host: str = LOOPBACK
    # Whether services are monitored, by which Prometheus (default: the one on PATH), and how long alerts wait.
    monitoring: bool = False
    prometheus_binary: str = ""
    alert_for: str = ""

    @cached_property
    def external_parts(self) -> frozenset[str]:
        """Names of the external services, whose address is set."""
        return frozenset(part for name, parts in EXTERNAL.items() if name in self.given for part in parts)

    @property
    def runs_minio(self) -> bool:
        """Whether a MinIO server of its own is one of this installation's parts."""
        return self.storage == MINIO and "minio" not in self.external_parts

    @property
    def python(self) -> Path:
        """The interpreter that runs everything but Airflow."""
        return self.root / ".venv" / "bin" / "python"

    @property
    def airflow(self) -> Path:
        """The interpreter of Airflow's own environment."""
        return self.root / ".venv-airflow" / "bin" / "python"

    @property
    def jars(self) -> Path:
        """Downloaded Java archives, one folder a part; every installation of this checkout shares them."""
        return self.root / ".jars"

    @property
    def logs(self) -> Path:
        """The folder with one log a part."""
        return self.data / "logs"

    def port(self, name: str) -> int:
        """The port of the variable `name`, e.g. `WEB_PORT`."""
        return self.ports[name]


def load(environ: Mapping[str, str] | None = None, root: Path = ROOT, *, whole: bool = True) -> Settings:
    """Read the settings; the process environment wins over `.env`.

    Not `whole` are those of a container, which has only the credentials that its program uses.

    Raises `InstallationError` for a port that is no port, two parts on one port, a storage that there is not, or runs
    without a place.
    """
    merged = {name: value for name, value in dotenv_values(root / ".env").items() if value is not None}
    merged.update(os.environ if environ is None else environ)
    data = Path(merged.get("LAKEHOUSE_DATA") or root / "var").expanduser()
    data = (data if data.is_absolute() else root / data).resolve()
    own = dotenv_values(data / "environment")
    given = _without_own({name: merged[name] for name in PASSED_ON if merged.get(name)}, own)
    storage = _storage(merged.get("STORAGE") or "", given, own, whole=whole)
    # Said or remembered, it is the same installation: nothing is to be restarted over that.
    given.pop("STORAGE", None)
    if storage == FOLDER:
        given.pop("S3_ENDPOINT", None)
    if "RUNS_AT_ONCE" in given and _whole_number("RUNS_AT_ONCE", given["RUNS_AT_ONCE"]) < 1:
        raise InstallationError(f"RUNS_AT_ONCE is {given['RUNS_AT_ONCE']}.", "Set it to 1 or more.")
    watching = {name: merged.get(name) or own.get(name) or "" for name in MONITORING_VARIABLES}
    if watching["MONITORING"] not in ("", "0", "1"):
        raise InstallationError(f"MONITORING is {watching['MONITORING']!r}.", "Set it to 1 or 0.")
    return Settings(
        root=root,
        data=data,
        ports=_ports(merged),
        given=given,
        storage=storage,
        minio_binary=merged.get("MINIO_BINARY") or "",
        redis_binary=merged.get("REDIS_BINARY", own.get("REDIS_BINARY")) or "",
        monitoring=watching["MONITORING"] == "1",
        prometheus_binary=watching["PROMETHEUS_BINARY"],
        alert_for=watching["ALERT_FOR"],
    )


def _storage(said: str, given: Mapping[str, str], own: Mapping[str, str | None], *, whole: bool) -> str:
    """The configured storage, otherwise that of the last start: tables stay where they are."""
    storage = said or (MINIO if "S3_ENDPOINT" in given else own.get("STORAGE")) or FOLDER
    if storage not in (FOLDER, MINIO):
        raise InstallationError(
            f"STORAGE is {storage!r}. Allowed values: {FOLDER}, {MINIO}.", "Set STORAGE to one of them."
        )
    if storage == MINIO and "S3_ENDPOINT" in given:
        for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY"):
            if whole and name not in given:
                raise InstallationError(f"S3_ENDPOINT is set, but {name} is not.", f"Set {name} too.")
        if not given["S3_ENDPOINT"].startswith(("http://", "https://")):
            raise InstallationError(
                f"S3_ENDPOINT is {given['S3_ENDPOINT']!r}, which is not a URL.",
                "It must start with http:// or https://, e.g. http://minio:9000.",
            )
    return storage


def _ports(environ: Mapping[str, str]) -> dict[str, int]:
    offset = _whole_number("PORT_OFFSET", environ.get("PORT_OFFSET") or "0")
    ports = {
        name: _whole_number(name, environ[name]) if environ.get(name) else default + offset
        for name, default in DEFAULT_PORTS.items()
    }
    owner: dict[int, str] = {}
    for name, port in ports.items():
        if not 1 <= port <= 65535:
            raise InstallationError(
                f"{name} is {port}, which is not a valid port.", "Choose a port between 1 and 65535."
            )
        if port in owner:
            raise InstallationError(
                f"{owner[port]} and {name} are both {port}.", "Set a different port for each service."
            )
        owner[port] = name
    return ports


def _whole_number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InstallationError(f"{name} is {text!r}, which is not a whole number.", "Use digits only.") from None


def _without_own(given: dict[str, str], own: Mapping[str, str | None]) -> dict[str, str]:
    """Leave out what this installation computed itself: a shell that has sourced its `environment` sets nothing new."""
    return {name: value for name, value in given.items() if own.get(name) != value or name in _given_before(own)}


def _given_before(own: Mapping[str, str | None]) -> frozenset[str]:
    return frozenset((own.get("LAKEHOUSE_GIVEN") or "").split(","))
