"""Passwords, tokens and addresses of one installation, and the four files that contain them for their owner.

`secrets.json` holds what was drawn at random once; the other three follow from it and from the settings, and are
written again at every start: `credentials.json` (how a person signs in), `connections.json` (addresses for people's own
scripts) and `environment` (what every program of the installation reads). All are mode 600.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from string import ascii_lowercase, digits
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import jwt

from compose.local import kafka_access
from compose.local.certificates import Certificates
from compose.local.errors import InstallationError
from compose.local.parts.bi import bi_socket
from compose.local.private_files import make_private_folder, write_private_bytes
from compose.local.settings import FOLDER, KAFKA_ACCOUNTS, MINIO, SINGLE_SIGN_ON, Settings
from compose.monitoring.scrape import PROMETHEUS_BASE
from spark_jobs.connection_string import authenticated
from spark_jobs.kafka_client import CONTROLPLANE, ROLES, SCRAM, kafka_client
from spark_jobs.object_store import REGION, object_store
from spark_jobs.tls import ConnectionSettingError, http_url, own_ca_file, postgres_url, redis_url, smtp_url

CATALOG = "lake"
BUCKET = "lakehouse"
PIPELINE_USER = "pipeline"
MINIO_ROOT_USER = "root"
DATABASES = ("controlplane", "airflow", "lake")
# Labels below `.localhost`, one for each program that keeps a session in a browser: cookies are bound to a host name,
# and ignore the port. The names are shown to users who have signed in, and are in no answer to anyone else.
HOST_NAMES = ("own_name", "airflow_name", "minio_name", "grafana_name")


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path`, readable by its owner only from the first byte on, and never half-written."""
    write_private_bytes(path, text.encode())


SECRETS = "secrets.json"
# Of a rotation that is under way: see rotation.py.
NEXT_SECRETS = "secrets.next.json"
# There while a restore is under way: see backup/restoring.py.
RESTORING = "restore.unfinished"


def load_secrets(data: Path) -> dict[str, str]:
    """The random secrets of the installation in `data`; missing ones are generated and stored."""
    known = read_secrets(data, SECRETS)
    drawn = draw_secrets()
    if set(drawn) - set(known):
        known = drawn | known
        write_secrets(data, known, SECRETS)
    return known


def read_secrets(data: Path, name: str) -> dict[str, str]:
    """The content of the file `name`; empty if it does not exist."""
    path = data / name
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return known


def write_secrets(data: Path, drawn: Mapping[str, str], name: str) -> None:
    """Write the file `name`."""
    write_private(data / name, json.dumps(drawn, indent=2) + "\n")


def replace_secrets(data: Path) -> None:
    """Replace the previous secrets with those of a rotation."""
    (data / NEXT_SECRETS).replace(data / SECRETS)


def draw_secrets() -> dict[str, str]:
    """A new random secret of each name.

    They are of URL-safe letters only, so that a secret stands in an address or a configuration file as it is.
    """
    return {
        "postgres": secrets.token_urlsafe(24),
        **{f"postgres_{name}": secrets.token_urlsafe(24) for name in DATABASES},
        "redis": secrets.token_urlsafe(24),
        "minio_root": secrets.token_urlsafe(24),
        # MinIO accepts at most 40 characters.
        "minio_pipeline": secrets.token_urlsafe(24),
        "airflow": secrets.token_urlsafe(24),
        "airflow_fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "airflow_jwt": secrets.token_urlsafe(48),
        "airflow_api": secrets.token_urlsafe(48),
        # The host name of the application for users (controlplane/accounts/own_name.py).
        "own_name": _host_name("lakehouse"),
        **{f"{program}_name": _host_name(program) for program in ("airflow", "minio", "grafana")},
        "django": secrets.token_urlsafe(48),
        # Encrypts the secrets of second factors. A rotation keeps the previous keys after it.
        "second_factor": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "admin": secrets.token_urlsafe(16),
        # Of Grafana's admin, in containers.
        "grafana": secrets.token_urlsafe(24),
        "api_token": secrets.token_urlsafe(32),
        "metrics": secrets.token_urlsafe(32),
        # Of the JMX agent's sign-in, and of the key store with the certificates of what Prometheus watches.
        "monitoring": secrets.token_urlsafe(24),
        "postgres_monitor": secrets.token_urlsafe(24),
        "spark_connect": secrets.token_urlsafe(32),
        # The key with which Spark's user interface checks its bearer tokens: 256 bits in base64url, as Spark takes it.
        "spark_ui": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        # Between the master, the workers and the driver of a cluster in containers.
        "spark_cluster": secrets.token_urlsafe(32),
        "kafka_broker": secrets.token_urlsafe(24),
        **{f"kafka_{name}": secrets.token_urlsafe(24) for name in kafka_access.ACCOUNTS},
    }


