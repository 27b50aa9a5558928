"""The workflow engine on Apache Airflow 3, through its REST API with apache-airflow-client.

The client doesn't get tokens: they come from `POST /auth/token`, are renewed before they end and once more where
Airflow turns one down, as it does after it was set up anew. Every call carries a timeout and urllib3's retries are off.
"""

import json
import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from airflow_client.client import ApiClient, Configuration
from airflow_client.client.api.dag_api import DAGApi
from airflow_client.client.api.dag_run_api import DagRunApi
from airflow_client.client.api.monitor_api import MonitorApi
from airflow_client.client.api.task_api import TaskApi
from airflow_client.client.api.task_instance_api import TaskInstanceApi
from airflow_client.client.exceptions import (
    ApiException,
    ConflictException,
    ForbiddenException,
    NotFoundException,
    UnauthorizedException,
)
from airflow_client.client.models.dag_patch_body import DAGPatchBody
from airflow_client.client.models.trigger_dag_run_post_body import TriggerDAGRunPostBody
from pydantic import ValidationError
from urllib3.exceptions import HTTPError

from controlplane.orchestration.adapters.airflow_token import Token
from controlplane.orchestration.ports import (
    Heartbeat,
    LogLine,
    RunConflictError,
    TaskRun,
    WorkflowError,
    WorkflowHealth,
    WorkflowMissingError,
    WorkflowRun,
    WorkflowUnreachableError,
)
from spark_jobs.certificates import certificate_problem
from spark_jobs.tls import ca_file

log = logging.getLogger(__name__)

TIMEOUT = (2.0, 6.0)
# In a path it means every DAG; no DAG has this name.
ALL_DAGS = "~"
LOG_LINES = 5_000
_Answer = TypeVar("_Answer")


class _Client(ApiClient):
    """Airflow's client with every value of a path kept to its own segment of it."""

    def param_serialize(self, method: Any, resource_path: Any, path_params: Any = None, *rest: Any, **more: Any) -> Any:
        for name, value in (path_params or {}).items():
            _refuse_other_paths(name, str(value))
        return super().param_serialize(method, resource_path, path_params, *rest, **more)


class AirflowWorkflowEngine:
    """Asks one Airflow. Thread-safe; keeps connections and a token.

    Args:
        url: the api-server's address, without `/api/v2`.
        username, password: for `POST /auth/token`.
    """

    def __init__(self, url: str, username: str, password: str) -> None:
        self._url = url.rstrip("/")
        self._token = Token(self._url, username, password, timeout=TIMEOUT)
        self._configuration = Configuration(host=self._url, retries=0, ssl_ca_cert=ca_file())
        # The client would take one from the environment, which would get the token.
        self._configuration.proxy = None
        self._client = _Client(self._configuration)

    def health(self) -> WorkflowHealth:
        said = self._ask(lambda: MonitorApi(self._client).get_health(_request_timeout=TIMEOUT))
        processor = said.dag_processor.latest_dag_processor_heartbeat if said.dag_processor else None
        return WorkflowHealth(
            database_healthy=said.metadatabase.status == "healthy",
            heartbeats=(
                Heartbeat("scheduler", _moment(said.scheduler.latest_scheduler_heartbeat)),
                Heartbeat("dag-processor", _moment(processor)),
            ),
        )

    def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> WorkflowRun:
        _one_dag(dag_id)
        _refuse_other_paths("run_id", run_id)
        dag = self._ask(lambda: DAGApi(self._client).get_dag(dag_id, _request_timeout=TIMEOUT))
        if dag.is_paused:
            self._ask(
                lambda: DAGApi(self._client).patch_dag(dag_id, DAGPatchBody(is_paused=False), _request_timeout=TIMEOUT)
            )
        # A logical date of none: a run that was asked for belongs to no interval, and two never compete for one.
        body = TriggerDAGRunPostBody(dag_run_id=run_id, conf=conf, logical_date=None)
        try:
            return _run(
                self._ask(lambda: DagRunApi(self._client).trigger_dag_run(dag_id, body, _request_timeout=TIMEOUT))
            )
        except RunConflictError:
            there = self.run(dag_id, run_id)
            if there.conf != conf:
                raise
            return there

    def run(self, dag_id: str, run_id: str) -> WorkflowRun:
        _one_dag(dag_id)
        return _run(self._ask(lambda: DagRunApi(self._client).get_dag_run(dag_id, run_id, _request_timeout=TIMEOUT)))

    def runs(self, *, limit: int) -> list[WorkflowRun]:
        said = self._ask(
            lambda: DagRunApi(self._client).get_dag_runs(
                ALL_DAGS, limit=limit, order_by=["-run_after"], _request_timeout=TIMEOUT
            )
        )
        return [_run(row) for row in said.dag_runs]

    def tasks(self, dag_id: str, run_id: str) -> list[TaskRun]:
        _one_dag(dag_id)
        rows = self._ask(
            lambda: TaskInstanceApi(self._client).get_task_instances(
                dag_id, run_id, limit=500, _request_timeout=TIMEOUT
            )
        ).task_instances
        try:
            shape = self._ask(lambda: TaskApi(self._client).get_tasks(dag_id, _request_timeout=TIMEOUT)).tasks
        except WorkflowMissingError:
            shape = []
        rank = _ranks({str(task.task_id): [str(after) for after in task.downstream_task_ids or []] for task in shape})
        tasks = [
            TaskRun(
                task_id=row.task_id,
                state=row.state.value if row.state else "",
                try_number=row.try_number,
                operator=row.operator_name or row.operator or "",
                started_at=row.start_date,
                ended_at=row.end_date,
            )
            for row in rows
        ]
        return sorted(tasks, key=lambda task: (rank.get(task.task_id, 0), task.task_id))

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> list[LogLine]:
        _one_dag(dag_id)
        said = self._ask(
            lambda: TaskInstanceApi(self._client).get_log(
                dag_id, run_id, task_id, try_number, full_content=True, _request_timeout=TIMEOUT
            )
        )
        content = said.content.actual_instance if said.content else None
        lines = [_line(entry) for entry in (content or [])[-LOG_LINES:]]
        # Marks for Airflow's own page, where they fold lines away.
        return [line for line in lines if not line.text.startswith(("::group::", "::endgroup::"))]

    def _ask(self, call: Callable[[], _Answer]) -> _Answer:
        try:
            self._configuration.access_token = self._token.get()
            try:
                return call()
            except (UnauthorizedException, ForbiddenException):
                # Airflow 3.3 answers 403 to a token that another secret signed, 401 to one that has ended.
                self._configuration.access_token = self._token.get(anew=True)
                return call()
        except NotFoundException as error:
            raise WorkflowMissingError(_detail(error)) from error
        except ConflictException as error:
            raise RunConflictError(_detail(error)) from error
        except ApiException as error:
            if error.status in (502, 503, 504):
                raise WorkflowUnreachableError(f"Airflow at {self._url} answers {error.status}.") from error
            raise WorkflowError(f"Airflow answers {error.status}: {_detail(error)}") from error
        except (HTTPError, OSError) as error:
            raise WorkflowUnreachableError(
                certificate_problem(error, "Airflow", self._url)
                or f"Airflow at {self._url} doesn't answer: {_reason(error)}"
            ) from error
        except ValidationError as error:
            raise WorkflowError(f"Airflow at {self._url} answers what its client can't read: {error}") from error


