"""Prometheus, and the exporters of services without Prometheus metrics: only with MONITORING=1."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from compose.local import health, service_account
from compose.local.certificates import Certificates
from compose.local.credentials import (
    monitoring_certificates,
    monitoring_folder,
    url_for_programs,
    write_private,
)
from compose.local.errors import InstallationError
from compose.local.install import exporters
from compose.local.parts import Part
from compose.local.parts import postgres as database
from compose.local.private_files import make_private_folder
from compose.local.settings import Settings
from compose.monitoring import scrape
from spark_jobs.tls import ca_file

PROMETHEUS, POSTGRES, REDIS = "prometheus", "postgres-exporter", "redis-exporter"
EXPORTERS = (POSTGRES, REDIS)
NAMES = (PROMETHEUS, *EXPORTERS)
RETENTION = ("--storage.tsdb.retention.time=15d", "--storage.tsdb.retention.size=1GB")


def check(settings: Settings) -> list[str]:
    """Hints for the user: which service is not monitored and why, or what an existing Prometheus has to include.

    Raises `InstallationError` where there is no Prometheus.
    """
    if not settings.monitoring:
        return []
    said = [
        f"{title} is not monitored: {names[0]} is not on the PATH. Install that package or Go, then run this again."
        for title, names in (("PostgreSQL", exporters.NAMES[POSTGRES]), ("Redis", exporters.NAMES[REDIS]))
        if exporters.find(settings, names) is None
    ]
    folder = monitoring_folder(settings.data)
    if PROMETHEUS in settings.external_parts:
        said.append(
            f"For Prometheus at {settings.given['PROMETHEUS_URL']}: add the jobs of {folder / 'scrape.yml'} "
            f"(scrape_config_files) and the rules {folder / 'rules'}/*.yml (rule_files) to its configuration."
        )
    elif _binary(settings) is None:
        wanted = settings.prometheus_binary
        raise InstallationError(
            f"PROMETHEUS_BINARY is {wanted}, which cannot be executed."
            if wanted
            else "MONITORING=1 needs Prometheus, which is not on the PATH.",
            "Install it (Debian: `apt install prometheus`), set PROMETHEUS_BINARY, or set PROMETHEUS_URL to an "
            "existing one.",
        )
    return said


def parts(settings: Settings, variables: Mapping[str, str], drawn: Mapping[str, str]) -> list[Part]:
    """Prometheus and the available exporters; none without MONITORING."""
    if not settings.monitoring:
        return []
    found = [_prometheus(settings)]
    if binary := exporters.find(settings, exporters.NAMES[POSTGRES]):
        found.append(_exporter(settings, POSTGRES, binary, _postgres_environment(settings, variables, drawn)))
    if binary := exporters.find(settings, exporters.NAMES[REDIS]):
        found.append(_exporter(settings, REDIS, binary, _redis_environment(settings, variables)))
    return found


def prepare(settings: Settings, variables: Mapping[str, str]) -> None:
    """Write Prometheus's configuration and rules into the installation."""
    folder = monitoring_folder(settings.data)
    make_private_folder(folder / "rules")
    for program in (_binary(settings), *(exporters.find(settings, exporters.NAMES[name]) for name in EXPORTERS)):
        if program is not None:
            service_account.make_reachable(program)
    write_private(folder / "web.yml", web_configuration(monitoring_certificates(settings.data)))
    jobs = scrape_jobs(settings, variables)
    write_private(folder / "prometheus.yml", scrape.configuration(jobs, str(folder / "rules" / "*.yml")))
    write_private(folder / "scrape.yml", yaml.safe_dump({"scrape_configs": jobs}, sort_keys=False))
    rules = scrape.rules(url_for_programs(settings), settings.alert_for)
    for stale in {path.name for path in (folder / "rules").glob("*.yml")} - set(rules):
        (folder / "rules" / stale).unlink()
    for name, text in rules.items():
        write_private(folder / "rules" / name, text)


def scrape_jobs(settings: Settings, variables: Mapping[str, str]) -> list[dict[str, Any]]:
    """A job for each part that runs here, and for Spark's user interface wherever it is."""

    def here(name: str) -> str:
        return f"127.0.0.1:{settings.port(name)}"

    def encryption(url: str) -> dict[str, str] | None:
        """`tls_config` for the server of an https address, whose certificate a person has given."""
        parts = urlsplit(url)
        known = {"ca_file": ca_file(variables), "server_name": parts.hostname or ""}
        return known if parts.scheme == "https" else None

    folder, tls = monitoring_folder(settings.data), monitoring_certificates(settings.data).client_side()
    served = encryption(variables["PUBLIC_URL"]) if variables["TLS_CERTIFICATE"] else None
    token_file = str(folder / "metrics.token")
    jobs = [scrape.job("controlplane", here("WEB_PORT"), token_file=token_file, tls=served)]
    if "kafka" not in settings.external_parts:
        password = str(folder / "jmx.password")
        jobs.append(scrape.job("kafka", here("KAFKA_METRICS_PORT"), tls=tls, password_file=password))
    if "spark" not in settings.external_parts or "SPARK_UI_URL" in settings.given:
        url = variables["SPARK_UI_URL"]
        jobs += scrape.spark_jobs(urlsplit(url).netloc, str(folder / "spark-ui.token"), encryption(url))
    for name, part, port in (
        ("postgres", POSTGRES, "POSTGRES_METRICS_PORT"),
        ("redis", REDIS, "REDIS_METRICS_PORT"),
    ):
        if exporters.find(settings, exporters.NAMES[part]):
            jobs.append(scrape.job(name, here(port), tls=tls))
    if settings.runs_minio:
        token = str(folder / "minio.token")
        jobs.append(scrape.job("minio", here("MINIO_PORT"), scrape.MINIO_PATH, token_file=token))
    if PROMETHEUS not in settings.external_parts:
        jobs.append(scrape.job("prometheus", here("PROMETHEUS_PORT"), f"{scrape.PROMETHEUS_BASE}/metrics", tls=tls))
    return jobs