def _host_name(program: str) -> str:
    return f"{program}-" + "".join(secrets.choice(ascii_lowercase + digits) for _ in range(10))


def browser_url(drawn: Mapping[str, str], name: str, port: int | str) -> str:
    """The address for browsers of the program whose host name is `name`, one of `HOST_NAMES`."""
    return f"http://{drawn[name]}.localhost:{port}"


def environment(settings: Settings, drawn: Mapping[str, str]) -> dict[str, str]:
    """Every variable that the programs read: values set by the user, and defaults for the rest.

    Raises `InstallationError` for an address that would send a credential without TLS (see `spark_jobs.tls`).
    """
    own = {
        "LAKEHOUSE_DATA": str(settings.data),
        **{name: str(port) for name, port in settings.ports.items()},
        "DATABASE_URL": database_url(settings, drawn, "controlplane"),
        "REDIS_URL": f"redis://:{drawn['redis']}@127.0.0.1:{settings.port('REDIS_PORT')}/0",
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{settings.port('KAFKA_PORT')}",
        **_kafka_access(settings, drawn),
        "KAFKA_TOPIC": "ecommerce.events",
        "KAFKA_PARTITIONS": "4",
        "RUNS_AT_ONCE": "2",
        "SPARK_REMOTE": f"sc://localhost:{settings.port('SPARK_CONNECT_PORT')}",
        **_spark_access(settings, drawn),
        "SPARK_UI_URL": f"http://127.0.0.1:{settings.port('SPARK_UI_PORT')}",
        "SPARK_MASTER": "local[*]",
        "SPARK_DRIVER_MEMORY": "2g",
        "SPARK_EXECUTOR_MEMORY": "1g",
        "ICEBERG_CATALOG_URI": database_url(settings, drawn, CATALOG).replace("://", "+psycopg://", 1),
        **_storage(settings, drawn),
        # In a folder of the Spark driver's machine, wherever the tables are: a checkpoint is many small files that are
        # renamed into place, which object storage can't do.
        "CHECKPOINTS": (settings.data / "checkpoints").as_uri(),
        "RECORDINGS": str(settings.data / "recordings"),
        "RECORDING_MAX_MB": "4096",
        "RECORDING_MAX_UNPACKED_MB": "16384",
        "RECORDING_MEMORY_MB": "4096",
        "AIRFLOW_URL": f"http://127.0.0.1:{settings.port('AIRFLOW_PORT')}",
        "AIRFLOW_USERNAME": "svc",
        "AIRFLOW_PASSWORD": drawn["airflow"],
        "BI_URL": f"unix://{bi_socket(settings.data)}",
        "PUBLIC_URL": browser_url(drawn, "own_name", settings.port("WEB_PORT")),
        "DJANGO_SECRET_KEY": drawn["django"],
        "SECOND_FACTOR_KEYS": drawn["second_factor"],
        "REQUIRE_SECOND_FACTOR": "none",
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1,localhost",
        "TRUSTED_PROXIES": "",
        "TLS_CA_FILE": "",
        "TLS_CERTIFICATE": "",
        "TLS_KEY": "",
        "PLAINTEXT_HOSTS": "",
        "WEB_LISTEN": settings.listen,
        "SESSION_IDLE_MINUTES": "60",
        "SESSION_MAX_HOURS": "12",
        "REQUESTS_PER_MINUTE": "3000",
        "AUDIT_RETENTION_DAYS": "0",
        "INVITATION_DAYS": "3",
        "EMAIL_URL": "",
        "EMAIL_FROM": "",
        **dict.fromkeys(SINGLE_SIGN_ON, ""),
        "DJANGO_DEBUG": "0",
        "OPERATED_WITH": "make",
        "METRICS_TOKEN": drawn["metrics"],
        "PROMETHEUS_URL": "",
        **_monitoring_access(settings),
        "GRAFANA_URL": "",
        "LOG_FORMAT": "json",
        "MONITORING": "1" if settings.monitoring else "0",
        "PROMETHEUS_BINARY": settings.prometheus_binary,
        "ALERT_FOR": settings.alert_for,
        "REDIS_BINARY": settings.redis_binary,
    }
    known = _encrypted(own | dict(settings.given))
    # The address for browsers. An external Airflow has the same one for programs unless the user sets another.
    own_airflow = "AIRFLOW_URL" not in settings.given
    airflow = browser_url(drawn, "airflow_name", settings.port("AIRFLOW_PORT")) if own_airflow else known["AIRFLOW_URL"]
    links = {"AIRFLOW_PUBLIC_URL": airflow}
    return links | known | {"LAKEHOUSE_GIVEN": ",".join(sorted(settings.given))}


