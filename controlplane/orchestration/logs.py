"""A task's log: the one thing of Airflow that a person waits for."""

from controlplane.errors import NotFoundError, UnreachableError
from controlplane.orchestration.models import DagRun
from controlplane.orchestration.ports import LogLine, WorkflowAddressError, WorkflowError, WorkflowMissingError
from controlplane.orchestration.providers import workflow_engine


def task_log(run: DagRun, task_id: str, try_number: int) -> list[LogLine]:
    """What the task has written so far.

    Raises:
        NotFoundError: Airflow has no such log, or no address for it.
        UnreachableError: Airflow doesn't answer or refuses.
    """
    try:
        return workflow_engine().log(run.dag_id, run.run_id, task_id, try_number)
    except (WorkflowMissingError, WorkflowAddressError) as error:
        raise NotFoundError(f"There is no log of {task_id}, try {try_number}: {error}") from error
    except WorkflowError as error:
        raise UnreachableError(f"The log can't be read: {error}", "See whether the part airflow is up.") from error
