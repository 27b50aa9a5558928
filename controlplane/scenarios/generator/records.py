"""A scenario as records: blocks of keys, values and partitions, identical for the same version, seed and anchor.

The content does not depend on the clock: pace, pauses, restarts and the number of workers change nothing here.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from controlplane.scenarios.generator.document import Scenario
from controlplane.scenarios.generator.events import EVENT_TYPES
from controlplane.scenarios.generator.fault_sampling import FaultSampler
from controlplane.scenarios.generator.faults import FAULTS, Outcome, Spoiling
from controlplane.scenarios.generator.injection import GOOD, FaultInjector
from controlplane.scenarios.generator.packed import Bytes, Drafts, Numbers, Packed
from controlplane.scenarios.generator.pending import Pending, Waiting
from controlplane.scenarios.generator.schedule import Offsets, Schedule
from controlplane.scenarios.generator.sessions import ORDER_TEXT, Sessions, Turns
from controlplane.scenarios.generator.text import micros, times, uuids

# An event, part by part. Bytes are constant; strings name a variable part.
_EVENT = (
    b'{"event_id":"', "event", b'","event_type":"', "type", b'","event_time":"', "time", b'","user_id":"', "user",
    b'","session_id":"', "session", b'",', "home", "detail", "quantity", "order", b"}",
)  # fmt: skip
_TYPES = np.array([name.encode() for name in EVENT_TYPES])
# Copies that are due too late are spread over this last share of the run.
_LAST_SHARE = 0.05


@dataclass(frozen=True)
class Block:
    """A run of records in the order of sending.

    `body` has all keys and values. `places` (3, n) has the positions in it of each key's start, each value's start and
    each value's end; a value follows its key. `codes` has the fault of each record, an index into `Records.kinds`.
    `suppressed` marks dropped records, which only count as sent. `sources` maps the position of a copy to the number of
    its original.
    """

    first: int
    due: Offsets
    partitions: Numbers
    body: Bytes
    places: Numbers
    types: Numbers
    codes: Numbers
    suppressed: npt.NDArray[np.bool_] | None = None
    sources: Mapping[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.due)

    @property
    def keys(self) -> Packed:
        """The message keys, which determine the partitions."""
        return Packed(self.body, self.places[0], self.places[1])

    @property
    def values(self) -> Packed:
        """The message values."""
        return Packed(self.body, self.places[1], self.places[2])


class Records:
    """The records of one run.

    Args:
        anchor: the event time of the run's first second.
        partitions: the number of partitions. The partition of a record is the CRC-32 of its key modulo this.
        total: end after this many records, like a stopped run; by default all.
        longest: the maximum number of bytes of a record with a fault, for previews; by default all.
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
        self.schedule = Schedule(scenario)
        # The number of records of the run.
        self.total = self.schedule.total if total is None else min(total, self.schedule.total)
        self.kinds = ("", *dict.fromkeys(fault.kind for fault in scenario.faults))
        self._scenario = scenario
        self._anchor = micros(anchor)
        version = scenario.digest()
        # Identifiers depend on the anchor too: the same traffic at another time consists of different events.
        self._sessions = Sessions(
            scenario, seed, partitions, peak=self.schedule.peak,
            behaviour=_seed(version, seed, "behaviour"), identifiers=_seed(version, seed, self._anchor, "sessions"),
        )  # fmt: skip
        shop = self._sessions
        self._tables = {"type": _TYPES, "home": shop.homes, "detail": shop.details, "quantity": shop.quantities}
        self._lengths = {name: np.strings.str_len(table) for name, table in self._tables.items()}
        self._line = _line({name: table.dtype for name, table in self._tables.items()}, shop.key)
        # The constant part of the length of an event.
        self._same = sum(36 if part in ("event", "session") else 27 if part == "time" else 0 for part in _EVENT)
        self._same += sum(len(part) for part in _EVENT if isinstance(part, bytes))
        self._identifiers = np.random.PCG64(_seed(version, seed, self._anchor, "events"))
        self._chance = np.random.PCG64(_seed(version, seed, "records"))
        self._order = np.random.PCG64(_seed(version, seed, "order"))
        self._block = int(min(max(self.schedule.peak, 256), 8192))
        coded = [(self.kinds.index(fault.kind), fault) for fault in scenario.faults]
        self._copying = FaultSampler([(c, f) for c, f in coded if FAULTS[f.kind].outcome is Outcome.DUPLICATE])
        self._holding = FaultSampler([(c, f) for c, f in coded if f.kind == "out_of_order"])
        self._injector = FaultInjector(
            [(c, f) for c, f in coded if isinstance(FAULTS[f.kind], Spoiling) or f.kind == "dropped"],
            self._block,
            longest,
        )
        self._missing = [c for c, f in coded if FAULTS[f.kind].outcome is Outcome.MISSING]
        self._waiting = Waiting()

    def blocks(self) -> Iterator[Block]:
        """Every record, once. The iterator is stateful: create a new `Records` to start again."""
        for first in range(0, self.total, self._block):
            # A block is generated completely even if the run ends within it, so that its records are the same.
            whole = self._make(first, min(self._block, self.schedule.total - first))
            yield whole if self.total - first >= len(whole) else _beginning(whole, self.total - first)

    def _make(self, first: int, count: int) -> Block:
        due = self.schedule.due(first, self._chance.random_raw(count))
        pending = self._waiting.take(due)
        free = np.ones(count, np.bool_)
        free[list(pending)] = False
        fresh = np.flatnonzero(free)
        types = np.zeros(count, np.int64)
        partitions = np.zeros(count, np.int64)
        codes = np.zeros(count, np.int64)
        drafts = Drafts.blank(0, self._line.dtype)
        if len(fresh):
            turns, drafts = self._turns(first, fresh, due)
            types[fresh], partitions[fresh] = turns.types, turns.partitions
        drafts = drafts.spread(fresh, count)
        codes[fresh] = self._injector.inject(fresh, due, types, drafts, self._chance)
        for at, record in pending.items():
            types[at], partitions[at], codes[at] = record.type, record.partition, record.code
            drafts.put(at, record.key, record.value)
        block = Block(
            first, due, partitions, *drafts.packed(partitions), types, codes,
            suppressed=np.isin(codes, self._missing) if self._missing else None,
            sources={at: record.source for at, record in pending.items() if record.source >= 0},
        )  # fmt: skip
        self._remember_copies(block, fresh)
        return block

    def _turns(self, first: int, fresh: Numbers, due: Offsets) -> tuple[Turns, Drafts]:
        """An event for each free position. Out-of-order events are generated as well, and delayed."""
        if not self._holding:
            turns = self._sessions.turns(len(fresh), due[fresh])
            return turns, self._render(turns, due[fresh])
        draws = self._order.random_raw(len(fresh))
        held = self._holding.sample(draws, due[fresh])
        # A delayed event is generated just before the event that takes its position.
        places = np.repeat(np.arange(len(fresh)), 1 + (held >= 0))
        is_held = np.append(places[1:] == places[:-1], False)
        turns = self._sessions.turns(len(places), due[fresh][places])
        drafts = self._render(turns, due[fresh][places])
        for at in np.flatnonzero(is_held).tolist():
            place = int(places[at])
            code, fault = self._holding.faults[int(held[place])]
            delay = int(fault.delay * 1e6)
            waits = delay // 2 + (delay * int(draws[place] >> np.uint64(32)) >> 32)
            moment = int(due[fresh[place]])
            self._waiting.add(
                Pending(
                    moment + waits, first + int(fresh[place]), -1, drafts.key(at), drafts[at],
                    int(turns.partitions[at]), int(turns.types[at]), code,
                )
            )  # fmt: skip
        kept = ~is_held
        return turns.where(kept), drafts.where(kept)

    def _render(self, turns: Turns, due: Offsets) -> Drafts:
        count = len(due)
        traffic, duration = self._scenario.traffic, int(self.schedule.duration * 1e6)
        if traffic.time_compression == 1:
            moments = self._anchor + due
        else:
            moments = self._anchor + duration - ((duration - due) * traffic.time_compression).astype(np.int64)
        lines, lengths = np.repeat(self._line, count), np.empty((count, 2), np.int64)
        lines["event"], lines["time"] = uuids(self._identifiers.random_raw(2 * count)), times(moments)
        lines["key"], lines["session"], lines["order"] = turns.keys, turns.sessions, turns.orders
        lines["user"] = turns.keys
        lengths[:, 0] = np.strings.str_len(turns.keys)
        lengths[:, 1] = self._same + lengths[:, 0] + np.strings.str_len(turns.orders)
        numbers = {"type": turns.types, "home": turns.homes, "detail": turns.details, "quantity": turns.quantities}
        for name, number in numbers.items():
            lines[name] = self._tables[name][number]
            lengths[:, 1] += self._lengths[name][number]
        return Drafts(lines, lengths)

    def _remember_copies(self, block: Block, fresh: Numbers) -> None:
        if not self._copying or not len(fresh):
            return
        draws = self._chance.random_raw(len(fresh))
        struck = self._copying.sample(draws, block.due[fresh])
        struck[block.codes[fresh] != GOOD] = -1
        keys, values = block.keys, block.values
        for n in np.flatnonzero(struck >= 0).tolist():
            at = int(fresh[n])
            code, fault = self._copying.faults[int(struck[n])]
            due = self._copy_due(int(block.due[at]), fault.kind, fault.delay, int(draws[n] >> np.uint64(32)))
            self._waiting.add(
                Pending(
                    due, block.first + at, block.first + at, keys[at], values[at],
                    int(block.partitions[at]), int(block.types[at]), code,
                )
            )  # fmt: skip

    def _copy_due(self, due: int, kind: str, delay_seconds: float, draw: int) -> int:
        """The due time of a copy. 32 random bits set its delay between zero and twice the average."""
        delay = int(delay_seconds * 1e6)
        if kind != "duplicate_delayed":
            return due + (draw * 2 * delay >> 32)
        delayed = due + int((draw * 2 * delay >> 32) / self._scenario.traffic.time_compression)
        end = int(self.schedule.duration * 1e6)
        if delayed < end * (1 - _LAST_SHARE):
            return delayed
        return max(due, end - (draw * int(end * _LAST_SHARE) >> 32) - 1)


