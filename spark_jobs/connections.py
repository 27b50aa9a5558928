"""Where the parts are, from the environment (or the installation's own file of it)."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import load_dotenv

from spark_jobs.connection_string import authenticated
from spark_jobs.errors import JobError
from spark_jobs.tls import ConnectionSettingError

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Connections:
    """Addresses that the jobs need; `.env.example` documents each variable.

    `spark_remote` is a connection string and holds the server's token.
    """

    spark_remote: str = field(repr=False)
    warehouse: str
    checkpoints: str


def connections() -> Connections:
    """The addresses for this process: its environment first, then `$LAKEHOUSE_DATA/environment`, then the defaults.

    Raises JobError for an address that would send the token without TLS.
    """
    data = load_environment()
    try:
        remote = authenticated(
            os.environ.get("SPARK_REMOTE") or "sc://localhost:15002", os.environ.get("SPARK_CONNECT_TOKEN") or ""
        )
    except ConnectionSettingError as error:
        raise JobError(str(error)) from None
    return Connections(
        spark_remote=remote,
        warehouse=(os.environ.get("WAREHOUSE") or (data / "warehouse").as_uri()).rstrip("/"),
        checkpoints=(os.environ.get("CHECKPOINTS") or (data / "checkpoints").as_uri()).rstrip("/"),
    )


def load_environment() -> Path:
    """Add what `$LAKEHOUSE_DATA/environment` says to this process's environment, which wins; gives the data folder."""
    data = Path(os.environ.get("LAKEHOUSE_DATA") or ROOT / "var").absolute()
    load_dotenv(data / "environment")
    return data


def starts(service: str) -> str:
    """The command that starts what is missing: `make up`, or with containers that of the service."""
    return f"docker compose up -d {service}" if os.environ.get("OPERATED_WITH") == "compose" else "make up"
