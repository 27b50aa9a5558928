"""Prometheus's configuration: which services are scraped, where, how often."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

EVERY = "10s"
HERE = Path(__file__).resolve().parent
RULES = HERE / "rules"
# Where rules and runbooks stand as they are committed; an installation puts its own address there.
COMMITTED_URL = "http://127.0.0.1:8000"
MINIO_PATH = "/minio/v2/metrics/cluster"
SPARK_PATH = "/metrics/prometheus/"


# Prometheus serves its own pages under the path at which the control plane passes them on.
PROMETHEUS_BASE = "/prometheus"
# The name with which Prometheus signs in to Kafka's JMX agent.
JMX_USER = "prometheus"


def job(
    name: str,
    address: str,
    path: str = "/metrics",
    *,
    token_file: str = "",
    tls: dict[str, str] | None = None,
    password_file: str = "",
) -> dict[str, Any]:
    """One scrape job.

    Args:
        address: host:port.
        token_file: the file with the bearer token that the target asks for.
        tls: Prometheus's `tls_config`, where the target speaks https.
        password_file: the file with the password of `JMX_USER`, where the target asks for one.
    """
    asked: dict[str, Any] = {"job_name": name, "metrics_path": path}
    if tls:
        asked |= {"scheme": "https", "tls_config": tls}
    if token_file:
        asked["authorization"] = {"credentials_file": token_file}
    if password_file:
        asked["basic_auth"] = {"username": JMX_USER, "password_file": password_file}
    return asked | {"static_configs": [{"targets": [address]}]}


# Spark exports most metrics twice, and labels each start of the server: both would only create more series.
TIDIED = {
    "metric_relabel_configs": [
        {"source_labels": ["__name__"], "regex": ".*_Number", "action": "drop"},
        {"regex": "application_id|type", "action": "labeldrop"},
    ]
}
# Of a master and a worker, only their own metrics; those of shared code stay at zero.
OWN = {"source_labels": ["__name__"], "regex": "metrics_(master|worker)_.*", "action": "keep"}


def spark_jobs(address: str, token_file: str, tls: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Spark's two servlets: of the driver with all its sources, and of the executors."""
    paths = {"spark": SPARK_PATH, "spark-executors": "/metrics/executors/prometheus/"}
    return [job(name, address, path, token_file=token_file, tls=tls) | TIDIED for name, path in paths.items()]


def cluster_jobs(token_file: str) -> list[dict[str, Any]]:
    """The containers' master and workers. The second worker is optional: its name resolves if it runs."""
    own = {"metric_relabel_configs": [*TIDIED["metric_relabel_configs"], OWN]}
    second = {"names": ["ecommerce-spark-worker-2"], "type": "A", "port": 8081}
    return [
        job("spark-master", "ecommerce-spark-master:8080", SPARK_PATH, token_file=token_file) | own,
        job("spark-worker", "ecommerce-spark-worker:8081", SPARK_PATH, token_file=token_file)
        | {"dns_sd_configs": [second]}
        | own,
    ]


def configuration(jobs: Sequence[dict[str, Any]], rule_files: str) -> str:
    """`prometheus.yml` for these jobs."""
    document = {
        "global": {"scrape_interval": EVERY, "evaluation_interval": EVERY, "scrape_timeout": "8s"},
        "rule_files": [rule_files],
        "scrape_configs": list(jobs),
    }
    return yaml.safe_dump(document, sort_keys=False)


def rules(public_url: str, alert_for: str = "") -> dict[str, str]:
    """The rule files by name, with runbooks at `public_url`; `alert_for` replaces how long each condition must hold."""
    found = {}
    for path in sorted(RULES.glob("*.yml")):
        document = yaml.safe_load(path.read_text())
        for rule in (rule for group in document["groups"] for rule in group["rules"]):
            url = rule["annotations"]["runbook_url"]
            rule["annotations"]["runbook_url"] = url.replace(COMMITTED_URL, public_url.rstrip("/"))
            if alert_for:
                rule["for"] = alert_for
        found[path.name] = yaml.safe_dump(document, sort_keys=False, width=120)
    return found


def of_containers() -> str:
    """`prometheus.yml` of the containers, where every part is known by its service's name."""
    files = {"ca_file": "authority.pem", "cert_file": "client.pem", "key_file": "client.key"}
    tls = {name: f"/run/secrets/{file}" for name, file in files.items()}
    jobs = [
        job("controlplane", "web:8000", token_file="/run/secrets/metrics_token"),  # noqa: S106 - a place, no token
        job("kafka", "ecommerce-kafka:9404", tls=tls, password_file="/run/secrets/jmx_password"),  # noqa: S106 - as above
        *spark_jobs("spark-connect:4040", "/run/secrets/spark_ui_token"),
        *cluster_jobs("/run/secrets/spark_ui_token"),
        job("postgres", "postgres-exporter:9187", tls=tls),
        job("redis", "redis-exporter:9121", tls=tls),
        job("minio", "ecommerce-minio:9000", MINIO_PATH, token_file="/run/secrets/minio_token"),  # noqa: S106 - as above
        job("prometheus", "127.0.0.1:9090", f"{PROMETHEUS_BASE}/metrics", tls=tls),
    ]
    return configuration(jobs, "/etc/prometheus/rules/*.yml")
