"""The digest that proves that two runs have identical payloads."""

import hashlib

import numpy as np
import numpy.typing as npt

from controlplane.scenarios.generator.packed import Packed
from controlplane.scenarios.generator.records import Block


class Digest:
    """A digest over every key and value on the topic, in the order of each partition.

    Add the records of whole blocks: the digest depends on the boundaries between calls, and the blocks of a run are
    always the same.
    """

    def __init__(self, partitions: int) -> None:
        self._hashes = [hashlib.blake2b(digest_size=16) for _ in range(partitions)]

    def add(self, block: Block, rows: npt.NDArray[np.int64] | None = None) -> None:
        """Add the next records in the order of sending: the whole block, or only these rows."""
        rows = np.arange(len(block)) if rows is None else rows
        keys, values, ends = block.places
        lengths = np.stack((values - keys, ends - values), axis=1).astype("<u4")
        records = Packed(block.body, keys, ends)
        partitions = block.partitions[rows]
        for partition, found in enumerate(self._hashes):
            here = rows[partitions == partition]
            if len(here):
                # Includes the lengths, so that bytes can't move between adjacent values.
                found.update(lengths[here].tobytes())
                found.update(records.joined(here))

    def by_partition(self) -> list[str]:
        """32 hexadecimal digits for each partition."""
        return [found.hexdigest() for found in self._hashes]

    def hexdigest(self) -> str:
        """32 hexadecimal digits over all partitions."""
        return hashlib.blake2b(b"".join(found.digest() for found in self._hashes), digest_size=16).hexdigest()
