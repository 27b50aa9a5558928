"""Questions to the parts: they are asked many at a time, and an answer of the kind "not yet" is never an error."""

import subprocess
import sys

ASKED_BY_MANY = """
import threading, time
from compose.local import health
together, said = threading.Barrier(24), []
def ask(number):
    together.wait()
    # While the first one imports Celery, the others come.
    time.sleep(number * 0.006)
    try:
        said.append(health.celery("redis://127.0.0.1:1/0", "worker"))
    except Exception as error:
        said.append(repr(error))
asking = [threading.Thread(target=ask, args=(number,)) for number in range(24)]
[thread.start() for thread in asking]
[thread.join() for thread in asking]
print(sorted(set(said)), len(said))
"""


def test_workers_can_be_asked_for_by_many_threads_at_once() -> None:
    asked = subprocess.run(
        [sys.executable, "-W", "error", "-c", ASKED_BY_MANY], capture_output=True, text=True, timeout=120, check=False
    )
    assert asked.stdout.strip() == "['the broker does not respond yet'] 24", asked.stderr