def _encrypted(known: dict[str, str]) -> dict[str, str]:
    """These variables, with the parameters for TLS in the addresses that take them.

    Raises `InstallationError` for an address that would send a credential without TLS.
    """
    try:
        own_ca_file(known)
        kafka_client(CONTROLPLANE, known)
        authenticated(known["SPARK_REMOTE"], known["SPARK_CONNECT_TOKEN"], known)
        object_store(known)
        smtp_url("EMAIL_URL", known["EMAIL_URL"], known)
        http_url("PUBLIC_URL", known["PUBLIC_URL"], known)
        http_url("AIRFLOW_URL", known["AIRFLOW_URL"], known, credential=bool(known["AIRFLOW_PASSWORD"]))
        http_url("SPARK_UI_URL", known["SPARK_UI_URL"], known, credential=bool(known["SPARK_UI_TOKEN"]))
        return known | {
            "DATABASE_URL": postgres_url("DATABASE_URL", known["DATABASE_URL"], known),
            "ICEBERG_CATALOG_URI": postgres_url("ICEBERG_CATALOG_URI", known["ICEBERG_CATALOG_URI"], known),
            "REDIS_URL": redis_url("REDIS_URL", known["REDIS_URL"], known),
        }
    except ConnectionSettingError as problem:
        raise InstallationError(problem.message, problem.remedy) from None


def _kafka_access(settings: Settings, drawn: Mapping[str, str]) -> dict[str, str]:
    """The programs' accounts on the embedded broker. For an external Kafka, the user sets them."""
    if "kafka" in settings.external_parts:
        return dict.fromkeys(KAFKA_ACCOUNTS, "")
    accounts = {}
    for role in ROLES:
        accounts[f"KAFKA_{role.upper()}_USERNAME"] = role
        accounts[f"KAFKA_{role.upper()}_PASSWORD"] = drawn[f"kafka_{role}"]
    access = {"KAFKA_SECURITY_PROTOCOL": kafka_access.PROTOCOL, "KAFKA_SASL_MECHANISM": SCRAM}
    return {**dict.fromkeys(KAFKA_ACCOUNTS, ""), **access, **accounts}


def _spark_access(settings: Settings, drawn: Mapping[str, str]) -> dict[str, str]:
    """The tokens of the embedded Spark server and of its user interface."""
    if "spark" in settings.external_parts:
        return {"SPARK_CONNECT_TOKEN": "", "SPARK_UI_TOKEN": "", "SPARK_AUTHENTICATE_SECRET": ""}
    return {
        "SPARK_CONNECT_TOKEN": drawn["spark_connect"],
        "SPARK_UI_TOKEN": spark_ui_token(drawn),
        "SPARK_AUTHENTICATE_SECRET": "",
    }


