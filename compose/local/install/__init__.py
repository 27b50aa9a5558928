"""What a new machine lacks and no system package is needed for: Python environments, archives, browser code, MinIO."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from compose.local import bootstrap
from compose.local.concurrency import side_by_side
from compose.local.install import browser, exporters, jars, minio
from compose.local.progress import Progress
from compose.local.settings import Settings


def install_all(settings: Settings, progress: Progress) -> None:
    """Install what is missing, side by side; `.venv` is there already, because this runs in it.

    Raises `InstallationError`; what was downloaded by then is kept.
    """
    root = settings.root
    web = root / "controlplane" / "web"
    steps: list[tuple[str, Callable[[], None]]] = []
    if bootstrap.is_stale(".venv-airflow", "airflow"):
        steps.append(("Installing Airflow", lambda: bootstrap.sync(".venv-airflow", "airflow", quiet=True)))
    lock = root / "locks" / "jars.json"
    if jars.missing(lock, settings.jars):
        steps.append(("Downloading Kafka and Spark's connectors", lambda: jars.install(lock, settings.jars)))
    if (web / "package-lock.json").exists() and not browser.is_installed(web):
        steps.append(("Fetching the browser code", lambda: browser.install(web)))
    for part in exporters.missing(settings):
        steps.append((f"Building {part} with Go", partial(exporters.build, settings, part)))

    def run(title: str, task: Callable[[], None]) -> Callable[[], None]:
        def with_progress() -> None:
            with progress.step(title):
                task()

        return with_progress

    if settings.runs_minio and minio.find(settings) is None:
        steps.append(("Building MinIO, once (about five minutes)", lambda: minio.build(settings)))

    if steps:
        with bootstrap.install_lock():
            side_by_side(*(run(title, task) for title, task in steps))
