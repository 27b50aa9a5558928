"""Adapters of the health room: the broker of background tasks and the supervisor of the processes."""

from django.conf import settings

from controlplane.health.ports import Broker, ProcessSupervisor
from controlplane.provider import Provider


@Provider
def broker() -> Broker:
    """The broker of the background tasks."""
    from controlplane.health.adapters.redis import RedisBroker

    return RedisBroker(settings.REDIS_URL)


@Provider
def process_supervisor() -> ProcessSupervisor:
    """The supervisor of the processes; `make up` starts one."""
    from controlplane.health.adapters.supervisord import Supervisord

    return Supervisord(settings.DATA_DIR / "supervisord.conf")