def _refuse_other_paths(name: str, value: str) -> None:
    """A value that would name another path is one that Airflow has nothing of.

    Quoting is not enough: urllib3 resolves the segments `.` and `..`, and servers decode `%2F` before they look for a
    route.

    Raises:
        WorkflowMissingError: it would.
    """
    if value in ("", ".", "..") or any(letter in "/\\" or not letter.isprintable() for letter in value):
        raise WorkflowMissingError(f"Airflow has no {name} {value!r}.")


def _one_dag(dag_id: str) -> None:
    _refuse_other_paths("dag_id", dag_id)
    if dag_id == ALL_DAGS:
        raise WorkflowMissingError(f"Airflow has no dag_id {dag_id!r}.")


def _run(row: Any) -> WorkflowRun:
    return WorkflowRun(
        dag_id=row.dag_id,
        run_id=row.dag_run_id,
        state=row.state.value,
        conf=row.conf or {},
        asked_by=row.triggering_user_name or "",
        kind=row.run_type.value,
        queued_at=row.queued_at,
        started_at=row.start_date,
        ended_at=row.end_date,
    )


def _line(entry: Any) -> LogLine:
    if isinstance(entry, str):
        return LogLine(entry)
    more = entry.additional_properties or {}
    level = str(more.pop("level", ""))
    more.pop("logger", None)
    details = more.pop("error_detail", None)
    text = entry.event
    if details:
        text += "\n" + "\n".join(f"{found.get('exc_type')}: {found.get('exc_value')}" for found in details)
    return LogLine(text, entry.timestamp, level)


def _ranks(downstream: dict[str, list[str]]) -> dict[str, int]:
    """How many tasks stand before each, on its longest way."""
    ranks = dict.fromkeys(downstream, 0)
    for _ in downstream:
        for task, followers in downstream.items():
            for follower in followers:
                ranks[follower] = max(ranks.get(follower, 0), ranks[task] + 1)
    return ranks


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _detail(error: ApiException) -> str:
    """What Airflow says in its JSON, or else the bare answer."""
    try:
        said = json.loads(error.body or "")["detail"]
    except (ValueError, KeyError, TypeError):
        return str(error.reason)
    if isinstance(said, dict):
        return str(said.get("reason") or said)
    if isinstance(said, Iterable) and not isinstance(said, str):
        return "; ".join(str(found.get("msg", found)) if isinstance(found, dict) else str(found) for found in said)
    return str(said)


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", None) or error
    return str(cause)
