"""How much work this machine does in a second: bounds of processor time are multiples of one fixed piece of work."""

import time
from functools import cache
from statistics import median


@cache
def piece() -> float:
    """The processor's seconds for a fixed piece of plain Python: some 20 ms on a machine of these years."""
    took = []
    for _ in range(5):
        began = time.process_time()
        sum(range(1_000_000))
        took.append(time.process_time() - began)
    return median(took)
