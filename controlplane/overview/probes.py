"""Which probe looks at which part. A probe gives a Reading within a few seconds or raises."""

from collections.abc import Callable

from controlplane.bi import probe as bi
from controlplane.lakehouse import probe as lake
from controlplane.overview.reading import Reading

PROBES: dict[str, Callable[[], Reading]] = {
    "lake": lake.look,
    "bi": bi.look,
}
