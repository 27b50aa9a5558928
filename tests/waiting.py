"""Waiting on a condition, never on a clock."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_for(look: Callable[[], Found], what: str, *, within: float, every: float = 0.25) -> Found:
    """Look until something true is seen, and give that back.

    Args:
        what: what is waited for, for the message of the failure.
        within: seconds after which the test fails.

    Raises:
        AssertionError: it was not seen in time; the last exception that the look raised is the cause.
    """
    deadline = time.monotonic() + within
    last: Exception | None = None
    while True:
        try:
            if found := look():
                return found
            last = None
        except Exception as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"Not seen within {within:.0f} s: {what}") from last
        time.sleep(every)