def _monitoring_access(settings: Settings) -> dict[str, str]:
    """Where the control plane finds our own Prometheus, and the folder with the certificates for it."""
    if not settings.monitoring or "prometheus" in settings.external_parts:
        return {"PROMETHEUS_INTERNAL_URL": "", "MONITORING_CERTIFICATES": ""}
    return {
        "PROMETHEUS_INTERNAL_URL": f"https://127.0.0.1:{settings.port('PROMETHEUS_PORT')}{PROMETHEUS_BASE}/",
        "MONITORING_CERTIFICATES": str(monitoring_certificates(settings.data).folder),
    }


def monitoring_certificates(data: Path) -> Certificates:
    """Those of Prometheus and of the exporters that it asks."""
    return Certificates(monitoring_folder(data) / "certificates")


def monitoring_folder(data: Path) -> Path:
    """Where Prometheus has its configuration, its data and the secrets that it needs."""
    return data / "prometheus"


def spark_ui_token(drawn: Mapping[str, str]) -> str:
    """The bearer token (JWS, RFC 7515) that Spark's user interfaces take: of the control plane and of Prometheus."""
    return jwt.encode({"sub": "lakehouse"}, base64.urlsafe_b64decode(drawn["spark_ui"]), algorithm="HS256")


def minio_metrics_token(drawn: Mapping[str, str]) -> str:
    """The bearer token with which MinIO lets Prometheus read its metrics.

    Like that of `mc admin prometheus generate`, it is a JWT (RFC 7519) signed with a user's secret key. MinIO takes it
    for metrics only, and requires an expiry. `make rotate-secrets` draws the secret key again, which ends the token.
    """
    claims = {"exp": datetime(2100, 1, 1, tzinfo=UTC), "sub": MINIO_ROOT_USER, "iss": "prometheus"}
    return jwt.encode(claims, drawn["minio_root"], algorithm="HS256")


def _storage(settings: Settings, drawn: Mapping[str, str]) -> dict[str, str]:
    """Where the tables are. The keys of our own MinIO are those of a user who may work in the bucket, no more."""
    names = ("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_REGION", "S3_BUCKET", "MINIO_CONSOLE_URL")
    if settings.storage == FOLDER:
        warehouse = (settings.data / "warehouse").as_uri()
        return {"STORAGE": FOLDER, **dict.fromkeys(names, ""), "WAREHOUSE": warehouse}
    bucket = settings.given.get("S3_BUCKET", BUCKET)
    return {
        "STORAGE": MINIO,
        "S3_ENDPOINT": f"http://127.0.0.1:{settings.port('MINIO_PORT')}",
        "S3_ACCESS_KEY": PIPELINE_USER,
        "S3_SECRET_KEY": drawn["minio_pipeline"],
        "S3_REGION": REGION,
        "S3_BUCKET": bucket,
        "MINIO_CONSOLE_URL": (
            browser_url(drawn, "minio_name", settings.port("MINIO_CONSOLE_PORT")) if settings.runs_minio else ""
        ),
        "WAREHOUSE": f"s3://{bucket}/warehouse",
    }


def url_for_programs(settings: Settings) -> str:
    """Where programs find the web application: no name server knows the name that is made for browsers."""
    return settings.given.get("PUBLIC_URL") or f"http://127.0.0.1:{settings.port('WEB_PORT')}"


def database_url(settings: Settings, drawn: Mapping[str, str], database: str) -> str:
    """The address of one of `DATABASES`: with a role of its own on the embedded server, or beside a given one."""
    given = settings.given.get("DATABASE_URL")
    try:
        given = given and postgres_url("DATABASE_URL", given, settings.given)
    except ConnectionSettingError as problem:
        raise InstallationError(problem.message, problem.remedy) from None
    if given is None:
        port = settings.port("POSTGRES_PORT")
        return f"postgresql://{database}:{drawn[f'postgres_{database}']}@127.0.0.1:{port}/{database}"
    if database == "controlplane":
        return given
    return urlunsplit(urlsplit(given)._replace(path="/" + quote(database)))