def _beginning(block: Block, count: int) -> Block:
    """The first `count` records of a block."""
    return Block(
        block.first, block.due[:count], block.partitions[:count], block.body,
        np.ascontiguousarray(block.places[:, :count]),
        block.types[:count], block.codes[:count], None if block.suppressed is None else block.suppressed[:count],
        {at: source for at, source in block.sources.items() if at < count},
    )  # fmt: skip


def _line(texts: "Mapping[str, np.dtype[np.bytes_]]", key: "np.dtype[np.bytes_]") -> npt.NDArray[np.void]:
    """An event as one structured row that contains only the constant parts."""
    types = {"event": "S36", "time": "S27", "user": key, "session": "S36", "order": ORDER_TEXT, **texts}
    fields: list[tuple[str, Any]] = [("key", key)]
    same: dict[str, bytes] = {}
    for part in _EVENT:
        if isinstance(part, str):
            fields.append((part, types[part]))
        else:
            same[f"{len(fields)}"] = part
            fields.append((f"{len(fields)}", f"S{len(part)}"))
    line = np.zeros(1, np.dtype(fields))
    for name, text in same.items():
        line[name] = text
    return line


def _seed(*parts: object) -> int:
    """A 128-bit hash of these parts."""
    return int.from_bytes(hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=16).digest())
