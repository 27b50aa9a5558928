"""Derives the fields that a recording lacks, by fixed rules from seed, anchor and its content (docs/generator.md).

The same seed and anchor give the same result. Another run of the recording gets other event, session and order IDs,
like a run of synthetic users, so that its events are not duplicates of the earlier run.
"""

import hashlib
import zlib
from collections.abc import Sequence

import numpy as np
import orjson

from controlplane.scenarios.generator.catalogue import thresholds
from controlplane.scenarios.generator.document import Population
from controlplane.scenarios.generator.text import uuids

Texts = Sequence[str | None]


class Deriver:
    """Generates the JSON fragments for the rows of a recording.

    Args:
        salt: identifies the run: version, seed and anchor.
    """

    def __init__(self, salt: str, seed: int, partitions: int) -> None:
        self._salt, self._seed, self._partitions = salt, seed, partitions
        shoppers = Population()
        self._countries, self._devices = shoppers.countries, list(shoppers.devices)
        self._of_country = thresholds([country.weight for country in shoppers.countries])
        self._of_device = thresholds(list(shoppers.devices.values()))

    def identifiers(self, what: str, keys: Texts) -> list[bytes]:
        """A UUID per key, the same for equal keys; empty for None."""
        unlike = list(dict.fromkeys(key for key in keys if key is not None))
        begun = hashlib.blake2b(f"{self._salt}|{what}|".encode(), digest_size=16)
        digests = bytearray()
        for key in unlike:
            one = begun.copy()
            one.update(key.encode())
            digests += one.digest()
        made = uuids(np.frombuffer(bytes(digests), ">u8").astype(np.uint64)).tolist() if unlike else []
        found = dict(zip(unlike, made, strict=True))
        return [b"" if key is None else found[key] for key in keys]

    def partitions(self, users: Sequence[str]) -> list[int]:
        """The partition of each user, as for synthetic events."""
        found = {user: zlib.crc32(user.encode()) % self._partitions for user in set(users)}
        return [found[user] for user in users]

    def places(self, users: Sequence[str], currencies: Texts, countries: Texts, devices: Texts) -> list[bytes]:
        """`"currency":…,"country":…,"device":…` of each row. Missing values are derived from the user."""
        known: dict[tuple[str | None, ...], bytes] = {}
        found = []
        for row in zip(users, currencies, countries, devices, strict=True):
            piece = known.get(row)
            if piece is None:
                piece = known[row] = self._place(*row)
            found.append(piece)
        return found

    def _place(self, user: str, currency: str | None, country: str | None, device: str | None) -> bytes:
        drawn = int.from_bytes(hashlib.blake2b(f"{self._seed}|{user}".encode(), digest_size=8).digest())
        home = self._countries[int(np.searchsorted(self._of_country, np.uint64(drawn >> 32), side="right"))]
        tool = self._devices[int(np.searchsorted(self._of_device, np.uint64(drawn & 0xFFFFFFFF), side="right"))]
        said = {"currency": currency or home.currency, "country": country or home.code, "device": device or tool}
        return orjson.dumps(said)[1:-1]


def products(names: Texts, categories: Texts, cents: Sequence[int | None]) -> list[bytes]:
    """`,"product_id":…,"category":…,"price":…` of each row with a product."""
    words = {category: orjson.dumps(category) for category in set(categories)}
    return [
        b""
        if name is None or price is None
        else b',"product_id":"%b","category":%b,"price":%d.%02d' % (name.encode(), words[word], *divmod(price, 100))
        for name, word, price in zip(names, categories, cents, strict=True)
    ]
