"""A place for records to go to that can be looked into, and be told to refuse some."""

from collections.abc import Container, Sequence

from controlplane.scenarios.generator.delivery import Tally, Waiting


class MemorySink:
    """Keeps what it takes as (sequence, partition, key, value)."""

    def __init__(self, refuse: Container[int] = ()) -> None:
        self.tally = Tally()
        self.taken: list[tuple[int, int, bytes, bytes]] = []
        self._refuse = refuse

    def send(
        self,
        sequences: Sequence[int],
        partitions: Sequence[int],
        keys: Sequence[bytes],
        values: Sequence[bytes],
        waiting: Waiting,
    ) -> int:
        for record in zip(sequences, partitions, keys, values, strict=True):
            if record[0] in self._refuse:
                self.tally.errors["_MSG_TIMED_OUT"] += 1
                self.tally.failed_sequences.append(record[0])
            else:
                self.tally.acknowledged += 1
                self.taken.append(record)
        return len(sequences)

    def poll(self) -> None:
        pass

    def finish(self, waiting: Waiting) -> None:
        pass
