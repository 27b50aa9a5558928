"""A recording as the records of a run: its events with their timing, shifted to the anchor, with injected faults.

Every event of the recording is sent once. Copies are added, so a run has one record per event and one per copy.
Version, seed, anchor and number of partitions determine every byte, as for synthetic traffic.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from controlplane.scenarios.generator.document import Scenario
from controlplane.scenarios.generator.errors import DeliveryError
from controlplane.scenarios.generator.events import EVENT_TYPES
from controlplane.scenarios.generator.fault_sampling import FaultSampler
from controlplane.scenarios.generator.faults import FAULTS, Outcome, Spoiling
from controlplane.scenarios.generator.injection import GOOD, FaultInjector
from controlplane.scenarios.generator.packed import pack
from controlplane.scenarios.generator.pending import Pending
from controlplane.scenarios.generator.recording.deriving import Deriver, products
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.store import recording_store
from controlplane.scenarios.generator.records import Block, Records, _beginning, _seed
from controlplane.scenarios.generator.schedule import Schedule
from controlplane.scenarios.generator.text import micros, times, uuids

Numbers = npt.NDArray[np.int64]

_BLOCK = 8192
_TYPE_NAMES = [name.encode() for name in EVENT_TYPES]
_EVENT = b'{"event_id":"%b","event_type":"%b","event_time":"%b","user_id":"%b","session_id":"%b",%b%b%b%b%b}'


@dataclass
class _Fresh:
    """Events of the recording before faults. `first` is the position of the first one in the recording."""

    first: int
    due: Numbers
    types: Numbers
    partitions: list[int]
    keys: list[bytes]
    values: npt.NDArray[np.object_]


class RecordedRecords(Records):
    """The records of one run of a recording.

    Raises:
        DeliveryError: the recording is not stored.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int,
        anchor: datetime,
        partitions: int,
        total: int | None = None,
        longest: int | None = None,
    ) -> None:
        source = scenario.source
        assert source is not None
        assert source.figures is not None, "completed when the document was read"
        try:
            self._path = recording_store().events(source)
        except RecordingError as error:
            raise DeliveryError(error.message, error.remedy) from None
        self.schedule = Schedule(scenario)
        self.kinds = ("", *dict.fromkeys(fault.kind for fault in scenario.faults))
        self._scenario, self._speed = scenario, source.speed
        self._rows, self._length = source.figures.rows, source.figures.length_us
        # The last microsecond of sending.
        self._end = int(self._length / self._speed)
        self._anchor = micros(anchor)
        version = scenario.digest()
        salt = f"{version}|{seed}|{self._anchor}"
        self._derive = Deriver(salt, seed, partitions)
        self._identifiers = np.random.PCG64(_seed(salt, "events"))
        self._chance = np.random.PCG64(_seed(version, seed, "records"))
        self._order = np.random.PCG64(_seed(version, seed, "order"))
        self._copy_seed = _seed(version, seed, "copies")
        coded = [(self.kinds.index(fault.kind), fault) for fault in scenario.faults]
        self._copying = FaultSampler([(c, f) for c, f in coded if FAULTS[f.kind].outcome is Outcome.DUPLICATE])
        self._holding = FaultSampler([(c, f) for c, f in coded if f.kind == "out_of_order"])
        self._injector = FaultInjector(
            [(c, f) for c, f in coded if isinstance(FAULTS[f.kind], Spoiling) or f.kind == "dropped"], _BLOCK, longest
        )
        self._missing = [c for c, f in coded if FAULTS[f.kind].outcome is Outcome.MISSING]
        # Delayed records by due time.
        self._later: list[Pending] = []
        # The record number of each row with a pending copy.
        self._sequences: dict[int, int] = {}
        whole = self._rows + self._copies()
        self.total = min(whole, *(limit for limit in (scenario.max_events, total) if limit is not None), whole)

    def blocks(self) -> Iterator[Block]:
        """Every record, once. The iterator is stateful: create a new `RecordedRecords` to start again."""
        copying = np.random.PCG64(self._copy_seed)
        first = row = 0
        for table in self._read(None):
            fresh = self._fresh(table, row)
            row += len(fresh.due)
            whole = self._sent(first, fresh, copying.random_raw(len(fresh.due)))
            if whole is not None:
                yield whole if self.total - first >= len(whole) else _beginning(whole, self.total - first)
                first += len(whole)
            if first >= self.total:
                return
        while self._later and first < self.total:
            due = [heapq.heappop(self._later) for _ in range(min(len(self._later), _BLOCK))]
            whole = self._arranged(first, [(record.due, 1, record) for record in due])
            yield whole if self.total - first >= len(whole) else _beginning(whole, self.total - first)
            first += len(whole)

    def _read(self, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        try:
            with pq.ParquetFile(self._path) as file:
                yield from file.iter_batches(batch_size=_BLOCK, columns=columns, use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise DeliveryError(f"The recording can't be read ({error}).", "Upload the file again.") from None

    def _due(self, table: pa.RecordBatch) -> tuple[Numbers, Numbers]:
        """(microseconds after the recording's first event, microseconds of sending)."""
        at = table.column("at").to_numpy(zero_copy_only=False)
        if not hasattr(self, "_begins"):
            self._begins = int(at[0])
        within: Numbers = at - self._begins
        return within, within if self._speed == 1 else (within / self._speed).astype(np.int64)

    def _copies(self) -> int:
        """The number of copies of the run. Copies are sampled by row, independently of other faults."""
        if not self._copying:
            return 0
        draws, count = np.random.PCG64(self._copy_seed), 0
        for table in self._read(["at"]):
            due = self._due(table)[1]
            count += int((self._copying.sample(draws.random_raw(len(due)), due) >= 0).sum())
        return count

    def _fresh(self, table: pa.RecordBatch, first: int) -> _Fresh:
        within, due = self._due(table)
        # The newest event has the current time: a run faster than real time starts in the past.
        moments = self._anchor + within + min(self._end - self._length, 0)
        rows: dict[str, list[Any]] = {name: table.column(name).to_pylist() for name in table.schema.names[2:]}
        users = [user.encode() for user in rows["user"]]
        types = rows["type"]
        values = np.empty(len(types), object)
        values[:] = list(
            map(
                _EVENT.__mod__,
                zip(
                    uuids(self._identifiers.random_raw(2 * len(types))).tolist(),
                    [_TYPE_NAMES[code] for code in types], times(moments).tolist(), users,
                    self._derive.identifiers("session", rows["session"]),
                    self._derive.places(rows["user"], rows["currency"], rows["country"], rows["device"]),
                    products(rows["product"], rows["category"], rows["cents"]),
                    [b"" if n is None else b',"quantity":%d' % n for n in rows["quantity"]],
                    [b',"order_id":"%b"' % n if n else b"" for n in self._derive.identifiers("order", rows["order"])],
                    [b"" if n is None else b',"query":%b' % orjson.dumps(n) for n in rows["query"]],
                    strict=True,
                ),
            )
        )  # fmt: skip
        return _Fresh(first, due, np.array(types, np.int64), self._derive.partitions(rows["user"]), users, values)

    def _sent(self, first: int, fresh: _Fresh, draws: npt.NDArray[np.uint64]) -> Block | None:
        """The new events and the delayed records that are due, in the order of sending; None if all are delayed."""
        count = len(fresh.due)
        copied = self._copying.sample(draws, fresh.due) if self._copying else np.full(count, -1, np.int64)
        held = np.full(count, -1, np.int64)
        waits = np.zeros(count, np.uint64)
        if self._holding:
            order = self._order.random_raw(count)
            held = np.where(copied < 0, self._holding.sample(order, fresh.due), -1)
            waits = order >> np.uint64(32)
        free = np.flatnonzero((copied < 0) & (held < 0))
        codes = np.full(count, GOOD, np.int64)
        if len(free):
            codes[free] = self._injector.inject(free, fresh.due, fresh.types, fresh.values, self._chance)
        for at in np.flatnonzero(copied >= 0).tolist():
            code, fault = self._copying.faults[int(copied[at])]
            due = self._copy_due(int(fresh.due[at]), fault.kind, fault.delay, int(draws[at] >> np.uint64(32)))
            self._wait(fresh, at, due, code, fresh.first + at)
        for at in np.flatnonzero(held >= 0).tolist():
            code, fault = self._holding.faults[int(held[at])]
            delay = int(fault.delay * 1e6)
            self._wait(fresh, at, int(fresh.due[at]) + delay // 2 + (delay * int(waits[at]) >> 32), code, -1)
        now = [
            (int(fresh.due[at]), 0, self._pending(fresh, at, int(fresh.due[at]), int(codes[at]), -1))
            for at in np.flatnonzero(held < 0).tolist()
        ]
        until = int(fresh.due[-1])
        while self._later and self._later[0].due <= until:
            record = heapq.heappop(self._later)
            now.append((record.due, 1, record))
        now.sort(key=lambda entry: (entry[0], entry[1], entry[2].made))
        for row in (fresh.first + at for at in np.flatnonzero(copied >= 0).tolist()):
            self._sequences[row] = -1
        return self._arranged(first, now) if now else None

    def _pending(self, fresh: _Fresh, at: int, due: int, code: int, source: int) -> Pending:
        return Pending(
            due, fresh.first + at, source, fresh.keys[at], fresh.values[at], fresh.partitions[at],
            int(fresh.types[at]), code,
        )  # fmt: skip

    def _wait(self, fresh: _Fresh, at: int, due: int, code: int, source: int) -> None:
        heapq.heappush(self._later, self._pending(fresh, at, min(due, self._end), code, source))

    def _arranged(self, first: int, entries: list[tuple[int, int, Pending]]) -> Block:
        sources: dict[int, int] = {}
        for at, (_, _, record) in enumerate(entries):
            if record.source >= 0:
                sources[at] = self._sequences.pop(record.source)
            elif record.made in self._sequences:
                self._sequences[record.made] = first + at
        records = [record for _, _, record in entries]
        codes = np.array([record.code for record in records], np.int64)
        partitions = np.array([record.partition for record in records], np.int64)
        texts = pack([record.key for record in records], [record.value for record in records], partitions)
        return Block(
            first, np.array([due for due, _, _ in entries], np.int64), partitions, *texts,
            np.array([record.type for record in records], np.int64), codes,
            suppressed=np.isin(codes, self._missing) if self._missing else None, sources=sources,
        )  # fmt: skip
