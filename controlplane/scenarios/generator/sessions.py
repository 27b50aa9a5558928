"""Simulates user sessions: many overlapping walks through the state machine, a block of events at a time.

A fixed number of slots is active (rate times think time). Each slot holds one session after another. The order of turns
follows from the due time of each slot's next step; the steps of a round are computed together, as arrays. Randomness
comes as raw bits, and only integer arithmetic decides, so that every machine generates the same events.
"""

import math
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controlplane.scenarios.generator.catalogue import Catalogue, Shoppers, thresholds
from controlplane.scenarios.generator.document import Scenario
from controlplane.scenarios.generator.events import (
    ADD_TO_CART,
    CHECKOUT,
    EVENT_TYPES,
    LEAVE,
    PURCHASE,
    REMOVE_FROM_CART,
    SEARCH,
    STEPS,
    VIEW,
)  # fmt: skip
from controlplane.scenarios.generator.text import Texts, users, uuids

Numbers = npt.NDArray[np.int64]
Draws = npt.NDArray[np.uint64]

CART_LINES = 8
_ORDER = np.dtype([("before", "S13"), ("order", "S36"), ("after", "S1")])
ORDER_TEXT = f"S{_ORDER.itemsize}"
_QUANTITIES = (0.72, 0.17, 0.06, 0.03, 0.02)
_START = len(EVENT_TYPES)
_PLACE_BITS = 20
_32_BITS = np.uint64(0xFFFFFFFF)


@dataclass
class Turns:
    """Consecutive events, one entry per event, in order."""

    types: Numbers
    partitions: Numbers
    keys: Texts  # the user
    sessions: Texts
    homes: Numbers  # which of `Sessions.homes`
    details: Numbers  # which of `Sessions.details`
    quantities: Numbers
    orders: Texts  # `,"order_id":"…"` or nothing

    def where(self, kept: npt.NDArray[np.bool_]) -> "Turns":
        """Only the turns of the mask."""
        return Turns(*(column[kept] for column in vars(self).values()))


