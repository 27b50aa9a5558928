"""Addresses of the lake and the control plane, from the environment or the installation's environment file."""

import os
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from spark_jobs import object_store
from spark_jobs.tls import postgres_url

ROOT = Path(__file__).resolve().parent.parent
# The variables that the dashboards read. Other variables contain secrets that they do not need.
READ = (
    *("LAKEHOUSE_DATA", "ICEBERG_CATALOG_URI", "WAREHOUSE", "PUBLIC_URL"),
    *object_store.VARIABLES,
)


@dataclass(frozen=True)
class Places:
    """The addresses that the dashboards use; `.env.example` documents each variable."""

    catalog_uri: str
    warehouse: str
    public_url: str


def places() -> Places:
    """The environment first, then `$LAKEHOUSE_DATA/environment`, then the defaults."""
    data = Path(os.environ.get("LAKEHOUSE_DATA") or ROOT / "var").absolute()
    for name, value in dotenv_values(data / "environment").items():
        if name in READ and value is not None:
            os.environ.setdefault(name, value)
    return Places(
        catalog_uri=postgres_url(
            "ICEBERG_CATALOG_URI",
            os.environ.get("ICEBERG_CATALOG_URI") or "postgresql+psycopg://127.0.0.1:5433/lake",
        ),
        warehouse=(os.environ.get("WAREHOUSE") or (data / "warehouse").as_uri()).rstrip("/"),
        public_url=(os.environ.get("PUBLIC_URL") or "http://127.0.0.1:8000").rstrip("/"),
    )
