"""Which probe looks at which part. A probe gives a Reading within a few seconds or raises."""

from collections.abc import Callable

from controlplane.overview.reading import Reading

PROBES: dict[str, Callable[[], Reading]] = {
}
