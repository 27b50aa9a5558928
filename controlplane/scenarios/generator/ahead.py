"""Making records in a process beside the one that sends them: two cores instead of one, the same bytes.

`python -m controlplane.scenarios.generator.ahead` is that process: it reads what to make from its standard input and
writes blocks to its standard output, until it has made them all or nobody reads any more.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from controlplane.scenarios.generator.document import Scenario, check
from controlplane.scenarios.generator.errors import DeliveryError
from controlplane.scenarios.generator.patience import patient_collector
from controlplane.scenarios.generator.recording.making import records_of
from controlplane.scenarios.generator.records import Block, Records
from controlplane.scenarios.generator.schedule import Schedule

# Below this rate one process has time enough for both.
WORTH_IT_PER_SECOND = 50_000
_SIZE_BYTES = 8
# Where the package is found, wherever the sender was started.
_ROOT = Path(__file__).resolve().parents[3]


class RecordsAhead(Records):
    """The records of one run, made by another process."""

    def __init__(
        self, scenario: Scenario, *, seed: int, anchor: datetime, partitions: int, total: int | None = None
    ) -> None:
        self.schedule = Schedule(scenario)
        self.total = self.schedule.total if total is None else min(total, self.schedule.total)
        self.kinds = ("", *dict.fromkeys(fault.kind for fault in scenario.faults))
        self._wanted: dict[str, Any] = {
            "document": scenario.model_dump(mode="json"),
            "seed": seed,
            "anchor": anchor.isoformat(),
            "partitions": partitions,
            "total": self.total,
        }

    def blocks(self) -> Iterator[Block]:
        """Every record, once.

        Raises:
            DeliveryError: the other process ended before its time.
        """
        maker = subprocess.Popen(
            [sys.executable, "-m", __name__], cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert maker.stdin is not None
        assert maker.stdout is not None
        made = 0
        try:
            maker.stdin.write(orjson.dumps(self._wanted))
            maker.stdin.close()
            while size := maker.stdout.read(_SIZE_BYTES):
                block: Block = pickle.loads(maker.stdout.read(int.from_bytes(size)))  # noqa: S301 - of our own making
                made += len(block)
                yield block
            if made != self.total:
                raise DeliveryError(f"The process that makes the records ended with code {maker.wait()}.", "Run again.")
        finally:
            maker.stdout.close()
            maker.kill()
            maker.wait()


def records_for(scenario: Scenario, *, speed: float, **how: Any) -> Records:
    """The records of a run, made ahead by another process where the rate is worth it."""
    if scenario.source is None and Schedule(scenario).peak * speed >= WORTH_IT_PER_SECOND:
        return RecordsAhead(scenario, **how)
    return records_of(scenario, **how)


def main() -> int:
    """Make what standard input asks for. Exit code 0: all made; 1: nobody reads any more."""
    # Who interrupts the run interrupts its sender, which then stops reading.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wanted = orjson.loads(sys.stdin.buffer.read())
    records = Records(
        check(wanted["document"]),
        seed=wanted["seed"],
        anchor=datetime.fromisoformat(wanted["anchor"]),
        partitions=wanted["partitions"],
        total=wanted["total"],
    )
    try:
        with patient_collector():
            for block in records.blocks():
                body = pickle.dumps(block, protocol=pickle.HIGHEST_PROTOCOL)
                sys.stdout.buffer.write(len(body).to_bytes(_SIZE_BYTES))
                sys.stdout.buffer.write(body)
                sys.stdout.buffer.flush()
    except BrokenPipeError:
        # What is left in the buffer goes nowhere when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
