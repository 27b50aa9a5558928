"""Injects the faults of a document into records."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from controlplane.scenarios.generator.document import Fault
from controlplane.scenarios.generator.fault_sampling import FaultSampler, Numbers
from controlplane.scenarios.generator.faults import FAULTS, Spoiling
from controlplane.scenarios.generator.schedule import Offsets

GOOD = 0


class Values(Protocol):
    """The records of a block, readable and writable one by one."""

    def __getitem__(self, row: int, /) -> bytes: ...

    def __setitem__(self, row: int, value: bytes, /) -> None: ...


class FaultInjector:
    """Injects the faults that change new records or prevent their delivery.

    Args:
        faults: (code, fault) in the order of the document.
        patience: the maximum number of faults that wait for a matching record.
        longest: the maximum number of bytes to keep of a changed record; by default all.
    """

    def __init__(self, faults: Sequence[tuple[int, Fault]], patience: int, longest: int | None = None) -> None:
        self._sampler = FaultSampler(faults)
        self._longest = longest
        self._patience = patience
        self._waiting: list[int] = []

    def inject(
        self,
        fresh: Numbers,
        due: Offsets,
        types: Numbers,
        values: Values,
        random: np.random.PCG64,
    ) -> Numbers:
        """Inject faults into the new records of a block in place. Return the code of each.

        A fault that does not apply to its sampled record (such as a price fault to a search) goes to the next matching
        record, in a later block if necessary, so that every rate holds; but not beyond its window.
        """
        codes = np.zeros(len(types), np.int64)
        if not self._sampler:
            return codes[fresh]
        draws = random.random_raw(len(fresh))
        struck = self._sampler.sample(draws, due[fresh])
        hit = np.flatnonzero(struck >= 0)
        wanted = [(0, place) for place in self._waiting]
        wanted += list(zip(fresh[hit].tolist(), struck[hit].tolist(), strict=True))
        self._waiting = []
        if not wanted:
            return codes[fresh]
        draw_of = np.zeros(len(types), np.uint64)
        draw_of[fresh] = draws >> np.uint64(32)
        fitting: dict[int, Numbers] = {}
        for at, place in wanted:
            code, said = self._sampler.faults[place]
            fault = FAULTS[said.kind]
            if code not in fitting:
                fitting[code] = fresh[np.isin(types[fresh], list(fault.applies_to))]
            fits = fitting[code]
            n = int(np.searchsorted(fits, at))
            while n < len(fits) and codes[fits[n]] != GOOD:
                n += 1
            if n == len(fits):
                # Bounded: a scenario may define more faults of a kind than it has matching records.
                if len(self._waiting) < self._patience:
                    self._waiting.append(place)
                continue
            row = int(fits[n])
            if due[row] >= self._sampler.until(place):
                continue
            codes[row] = code
            if isinstance(fault, Spoiling):
                values[row] = fault.inject(values[row], int(draw_of[row]), int(said.delay * 1e6))[: self._longest]
        return codes[fresh]
