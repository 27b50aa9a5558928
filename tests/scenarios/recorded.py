"""Recordings for the tests: files like the public REES46 ones, made from a seed."""

import csv
import io
import random
import uuid
from datetime import datetime, timedelta
from pathlib import Path

from controlplane.scenarios.generator.document import Columns

HEADER = (
    "event_time", "event_type", "product_id", "category_id", "category_code", "brand", "price", "user_id",
    "user_session",
)  # fmt: skip
BEGIN = datetime(2019, 10, 1)  # noqa: DTZ001 - written with its zone


def rees46(rows: int, *, seed: int = 46, seconds: float = 60.0) -> bytes:
    """So many rows, over so many seconds, sorted by time; every fiftieth has no price, some no category code."""
    chance = random.Random(seed)
    visitors = [(str(chance.randrange(10**9)), str(uuid.UUID(int=chance.getrandbits(128)))) for _ in range(40)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for n in range(rows):
        moment = BEGIN + timedelta(seconds=int(n * seconds / max(rows - 1, 1)))
        user, session = chance.choice(visitors)
        price = "0.00" if n % 50 == 9 else f"{chance.uniform(1, 900):.2f}"
        kind = chance.choice(["view"] * 8 + ["cart", "purchase"])
        code = chance.choice(["electronics.smartphone", "", 'odd "words", too'])
        brand = chance.choice(["samsung", ""])
        writer.writerow(
            (f"{moment:%Y-%m-%d %H:%M:%S} UTC", kind, str(1000 + n % 90), "2053013555631882655", code, brand, price,
             user, session)
        )  # fmt: skip
    return out.getvalue().encode()


def written(folder: Path, body: bytes, name: str = "2019-Oct.csv") -> Path:
    """That file."""
    path = folder / name
    path.write_bytes(body)
    return path


# Thirty rows without a fault.
GOOD = rees46(30).replace(b",0.00,", b",9.99,")
# Three rows that no ready mapping fits, and the mapping that does.
OWN = b"t,what,who,item,cost\n" + b"".join(
    b"%d,%s,anna,p1,2.50\n" % (1_570_000_000 + minute * 60, what)
    for minute, what in enumerate((b"look", b"look", b"buy"))
)
OWN_COLUMNS = Columns(
    event_time="t", event_type="what", user_id="who", product_id="item", price="cost",
    types={"look": "view", "buy": "purchase"},
)  # fmt: skip
