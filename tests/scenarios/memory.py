"""A place for records to go to that can be looked into, and be told to refuse some."""

from collections.abc import Container

from controlplane.scenarios.generator.delivery import Rows, Tally, Waiting
from controlplane.scenarios.generator.records import Block


class MemorySink:
    """Keeps what it takes as (sequence, partition, key, value)."""

    def __init__(self, refuse: Container[int] = ()) -> None:
        self.tally = Tally()
        self.taken: list[tuple[int, int, bytes, bytes]] = []
        self._refuse = refuse

    def send(self, block: Block, rows: Rows, waiting: Waiting) -> int:
        for row in rows.tolist():
            sequence = block.first + row
            if sequence in self._refuse:
                self.tally.errors["_MSG_TIMED_OUT"] += 1
                self.tally.failed_sequences.append(sequence)
            else:
                self.tally.acknowledged += 1
                self.taken.append((sequence, int(block.partitions[row]), block.keys[row], block.values[row]))
        return len(rows)

    def poll(self) -> None:
        pass

    def finish(self, waiting: Waiting) -> None:
        pass
