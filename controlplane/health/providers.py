"""Adapters of the overview room: the broker of background work and the supervisor of the processes."""

from django.conf import settings

from controlplane.health.ports import Broker, ProcessSupervisor
from controlplane.provider import Provider


@Provider
def broker() -> Broker:
    """What carries the background work."""
    from controlplane.health.adapters.redis import RedisBroker

    return RedisBroker(settings.REDIS_URL)


@Provider
def process_supervisor() -> ProcessSupervisor:
    """What keeps the processes running; on one machine `make up` brings one."""
    from controlplane.health.adapters.supervisord import Supervisord

    return Supervisord(settings.DATA_DIR / "supervisord.conf")
