"""Celery: tasks by name and outcome, and what waits in the queues."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from controlplane.monitoring.providers import task_counter
from controlplane.monitoring.sources.families import counters, gauges

QUEUES = ("control", "generator")


def figures() -> Iterator[Metric]:
    known = task_counter().read(QUEUES)
    # Ours only: what else may come through the broker has no bound.
    ended = {key: float(count) for key, count in known.ended.items() if key[0].startswith("controlplane.")}
    spent = {(task,): seconds for task, seconds in known.seconds.items() if task.startswith("controlplane.")}
    yield counters("lakehouse_celery_tasks", "Tasks that have ended, by name and outcome.", ("task", "outcome"),
                   ended)  # fmt: skip
    yield counters("lakehouse_celery_task_duration_seconds", "Seconds that tasks ran.", ("task",), spent)
    yield gauges("lakehouse_celery_queue_length", "Messages that wait for a worker.", ("queue",),
                 {(queue,): float(count) for queue, count in known.waiting.items()})  # fmt: skip
