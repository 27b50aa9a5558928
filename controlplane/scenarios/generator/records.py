"""A scenario as records: blocks of keys, values and partitions, the same for the same version, seed and anchor.

What is sent when does not follow from the clock: pace, pauses, restarts and the number of workers change nothing here.
"""

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from controlplane.scenarios.generator.document import Scenario
from controlplane.scenarios.generator.events import EVENT_TYPES
from controlplane.scenarios.generator.faults import DUPLICATE, FAULTS
from controlplane.scenarios.generator.schedule import Offsets, Schedule
from controlplane.scenarios.generator.sessions import Numbers, Sessions, Turns
from controlplane.scenarios.generator.text import micros, times, uuids

GOOD = 0
_EVENT = b'{"event_id":"%b","event_type":"%b","event_time":"%b",%b%b%b%b}'
_TYPE_NAMES = np.array([name.encode() for name in EVENT_TYPES], object)
_DEFAULT_DELAY_SECONDS = 5.0


@dataclass(frozen=True)
class Block:
    """A run of records in the order of sending. `codes` says what is wrong with each: an index into `Records.kinds`."""

    first: int
    due: Offsets
    partitions: list[int]
    keys: list[bytes]
    values: list[bytes]
    types: Numbers
    codes: Numbers

    def __len__(self) -> int:
        return len(self.values)


@dataclass(order=True)
class _Copy:
    """A good record that is sent again later."""

    due: int
    source: int
    key: bytes
    value: bytes
    partition: int
    type: int


