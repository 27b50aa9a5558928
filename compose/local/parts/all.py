"""The list of parts, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Mapping

from compose.local.parts import Part, airflow, bi, controlplane, kafka, minio, monitoring, postgres, redis, spark
from compose.local.settings import Settings

NAMES = ("postgres", "redis", "kafka", "minio", "spark", *airflow.PROGRAMS, *controlplane.PROGRAMS, "bi")


def parts_of(settings: Settings, variables: Mapping[str, str], drawn: Mapping[str, str]) -> list[Part]:
    """Every part that this installation runs itself."""
    everything = [
        postgres.part(settings, drawn),
        redis.part(settings, drawn),
        kafka.part(settings, variables, drawn),
        *([minio.part(settings, variables)] if settings.runs_minio else []),
        spark.part(settings, variables),
        *airflow.parts(settings, variables, drawn),
        *controlplane.parts(settings, variables),
        bi.part(settings, variables),
        *monitoring.parts(settings, variables, drawn),
    ]
    return [part for part in everything if part.name not in settings.external_parts]
