"""Adapters of the monitoring room: the counter of Celery tasks."""

from django.conf import settings

from controlplane.monitoring.ports import TaskCounter
from controlplane.provider import Provider


@Provider
def task_counter() -> TaskCounter:
    """The counter of Celery tasks."""
    from controlplane.monitoring.adapters.redis import RedisTaskCounter

    return RedisTaskCounter(settings.REDIS_URL)