class Records:
    """The records of one run.

    Args:
        anchor: the moment that the run's first second stands for.
        partitions: how many the topic has; a record's partition is the CRC-32 of its key modulo this.
    """

    def __init__(self, scenario: Scenario, *, seed: int, anchor: datetime, partitions: int) -> None:
        self.schedule = Schedule(scenario)
        self.kinds = ("", *(fault.kind for fault in scenario.faults))
        self._scenario = scenario
        self._anchor = micros(anchor)
        version = scenario.digest()
        # Identifiers depend on the anchor too: the same traffic at another time is other events, not the same again.
        self._sessions = Sessions(
            scenario, seed, partitions,
            behaviour=_seed(version, seed, "behaviour"), identifiers=_seed(version, seed, self._anchor, "sessions"),
        )  # fmt: skip
        self._identifiers = np.random.PCG64(_seed(version, seed, self._anchor, "events"))
        self._chance = np.random.PCG64(_seed(version, seed, "records"))
        self._block = int(min(max(self.schedule.peak, 256), 8192))
        spoiling = [(code, fault) for code, fault in enumerate(scenario.faults, 1) if fault.kind != DUPLICATE]
        self._spoil_codes = np.array([code for code, _ in spoiling], np.int64)
        self._spoil_edges = np.array(
            [round(sum(fault.rate for _, fault in spoiling[: n + 1]) * 2**32) for n in range(len(spoiling))], np.uint64
        )
        copied = [(code, fault) for code, fault in enumerate(scenario.faults, 1) if fault.kind == DUPLICATE]
        self._copy_code, self._copy_edge, self._copy_delay = 0, 0, 0
        if copied:
            self._copy_code, fault = copied[0]
            self._copy_edge = round(fault.rate * 2**32)
            self._copy_delay = int((fault.delay_seconds or _DEFAULT_DELAY_SECONDS) * 1e6)
        self._waiting: list[int] = []
        self._copies: list[_Copy] = []

    @property
    def total(self) -> int:
        """How many records a whole run has."""
        return self.schedule.total

    def blocks(self) -> Iterator[Block]:
        """Every record, once. An iterator of its own state: make a new `Records` to begin again."""
        for first in range(0, self.total, self._block):
            yield self._make(first, min(self._block, self.total - first))

    def _make(self, first: int, count: int) -> Block:
        due = self.schedule.due(first, self._chance.random_raw(count))
        copies = self._due_copies(due)
        fresh = np.setdiff1d(np.arange(count), np.array(list(copies), np.int64), assume_unique=True)
        turns = self._sessions.turns(len(fresh)) if len(fresh) else None
        types = np.zeros(count, np.int64)
        partitions = np.zeros(count, np.int64)
        keys, values = np.full(count, b"", object), np.full(count, b"", object)
        codes = np.zeros(count, np.int64)
        if turns is not None:
            types[fresh], partitions[fresh], keys[fresh] = turns.types, turns.partitions, turns.keys
            values[fresh] = self._render(turns, due[fresh])
            codes[fresh] = self._spoil(fresh, types, values)
        for at, copy in copies.items():
            types[at], partitions[at], keys[at], values[at] = copy.type, copy.partition, copy.key, copy.value
            codes[at] = self._copy_code
        block = Block(first, due, partitions.tolist(), keys.tolist(), values.tolist(), types, codes)
        self._remember_copies(block, fresh)
        return block

    def _render(self, turns: Turns, due: Offsets) -> list[bytes]:
        count = len(due)
        traffic, duration = self._scenario.traffic, int(self.schedule.duration * 1e6)
        if traffic.time_compression == 1:
            moments = self._anchor + due
        else:
            moments = self._anchor + duration - ((duration - due) * traffic.time_compression).astype(np.int64)
        return list(
            map(
                _EVENT.__mod__,
                zip(
                    uuids(self._identifiers.random_raw(2 * count)), _TYPE_NAMES[turns.types].tolist(), times(moments),
                    turns.shoppers.tolist(), turns.details.tolist(), turns.quantities.tolist(), turns.orders.tolist(),
                    strict=True,
                ),
            )
        )  # fmt: skip

    def _spoil(self, fresh: Numbers, types: Numbers, values: npt.NDArray[np.object_]) -> Numbers:
        """Spoil the share of the fresh records that the document asks for, in place; gives the code of each.

        A fault that can't be done to the record it was drawn for (a price fault to a search) goes to the next record it
        fits, in a later block if need be, so that every rate is kept.
        """
        codes = np.zeros(len(types), np.int64)
        if len(self._spoil_edges) == 0:
            return codes[fresh]
        draws = self._chance.random_raw(len(fresh))
        chance = draws & np.uint64(0xFFFFFFFF)
        struck = np.flatnonzero(chance < self._spoil_edges[-1])
        drawn = self._spoil_codes[np.searchsorted(self._spoil_edges, chance[struck], side="right")]
        wanted = [(0, code) for code in self._waiting] + list(zip(fresh[struck].tolist(), drawn.tolist(), strict=True))
        self._waiting = []
        extra = dict(zip(fresh.tolist(), draws.tolist(), strict=True)) if wanted else {}
        fitting: dict[int, Numbers] = {}
        for at, code in wanted:
            fault = FAULTS[self.kinds[code]]
            if code not in fitting:
                fitting[code] = fresh[np.isin(types[fresh], list(fault.applies_to))]
            places = fitting[code]
            n = int(np.searchsorted(places, at))
            while n < len(places) and codes[places[n]] != GOOD:
                n += 1
            if n == len(places):
                # Bounded: a scenario may ask for more faults of a kind than it has records to spoil.
                if len(self._waiting) < self._block:
                    self._waiting.append(code)
                continue
            place = int(places[n])
            codes[place] = code
            values[place] = fault.spoil(values[place], extra[place] >> 32)
        return codes[fresh]

    def _due_copies(self, due: Offsets) -> dict[int, _Copy]:
        """Which copies take which places of this block; one place each, the first free one when theirs is taken."""
        placed: dict[int, _Copy] = {}
        later: list[_Copy] = []
        while self._copies and self._copies[0].due <= due[-1]:
            copy = heapq.heappop(self._copies)
            at = int(np.searchsorted(due, copy.due))
            while at in placed:
                at += 1
            if at < len(due):
                placed[at] = copy
            else:
                later.append(copy)
        for copy in later:
            heapq.heappush(self._copies, copy)
        return placed

    def _remember_copies(self, block: Block, fresh: Numbers) -> None:
        if not self._copy_edge or not len(fresh):
            return
        draws = self._chance.random_raw(len(fresh))
        chosen = (draws & np.uint64(0xFFFFFFFF)) < np.uint64(self._copy_edge)
        chosen &= block.codes[fresh] == GOOD
        for at, draw in zip(fresh[chosen].tolist(), (draws[chosen] >> np.uint64(32)).tolist(), strict=True):
            delay = (draw * 2 * self._copy_delay) >> 32
            copy = _Copy(
                int(block.due[at]) + delay, block.first + at, block.keys[at], block.values[at], block.partitions[at],
                int(block.types[at]),
            )  # fmt: skip
            heapq.heappush(self._copies, copy)


def _seed(*parts: object) -> int:
    """128 bits that belong to these parts."""
    return int.from_bytes(hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=16).digest())


class Digest:
    """Proves two runs the same: per partition, every key and value in order."""

    def __init__(self, partitions: int) -> None:
        self._hashes = [hashlib.blake2b(digest_size=16) for _ in range(partitions)]

    def add(self, partitions: list[int], keys: list[bytes], values: list[bytes]) -> None:
        """The next records in the order of sending."""
        rows: list[list[bytes]] = [[] for _ in self._hashes]
        for partition, key, value in zip(partitions, keys, values, strict=True):
            rows[partition] += (b"%d,%d:" % (len(key), len(value)), key, value)
        for found, row in zip(self._hashes, rows, strict=True):
            found.update(b"".join(row))

    def hexdigest(self) -> str:
        """32 hexadecimal digits over all partitions."""
        return hashlib.blake2b(b"".join(found.digest() for found in self._hashes), digest_size=16).hexdigest()
