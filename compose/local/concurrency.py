"""Several things at once, and the first failure of any."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait


def side_by_side(*tasks: Callable[[], None]) -> None:
    """Run the tasks at once, each in a thread; the first failure is raised when it happens."""
    if not tasks:
        return
    threads = ThreadPoolExecutor(max_workers=len(tasks))
    try:
        done, _ = wait([threads.submit(task) for task in tasks], return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
