"""A task's log: the only synchronous read of Airflow in a request."""

from controlplane.errors import NotFoundError, UnreachableError
from controlplane.orchestration.models import DagRun
from controlplane.orchestration.ports import (
    LogLine,
    TaskLog,
    WorkflowAddressError,
    WorkflowError,
    WorkflowMissingError,
)
from controlplane.orchestration.providers import workflow_engine

# The limits of what is shown of a log. Airflow's own page shows all of it.
LOG_LINES = 2_000
LOG_CHARACTERS = 500_000
LINE_CHARACTERS = 4_000
LEVEL_CHARACTERS = 20


def task_log(run: DagRun, task_id: str, try_number: int) -> TaskLog:
    """The last lines that the task has written so far.

    Raises:
        NotFoundError: Airflow has no such log, or can't address it.
        UnreachableError: Airflow does not respond or rejects the request.
    """
    try:
        return last_lines(workflow_engine().log(run.dag_id, run.run_id, task_id, try_number))
    except (WorkflowMissingError, WorkflowAddressError) as error:
        raise NotFoundError(f"No log for {task_id}, attempt {try_number}: {error}") from error
    except WorkflowError as error:
        remedy = "Check the status of Airflow on the Overview page."
        raise UnreachableError(f"The log can't be read: {error}", remedy) from error


def last_lines(lines: list[LogLine]) -> TaskLog:
    """The last lines within the limits; at least the last one."""
    shown: list[LogLine] = []
    left = LOG_CHARACTERS
    for line in reversed(lines[-LOG_LINES:]):
        text = line.text
        if len(text) > LINE_CHARACTERS:
            text = f"{text[:LINE_CHARACTERS]}… ({len(text) - LINE_CHARACTERS:,} more characters)"
        left -= len(text)
        if left < 0:
            break
        shown.append(LogLine(text, line.at, line.level[:LEVEL_CHARACTERS]))
    return TaskLog(tuple(reversed(shown)), len(lines) - len(shown))
