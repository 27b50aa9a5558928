"""Where the lake and the control plane are, from the environment (or the installation's own file of it)."""

import os
from dataclasses import dataclass
from pathlib import Path

from dotenv import load_dotenv

from spark_jobs.tls import postgres_url

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Places:
    """What the dashboards reach; `.env.example` documents each variable."""

    catalog_uri: str
    warehouse: str
    public_url: str


def places() -> Places:
    """The environment first, then `$LAKEHOUSE_DATA/environment`, then the defaults."""
    data = Path(os.environ.get("LAKEHOUSE_DATA") or ROOT / "var").absolute()
    load_dotenv(data / "environment")
    return Places(
        catalog_uri=postgres_url(
            "ICEBERG_CATALOG_URI",
            os.environ.get("ICEBERG_CATALOG_URI") or "postgresql+psycopg://127.0.0.1:5433/lake",
        ),
        warehouse=(os.environ.get("WAREHOUSE") or (data / "warehouse").as_uri()).rstrip("/"),
        public_url=(os.environ.get("PUBLIC_URL") or "http://127.0.0.1:8000").rstrip("/"),
    )
