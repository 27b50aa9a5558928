"""Shell commands for operators: for an installation by `make up`, or for containers."""

from django.conf import settings

# Our service name -> name in compose.yaml, where they differ.
_SERVICES = {
    "kafka": "ecommerce-kafka",
    "spark": "spark-connect",
    "storage": "ecommerce-minio",
    "minio": "ecommerce-minio",
    "airflow-api-server": "ecommerce-airflow",
}


def status_command() -> str:
    """The command that lists every service with its status."""
    return "docker compose ps" if settings.OPERATED_WITH == "compose" else "make status"


def token_command() -> str:
    """The command that shows the token of `/metrics`."""
    if settings.OPERATED_WITH == "compose":
        return "docker compose exec prometheus cat /run/secrets/metrics_token"
    return "cat $LAKEHOUSE_DATA/metrics.token"


def logs_command(part: str) -> str:
    """The command that shows the log of `part`, a program name of the supervisor."""
    if settings.OPERATED_WITH == "compose":
        return f"docker compose logs {_SERVICES.get(part, part)}"
    return f"make logs PART={part}"
