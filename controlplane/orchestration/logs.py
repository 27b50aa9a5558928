"""A task's log: the only synchronous read of Airflow in a request."""

from controlplane.errors import NotFoundError, UnreachableError
from controlplane.orchestration.models import DagRun
from controlplane.orchestration.ports import LogLine, WorkflowAddressError, WorkflowError, WorkflowMissingError
from controlplane.orchestration.providers import workflow_engine


def task_log(run: DagRun, task_id: str, try_number: int) -> list[LogLine]:
    """The lines that the task has written so far.

    Raises:
        NotFoundError: Airflow has no such log, or can't address it.
        UnreachableError: Airflow does not respond or rejects the request.
    """
    try:
        return workflow_engine().log(run.dag_id, run.run_id, task_id, try_number)
    except (WorkflowMissingError, WorkflowAddressError) as error:
        raise NotFoundError(f"No log for {task_id}, attempt {try_number}: {error}") from error
    except WorkflowError as error:
        remedy = "Check the status of Airflow on the Overview page."
        raise UnreachableError(f"The log can't be read: {error}", remedy) from error
