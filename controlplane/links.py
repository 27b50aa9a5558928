"""Links to the producers of snapshots, and paths of the programs behind the gateway."""

from dataclasses import dataclass

from bi.addresses import producer_kind, producer_path
from bi.serving import BASE_PATH

BI_PREFIX = f"/{BASE_PATH}/"
SPARK_PREFIX = "/spark/"
PROMETHEUS_PREFIX = "/prometheus/"


@dataclass(frozen=True)
class Producer:
    """The producer of a snapshot: the stream, a DAG run, a Spark job, or another one without a `url`."""

    kind: str
    label: str
    url: str


def producer(job: str, run_id: str) -> Producer:
    """The producer for the snapshot properties `lakehouse.job` and `lakehouse.run-id`."""
    kind = producer_kind(job, run_id)
    return Producer(kind, "Stream" if kind == "stream" else run_id, producer_path(job, run_id))
