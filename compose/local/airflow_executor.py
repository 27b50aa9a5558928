"""Airflow's LocalExecutor under a supervisor. Runs in Airflow's own environment."""

import logging
import os

from airflow.executors.local_executor import LocalExecutor

log = logging.getLogger(__name__)


class SupervisedLocalExecutor(LocalExecutor):  # type: ignore[misc]
    """Stops the scheduler when one of its workers was killed; the supervisor restarts both.

    The workers take their tasks from one queue. A worker that is killed while it waits keeps the lock of that queue
    forever, and from then on every task stays queued.
    """

    def _check_workers(self) -> None:
        killed = [pid for pid, worker in self.workers.items() if not worker.is_alive() and (worker.exitcode or 0) < 0]
        if killed:
            log.error("Worker %s was killed: exiting, so that the supervisor restarts the scheduler.", killed[0])
            # A regular shutdown would wait for the other workers, which wait for the lock.
            os._exit(1)
        super()._check_workers()