def web_configuration(certificates: Certificates) -> str:
    """`web.yml` of Prometheus and of its exporters (exporter-toolkit)."""
    return yaml.safe_dump({"tls_server_config": certificates.server_side()})


def access_arguments(name: str, certificates: Certificates, web: str) -> tuple[str, ...]:
    """The arguments with which Prometheus or an exporter accepts only clients with our certificate.

    Args:
        web: the path of the file with `web_configuration`, for programs that read one.
    """
    if name != REDIS:
        return (f"--web.config.file={web}",)
    return (
        f"-tls-server-cert-file={certificates.server}",
        f"-tls-server-key-file={certificates.server_key}",
        f"-tls-server-ca-cert-file={certificates.authority}",
    )


def _prometheus(settings: Settings) -> Part:
    port, folder = settings.port("PROMETHEUS_PORT"), monitoring_folder(settings.data)
    certificates, base = monitoring_certificates(settings.data), scrape.PROMETHEUS_BASE
    return Part(
        name=PROMETHEUS,
        title="Prometheus",
        command=(
            str(_binary(settings) or PROMETHEUS),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            *RETENTION,
            f"--web.listen-address=127.0.0.1:{port}",
            *access_arguments(PROMETHEUS, certificates, str(folder / "web.yml")),
            f"--web.external-url={url_for_programs(settings).rstrip('/')}{base}/",
            f"--web.route-prefix={base}/",
            "--log.format=json",
            "--log.level=warn",
        ),
        directory=folder,
        environment={},
        healthy=lambda _: health.answers(f"https://127.0.0.1:{port}{base}/-/ready", certificates=certificates),
        address=f"{url_for_programs(settings).rstrip('/')}{base}/",
        ports={"PROMETHEUS_PORT": port},
        reads=(folder / "prometheus.yml", folder / "rules", folder / "web.yml", certificates.key_store),
        user=service_account.name_of(service_account.SERVICES),
        owned=(folder,),
    )


def _exporter(settings: Settings, name: str, binary: Path, environment: Mapping[str, str]) -> Part:
    variable = {POSTGRES: "POSTGRES_METRICS_PORT", REDIS: "REDIS_METRICS_PORT"}[name]
    port, certificates = settings.port(variable), monitoring_certificates(settings.data)
    web = monitoring_folder(settings.data) / "web.yml"
    words = {
        POSTGRES: (
            f"--web.listen-address=127.0.0.1:{port}",
            "--disable-settings-metrics",
            "--log.level=error",
        ),
        REDIS: (*("-web.listen-address", f"127.0.0.1:{port}"),),
    }
    return Part(
        name=name,
        title={POSTGRES: "PostgreSQL exporter", REDIS: "Redis exporter"}[name],
        command=(str(binary), *words[name], *access_arguments(name, certificates, str(web))),
        directory=settings.data,
        environment=environment,
        healthy=lambda _: health.answers(f"https://127.0.0.1:{port}/metrics", certificates=certificates),
        address=f"https://127.0.0.1:{port}/metrics",
        ports={variable: port},
        reads=(web, certificates.key_store),
        user=service_account.name_of(service_account.SERVICES),
        owned=(monitoring_folder(settings.data),),
    )


def _postgres_environment(settings: Settings, variables: Mapping[str, str], drawn: Mapping[str, str]) -> dict[str, str]:
    if "postgres" in settings.external_parts:
        return {"DATA_SOURCE_NAME": variables["DATABASE_URL"]}
    return {
        "DATA_SOURCE_URI": f"127.0.0.1:{settings.port('POSTGRES_PORT')}/postgres?sslmode=disable",
        "DATA_SOURCE_USER": database.MONITOR,
        "DATA_SOURCE_PASS": drawn["postgres_monitor"],
    }


def _redis_environment(settings: Settings, variables: Mapping[str, str]) -> dict[str, str]:
    address = urlsplit(variables["REDIS_URL"])
    return {
        "REDIS_ADDR": f"{address.scheme}://{address.hostname}:{address.port or 6379}",
        "REDIS_PASSWORD": address.password or "",
        **({"REDIS_USER": address.username} if address.username else {}),
        **({"REDIS_EXPORTER_TLS_CA_CERT_FILE": ca_file(variables)} if address.scheme == "rediss" else {}),
    }


def _binary(settings: Settings) -> Path | None:
    return exporters.find(settings, (settings.prometheus_binary or PROMETHEUS,))
