"""Where an installation stores its tables: chosen once, because the catalog stores the full address of each table."""

from __future__ import annotations

from collections.abc import Mapping

from dotenv import dotenv_values

from compose.local.errors import InstallationError
from compose.local.settings import FOLDER, MINIO, Settings


def refuse_a_move(settings: Settings, variables: Mapping[str, str]) -> None:
    """Raise `InstallationError` when the tables would be looked for elsewhere than where the last start left them."""
    before = dotenv_values(settings.data / "environment")
    was = before.get("WAREHOUSE")
    if not was or _holds_nothing(settings, before):
        return
    was_given = "S3_ENDPOINT" in (before.get("LAKEHOUSE_GIVEN") or "").split(",")
    now = variables["WAREHOUSE"]
    if was == now and was_given == ("S3_ENDPOINT" in settings.given):
        return
    new = "another installation (`LAKEHOUSE_DATA=~/second PORT_OFFSET=100 make up ...`), or `make clean` first"
    if before.get("STORAGE") == MINIO and settings.storage == MINIO and was == now:
        where = f"the S3 of S3_ENDPOINT ({before.get('S3_ENDPOINT')})" if was_given else "its own MinIO"
        how = "Set S3_ENDPOINT and its keys as before" if was_given else "Remove S3_ENDPOINT"
        raise InstallationError(f"The tables of this installation are in {where}.", f"{how}, or use {new}.")
    how = f"Keep STORAGE={before.get('STORAGE') or FOLDER}"
    if (before.get("STORAGE") or FOLDER) == settings.storage:
        how = "Keep WAREHOUSE, S3_BUCKET and LAKEHOUSE_DATA unchanged"
    raise InstallationError(
        f"The tables of this installation are in {was}. The catalog cannot find them in {now}.",
        f"{how}, or use {new}.",
    )


def _holds_nothing(settings: Settings, before: Mapping[str, str | None]) -> bool:
    """Whether no table was made yet, as far as this machine can see."""
    if "S3_ENDPOINT" in (before.get("LAKEHOUSE_GIVEN") or "").split(","):
        return False
    own = settings.data / "warehouse"
    if (before.get("STORAGE") or FOLDER) == MINIO:
        own = settings.data / "minio" / "data" / (before.get("S3_BUCKET") or "") / "warehouse"
        if before.get("WAREHOUSE") != f"s3://{before.get('S3_BUCKET')}/warehouse":
            return False
    elif before.get("WAREHOUSE") != own.as_uri():
        return False
    return not own.exists() or not any(own.iterdir())
