"""The registry of probes. `controlplane.probes` fills it, since each probe belongs to a room above this one."""

import threading
from collections.abc import Callable, Mapping

from controlplane.health.reading import Reading

# A probe returns a Reading within a few seconds or raises.
Probe = Callable[[], Reading]
_probes: dict[str, tuple[Probe, threading.Lock]] = {}


def register_probes(probes: Mapping[str, Probe]) -> None:
    """Register probes by the name of the service that they check."""
    _probes.update({part: (probe, threading.Lock()) for part, probe in probes.items()})


def probe_of(part: str) -> tuple[Probe, threading.Lock]:
    """The probe of a service, and the lock that is held while it runs."""
    return _probes[part]