class Sessions:
    """The slots and their sessions. `turns` continues the simulation."""

    def __init__(
        self, scenario: Scenario, seed: int, partitions: int, *, peak: float, behaviour: int, identifiers: int
    ) -> None:
        # The number of started sessions.
        self.entered = 0
        self._catalogue = Catalogue(scenario.population, seed)
        self._shoppers = Shoppers(scenario.population, seed)
        self._partitions = partitions
        self._random = np.random.PCG64(behaviour)
        self._identifiers = np.random.PCG64(identifiers)
        think = scenario.sessions.think_seconds
        places = min(max(round(peak / scenario.traffic.time_compression * think), 16), 1 << _PLACE_BITS)
        self._round = max(places // 4, 8)
        rows = scenario.sessions.matrix()
        self._next = np.stack([_row(rows[state]) for state in (*EVENT_TYPES, "start")])
        quantities = _quantities(scenario.sessions.basket.pieces_per_line)
        self._quantity = thresholds(quantities)
        self._lines_at_most = scenario.sessions.basket.most_lines
        self._hot = scenario.population.hot_product
        dwell = scenario.sessions.dwell_seconds
        thinking = np.array([dwell.get(name, think) for name in EVENT_TYPES])
        # The purchase events of one order follow each other quickly.
        thinking[PURCHASE] = dwell.get("purchase", think / 20)
        self._thinking = _waits(thinking)

        self._state = np.full(places, LEAVE, np.int64)
        self._product = np.zeros(places, np.int64)
        self._lines = np.zeros(places, np.int64)
        self._cart = np.zeros((places, CART_LINES), np.int64)
        self._cart_quantity = np.zeros((places, CART_LINES), np.int64)
        self._partition = np.zeros(places, np.int64)
        self._key = np.zeros(places, "S8" if scenario.population.users <= 1_000_000 else "S9")
        self._session = np.zeros(places, "S36")
        self._home = np.zeros(places, np.int64)
        self._order = np.zeros(places, _ORDER)
        spread = (self._random.random_raw(places) >> np.uint64(32)).astype(np.int64)
        first = (spread * int(think * 1e6)) >> 32
        self._guess = 0
        self._due = (first << _PLACE_BITS) | np.arange(places, dtype=np.int64)
        self.key = self._key.dtype
        # The JSON fragments that turns refer to by index: country and device, product or search, quantity.
        self.homes = self._shoppers.pieces
        self.details = self._catalogue.pieces
        self.quantities = np.array([b"", *(b',"quantity":%d' % n for n in range(1, len(quantities) + 1))])
        # The partition of each user; -1 until it is computed.
        self._partition_of = np.full(scenario.population.users, -1, np.int32)

    def turns(self, count: int, due: Numbers | None = None) -> Turns:
        """The next `count` events. `due` has their send times (microseconds), for time-dependent behavior."""
        rounds: list[Turns] = []
        at = 0
        while at < count:
            until = min(count, at + self._round)
            rounds.append(self._turn(until - at, None if due is None else due[at:until]))
            at = until
        columns = zip(*(vars(turn).values() for turn in rounds), strict=True)
        return Turns(*(np.concatenate(column) for column in columns))

    def _turn(self, count: int, due: Numbers | None) -> Turns:
        order = self._first_due(count)
        places = order & ((1 << _PLACE_BITS) - 1)
        draws = self._random.random_raw(2 * count)
        low, high = draws & _32_BITS, draws >> np.uint64(32)
        steps = self._steps(places, (low[:count] >> np.uint64(16)).astype(np.int64), high[:count])
        products, quantities = self._act(places, steps, low[count:], high[count:], due)
        moment = order >> _PLACE_BITS
        wait = self._thinking[steps, (low[:count] & np.uint64(0xFF)).astype(np.int64)]
        self._due[places] = ((moment + wait) << _PLACE_BITS) | places
        with_order = (steps == CHECKOUT) | (steps == PURCHASE)
        orders = np.zeros(count, _ORDER)
        orders[with_order] = self._order[places[with_order]]
        return Turns(
            steps, self._partition[places], self._key[places], self._session[places], self._home[places],
            products, quantities, orders.view(ORDER_TEXT),
        )  # fmt: skip

    def _first_due(self, count: int) -> Numbers:
        """The `count` entries that are due first, in order. Entries are unique (the slot is in their low bits), so the
        order is the same on every machine."""
        # Few of many slots are due. A guess of the last due time avoids sorting all of them.
        candidates = self._due[self._due <= self._guess]
        if len(candidates) < count:
            candidates = np.partition(self._due, count - 1)[:count]
        order = np.sort(candidates)[:count]
        self._guess = int(order[-1]) + (int(order[-1]) - int(order[0])) * 5 // 4
        return order

    def _steps(self, places: Numbers, draws: Numbers, entrants: Draws) -> Numbers:
        """The step of each slot. A session that exits makes room for a new one."""
        state, lines = self._state[places], self._lines[places]
        steps = self._next[np.where(state == LEAVE, _START, state), draws]
        steps[(state == PURCHASE) & (lines > 0)] = PURCHASE
        nothing_there = (lines == 0) & ((steps == REMOVE_FROM_CART) | (steps == CHECKOUT))
        no_room = (lines >= self._lines_at_most) & (steps == ADD_TO_CART)
        steps[nothing_there | no_room] = VIEW
        fresh = (steps == LEAVE) | (state == LEAVE)
        if fresh.any():
            self._enter(places[fresh], entrants[fresh])
            # The first step of the new session must not depend on the draw that ended the previous one: mix it.
            steps[fresh] = self._next[
                _START, ((entrants[fresh] * np.uint64(0x9E3779B1)) >> np.uint64(8) & np.uint64(0xFFFF)).astype(np.int64)
            ]
        return steps

    def _enter(self, places: Numbers, draws: Draws) -> None:
        """Start new sessions in these slots: user, session ID and their JSON fragments."""
        self.entered += len(places)
        numbers = self._shoppers.draw(draws)
        keys = users(numbers)
        self._key[places] = keys
        self._session[places] = uuids(self._identifiers.random_raw(2 * len(places)))
        self._home[places] = self._shoppers.places(numbers)
        new = np.flatnonzero(self._partition_of[numbers] < 0)
        self._partition_of[numbers[new]] = [zlib.crc32(key) % self._partitions for key in keys[new].tolist()]
        self._partition[places] = self._partition_of[numbers]
        self._state[places] = LEAVE
        self._lines[places] = 0

    def _act(
        self, places: Numbers, steps: Numbers, low: Draws, high: Draws, due: Numbers | None
    ) -> tuple[Numbers, Numbers]:
        """Apply the steps: views, carts and orders. Return (index of the product or search, quantity) of each."""
        before = self._state[places]
        viewing = (steps == VIEW) & (before != SEARCH)
        searching = steps == SEARCH
        looking = viewing | searching  # a view after a search shows the product of the search
        looked_at = self._catalogue.draw_products(low[looking])
        if self._hot is not None and due is not None:
            sale = due[looking]
            on_sale = (sale >= int(self._hot.from_seconds * 1e6)) & (sale < self._hot.end * 1e6)
            # Bits that the choice of the product does not use, so that the two choices are independent.
            struck = (high[looking] >> np.uint64(8) & np.uint64(0xFFFF)) < np.uint64(round(self._hot.share * 2**16))
            looked_at[on_sale & struck] = self._catalogue.hot
        self._product[places[looking]] = looked_at
        products = self._product[places]
        quantities = np.zeros(len(places), np.int64)

        adding = steps == ADD_TO_CART
        at, line = places[adding], self._lines[places[adding]]
        chosen = 1 + np.searchsorted(self._quantity, high[adding], side="right")
        self._cart[at, line], self._cart_quantity[at, line] = products[adding], chosen
        quantities[adding] = chosen
        self._lines[at] += 1

        taking = (steps == REMOVE_FROM_CART) | (steps == PURCHASE)
        at = places[taking]
        self._lines[at] -= 1
        line = self._lines[at]
        products[taking], quantities[taking] = self._cart[at, line], self._cart_quantity[at, line]

        ordering = steps == CHECKOUT
        at = places[ordering]
        self._order[at] = (b',"order_id":"', b"", b'"')
        self._order["order"][at] = uuids(self._identifiers.random_raw(2 * len(at)))
        products[ordering] = self._catalogue.nothing
        words = (high[searching] * np.uint64(self._catalogue.per_category) >> np.uint64(32)).astype(np.int64)
        products[searching] = (
            self._catalogue.searches
            + self._catalogue.category[products[searching]] * self._catalogue.per_category
            + words
        )
        self._state[places] = steps
        return products, quantities


def _quantities(mean: float | None) -> list[float]:
    """Shares of the quantities 1, 2, … per line: geometric, truncated at ten, with approximately that mean."""
    if mean is None:
        return list(_QUANTITIES)
    return [(1 - 1 / mean) ** number for number in range(10)] if mean > 1 else [1.0]


def _row(probabilities: dict[str, float]) -> npt.NDArray[np.int64]:
    """A row of the state machine as a table from 16 random bits to the next step."""
    edges = thresholds([probabilities.get(step, 0.0) for step in STEPS])
    found: npt.NDArray[np.int64] = np.searchsorted(
        edges, np.arange(1 << 16, dtype=np.uint64) << np.uint64(16), side="right"
    ).astype(np.int64)
    return found


def _waits(means: npt.NDArray[np.float64]) -> Numbers:
    """Exponential waiting times by event type and 8 random bits, in whole microseconds."""
    quantiles = [-math.log(1 - (number + 0.5) / 256) for number in range(256)]
    return np.array(
        [[max(round(mean * quantile * 1e6), 1) for quantile in quantiles] for mean in means.tolist()], np.int64
    )
