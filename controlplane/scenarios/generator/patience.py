"""Makes Python's garbage collector run less often.

A run creates millions of objects without cycles, with a hundred thousand of them in flight. At its default thresholds,
the collector scans them repeatedly and takes a third of the time. Garbage is still freed, only later.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_THRESHOLDS = (300_000, 20, 50)


@contextmanager
def patient_collector() -> Iterator[None]:
    """Raise the thresholds within the block."""
    before = gc.get_threshold()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
