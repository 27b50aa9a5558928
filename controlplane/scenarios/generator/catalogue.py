"""Users, products, prices and search queries: identical for the same seed, constant over a run."""

import hashlib
import math
from itertools import accumulate
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from controlplane.scenarios.generator.document import Population

_ADJECTIVES = (
    "red", "black", "white", "blue", "green", "grey", "cheap", "new", "best", "small", "large", "light", "vintage",
    "waterproof", "wireless", "gift", "organic", "winter", "summer", "kids",
)  # fmt: skip
_NORMAL = NormalDist()
_PRODUCT = b',"product_id":"p-%05d","category":"%b","price":%.2f'


def thresholds(weights: list[float]) -> npt.NDArray[np.uint64]:
    """Cumulative weights scaled to 32 bits: `searchsorted(…, draw, side="right")` samples by weight.

    Integers, so that floating-point differences between machines can't change a choice.
    """
    total = math.fsum(weights)
    return np.array([round(part / total * 2**32) for part in accumulate(weights)][:-1], np.uint64)


def _units(seed: int, what: str, count: int) -> npt.NDArray[np.float64]:
    """A number between 0 and 1 (exclusive) for each of `count` items, determined by the seed."""
    words = (b"%d:%b:%d" % (seed, what.encode(), number) for number in range(count))
    digests = b"".join(hashlib.blake2b(word, digest_size=8).digest() for word in words)
    units: npt.NDArray[np.float64] = ((np.frombuffer(digests, ">u8") // 2).astype(np.float64) + 0.5) / 2**63
    return units


class Catalogue:
    """The products as JSON fragments, and their sampling.

    `pieces` is an array of fragments: first one per product (`,"product_id":…,"category":…,"price":…`), with a featured
    product another one at `hot`, then an empty one at `nothing`, then the searches from `searches` on, `per_category`
    for each category.
    """

    def __init__(self, population: Population, seed: int) -> None:
        categories = population.categories
        chosen = np.searchsorted(
            thresholds([category.weight for category in categories]),
            (_units(seed, "category", population.products) * 2**32).astype(np.uint64),
            side="right",
        )
        chosen_of = chosen.tolist()
        pieces: list[bytes] = []
        prices: list[float] = []
        drawn = _units(seed, "price", population.products).tolist()
        for number, which in enumerate(chosen_of):
            category = categories[which]
            price = category.median_price * math.exp(category.spread * _NORMAL.inv_cdf(drawn[number]))
            prices.append(min(max(price, 0.01), 100_000.0))
            pieces.append(_PRODUCT % (number, category.name.encode(), prices[-1]))
        # Rank and number must differ in order, or the first products would be the popular ones in every scenario.
        self._by_rank = np.argsort(_units(seed, "rank", population.products), kind="stable")
        self.hot = len(pieces)
        if population.hot_product is not None:
            # Of medium popularity, so that the sale is visible. At its sale price it is a fragment of its own.
            number = int(self._by_rank[population.products // 2])
            price = max(prices[number] * (1 - population.hot_product.discount), 0.01)
            pieces.append(_PRODUCT % (number, categories[chosen_of[number]].name.encode(), price))
            chosen_of.append(chosen_of[number])
        self.category = np.array(chosen_of, np.int64)
        self.nothing = len(pieces)
        self.searches = self.nothing + 1
        self.per_category = len(_ADJECTIVES)
        pieces.append(b"")
        for category in categories:
            pieces.extend(b',"query":"%b %b"' % (word.encode(), category.name.encode()) for word in _ADJECTIVES)
        self.pieces = np.array(pieces)
        self._popularity = thresholds([(rank + 1) ** -population.popularity for rank in range(population.products)])

    def draw_products(self, draws: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """Products sampled by popularity; one 32-bit draw each."""
        return self._by_rank[np.searchsorted(self._popularity, draws, side="right")]


class Shoppers:
    """The users. Country, currency and device of a user are determined by its number and the seed."""

    def __init__(self, population: Population, seed: int) -> None:
        self._users = population.users
        self._seed = seed
        self._countries = thresholds([country.weight for country in population.countries])
        # In the key order of a stored document (PostgreSQL's jsonb: shorter keys first), so that it generates the same
        # events as its source text.
        devices = sorted(population.devices, key=lambda name: (len(name), name))
        self._devices = thresholds([population.devices[name] for name in devices])
        self._per_country = len(devices)
        # For each country with each device: `"currency":…,"country":…,"device":…`.
        self.pieces = np.array(
            [
                b'"currency":"%b","country":"%b","device":"%b"'
                % (country.currency.encode(), country.code.encode(), device.encode())
                for country in population.countries
                for device in devices
            ]
        )

    def draw(self, draws: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """Sampled users; 32-bit draws are squared, so that some users return far more often than others."""
        unit = draws * (1.0 / (1 << 32))
        users: npt.NDArray[np.int64] = (unit * unit * self._users).astype(np.int64)
        return users

    def places(self, users: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The index in `pieces` of each user."""
        mixed = _mix(users.astype(np.uint64) + np.uint64(self._seed & 0xFFFFFFFFFFFFFFFF))
        countries = np.searchsorted(self._countries, mixed >> np.uint64(32), side="right")
        devices = np.searchsorted(self._devices, mixed & np.uint64(0xFFFFFFFF), side="right")
        found: npt.NDArray[np.int64] = countries * self._per_country + devices
        return found


def _mix(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """64 mixed bits of a number: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014)."""
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
