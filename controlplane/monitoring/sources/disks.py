"""Disk space of the installation's folders."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from prometheus_client.metrics_core import Metric

from controlplane.monitoring.sources.families import gauges

# Folders that may be separate disks. Folders on the same disk as `data` are omitted.
FOLDERS = ("postgres", "kafka", "warehouse", "checkpoints", "spark", "logs", "prometheus", "minio", "minio/data")


def figures() -> Iterator[Metric]:
    """Free space and size of the disks of the data folder, in bytes."""
    used = {(name,): shutil.disk_usage(folder) for name, folder in disks(settings.DATA_DIR).items()}
    yield gauges("lakehouse_disk_free_bytes", "Free bytes on the disk of a folder of the installation.", ("folder",),
                 {name: float(usage.free) for name, usage in used.items()})  # fmt: skip
    yield gauges("lakehouse_disk_size_bytes", "Size of the disk in bytes.", ("folder",),
                 {name: float(usage.total) for name, usage in used.items()})  # fmt: skip


def disks(data: Path) -> dict[str, Path]:
    """The data folder, and the folders in it that are separate disks, by name."""
    if not data.exists():
        return {}
    found = {"data": data}
    own = data.stat().st_dev
    for name in FOLDERS:
        folder = data / name
        if folder.is_dir() and folder.stat().st_dev != own:
            found[name] = folder
    return found
