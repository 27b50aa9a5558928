"""The commands that a person types beside the pages: those of `make up`'s installation, or those of the containers."""

from django.conf import settings

# Where a part of ours has another name as a service of compose.yaml.
_SERVICES = {
    "kafka": "ecommerce-kafka",
    "spark": "spark-connect",
    "storage": "ecommerce-minio",
    "minio": "ecommerce-minio",
    "airflow-api-server": "ecommerce-airflow",
}


def status_command() -> str:
    """What lists every part and its state."""
    return "docker compose ps" if settings.OPERATED_WITH == "compose" else "make status"


def token_command() -> str:
    """What shows the token of `/metrics`."""
    if settings.OPERATED_WITH == "compose":
        return "docker compose exec prometheus cat /run/secrets/metrics_token"
    return "cat $LAKEHOUSE_DATA/metrics.token"


def logs_command(part: str) -> str:
    """What shows the log of `part`, as the supervisor of `make up` calls it."""
    if settings.OPERATED_WITH == "compose":
        return f"docker compose logs {_SERVICES.get(part, part)}"
    return f"make logs PART={part}"
