"""The probes of the parts. The composition gives them (`controlplane.probes`), since each belongs to a room above."""

import threading
from collections.abc import Callable, Mapping

from controlplane.health.reading import Reading

# A probe returns a Reading within a few seconds or raises.
Probe = Callable[[], Reading]
_probes: dict[str, tuple[Probe, threading.Lock]] = {}


def register_probes(probes: Mapping[str, Probe]) -> None:
    """Let these probes look at the parts of these names."""
    _probes.update({part: (probe, threading.Lock()) for part, probe in probes.items()})


def probe_of(part: str) -> tuple[Probe, threading.Lock]:
    """The probe of a part, and the lock that it is held under while it looks."""
    return _probes[part]