def connections(variables: Mapping[str, str], people: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """What the users' own scripts need to reach every service.

    `catalog` is for `load_catalog("lake", **catalog)`, `spark_remote` for `SparkSession.builder.remote(spark_remote)`,
    and each of `kafka_clients` for `Consumer({**kafka_clients["viewer"], "group.id": "viewer-mine"})`.
    """
    store = object_store(variables)
    return {
        "kafka": variables["KAFKA_BOOTSTRAP_SERVERS"],
        "kafka_clients": people,
        "topic": variables["KAFKA_TOPIC"],
        "spark_remote": authenticated(variables["SPARK_REMOTE"], variables["SPARK_CONNECT_TOKEN"], variables),
        "catalog": {
            "type": "sql",
            "uri": variables["ICEBERG_CATALOG_URI"],
            "warehouse": variables["WAREHOUSE"],
            **(store.catalog_properties() if store else {}),
        },
        "airflow": variables["AIRFLOW_URL"],
        "airflow_browser_url": variables["AIRFLOW_PUBLIC_URL"],
        "airflow_username": variables["AIRFLOW_USERNAME"],
        "airflow_password": variables["AIRFLOW_PASSWORD"],
        "redis": variables["REDIS_URL"],
        "database": variables["DATABASE_URL"],
        "bi": f"{variables['PUBLIC_URL']}/bi/" if variables["BI_URL"].startswith("unix://") else variables["BI_URL"],
        "warehouse": variables["WAREHOUSE"],
        **({"minio_console": variables["MINIO_CONSOLE_URL"]} if variables["MINIO_CONSOLE_URL"] else {}),
    }


def people_on_kafka(servers: str, drawn: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The properties of a Kafka client for each role of people, on a broker whose accounts are ours."""
    return {name: kafka_access.account(servers, drawn, name).librdkafka() for name in kafka_access.PEOPLE}


def write_files(settings: Settings, drawn: Mapping[str, str]) -> dict[str, str]:
    """Write the three derived files and return the programs' environment."""
    variables = environment(settings, drawn)
    quoted = "".join(f"{name}='{value}'\n" for name, value in variables.items())
    write_private(settings.data / "environment", quoted)
    if "kafka" in settings.external_parts:
        # The owner manages the accounts there: scripts use the control plane's account.
        people = dict.fromkeys(kafka_access.PEOPLE, kafka_client(CONTROLPLANE, variables).librdkafka())
    else:
        people = people_on_kafka(variables["KAFKA_BOOTSTRAP_SERVERS"], drawn)
    write_private(settings.data / "connections.json", json.dumps(connections(variables, people), indent=2) + "\n")
    credentials = {
        "url": url_for_programs(settings),
        "browser_url": variables["PUBLIC_URL"],
        "username": "admin",
        "password": drawn["admin"],
        "api_token": drawn["api_token"],
    }
    write_private(settings.data / "credentials.json", json.dumps(credentials, indent=2) + "\n")
    write_private(settings.data / "metrics.token", variables["METRICS_TOKEN"] + "\n")
    # Written here by an earlier release.
    (settings.data / "spark-ui.token").unlink(missing_ok=True)
    if settings.monitoring:
        folder = monitoring_folder(settings.data)
        make_private_folder(folder)
        # Prometheus takes a token from a file and from no line of its configuration.
        write_private(folder / "metrics.token", variables["METRICS_TOKEN"] + "\n")
        write_private(folder / "spark-ui.token", variables["SPARK_UI_TOKEN"] + "\n")
        monitoring_certificates(settings.data).ensure(drawn["monitoring"])
        write_private(folder / "jmx.password", drawn["monitoring"])
        if settings.runs_minio:
            write_private(folder / "minio.token", minio_metrics_token(drawn) + "\n")
    return variables
