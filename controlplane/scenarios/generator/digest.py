"""Proof that two runs are the same."""

import hashlib
from collections.abc import Sequence

import numpy as np


class Digest:
    """Over every key and value that goes to the topic, in the order of each partition.

    Give it whole blocks: what it says depends on where one call ends and the next begins, and a run's blocks are always
    the same.
    """

    def __init__(self, partitions: int) -> None:
        self._hashes = [hashlib.blake2b(digest_size=16) for _ in range(partitions)]

    def add(self, partitions: Sequence[int], keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """The next records in the order of sending."""
        rows: list[list[bytes]] = [[] for _ in self._hashes]
        for partition, key, value in zip(partitions, keys, values, strict=True):
            row = rows[partition]
            row.append(key)
            row.append(value)
        for found, row in zip(self._hashes, rows, strict=True):
            if row:
                # The lengths too: what ends one value can't begin the next one.
                found.update(np.fromiter(map(len, row), "<u4", len(row)).tobytes())
                found.update(b"".join(row))

    def by_partition(self) -> list[str]:
        """32 hexadecimal digits for each partition."""
        return [found.hexdigest() for found in self._hashes]

    def hexdigest(self) -> str:
        """32 hexadecimal digits over all partitions."""
        return hashlib.blake2b(b"".join(found.digest() for found in self._hashes), digest_size=16).hexdigest()
