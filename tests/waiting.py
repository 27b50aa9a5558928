"""Waiting on a condition, never on a clock."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Found = TypeVar("Found")

# Machines differ, and have more to do at one time than at another: what comes is seen when it comes, and what doesn't
# come only fails a little later.
PATIENCE = 3.0


def wait_for(look: Callable[[], Found], what: str, *, within: float, every: float = 0.25) -> Found:
    """Look until something true is seen, and give that back.

    Args:
        what: what is waited for, for the message of the failure.
        within: seconds in which it is there on a machine with nothing else to do; the test fails after PATIENCE times
            as many.

    Raises:
        AssertionError: it was not seen in time; the last exception that the look raised is the cause.
    """
    deadline = time.monotonic() + within * PATIENCE
    last: Exception | None = None
    while True:
        try:
            if found := look():
                return found
            last = None
        except Exception as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"Not seen within {within * PATIENCE:.0f} s: {what}") from last
        time.sleep(every)


@contextmanager
def done_within(seconds: float, what: str) -> Iterator[None]:
    """Fail when the block takes more than PATIENCE times as many seconds as its own deadline allows."""
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert took < seconds * PATIENCE, f"{what} took {took:.1f} s, {seconds:g} s are its deadline"
