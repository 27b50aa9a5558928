"""Celery: tasks by name and outcome, and the length of the queues."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from controlplane.monitoring.providers import task_counter
from controlplane.monitoring.sources.families import counters, gauges

QUEUES = ("control", "generator")


def figures() -> Iterator[Metric]:
    """Background tasks by outcome, their duration, and the length of the queues."""
    known = task_counter().read(QUEUES)
    # Only our tasks, since the number of other names is unbounded.
    ended = {key: float(count) for key, count in known.ended.items() if key[0].startswith("controlplane.")}
    spent = {(task,): seconds for task, seconds in known.seconds.items() if task.startswith("controlplane.")}
    yield counters("lakehouse_celery_tasks", "Finished tasks by name and outcome.", ("task", "outcome"),
                   ended)  # fmt: skip
    yield counters(
        "lakehouse_celery_task_duration_seconds", "Total duration of finished tasks in seconds.", ("task",), spent
    )
    yield gauges("lakehouse_celery_queue_length", "Messages waiting in the queue.", ("queue",),
                 {(queue,): float(count) for queue, count in known.waiting.items()})  # fmt: skip
