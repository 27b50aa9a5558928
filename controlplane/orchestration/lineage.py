"""The inputs and outputs of a run, from the snapshot properties in the lake and from our own rows."""

from controlplane.lakehouse.lineage import Lineage, lineage_of
from controlplane.orchestration.models import DagRun, SparkJob
from controlplane.orchestration.ports import MOST_TASKS
from controlplane.orchestration.selectors import report_of
from controlplane.quality.models import Validation


def dag_run_lineage(run: DagRun) -> Lineage:
    """The lineage of an Airflow DAG run."""
    return lineage_of(run.run_id, _judged(run.run_id))


def spark_job_lineage(job: SparkJob) -> Lineage:
    """The lineage of a Spark job; for a gate, the snapshot that it validated, which its build wrote."""
    return lineage_of(str(job.pk), [*report_of(job).snapshots.items(), *_judged(str(job.pk))])


def _judged(run_id: str) -> list[tuple[str, str]]:
    """The validated snapshots, at most `MOST_TASKS`: a gate is a task of the run."""
    rows = Validation.objects.filter(run_id=run_id).order_by("finished_at", "id")
    return list(rows.values_list("table", "snapshot_id")[:MOST_TASKS])
