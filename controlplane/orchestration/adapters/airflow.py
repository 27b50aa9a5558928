"""The workflow engine on Apache Airflow 3, through its REST API with apache-airflow-client.

The client does not fetch tokens: they come from `POST /auth/token`, and are renewed before they expire and when Airflow
rejects one, as it does after a new installation. Every call carries a timeout and urllib3's retries are off.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
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
from airflow_client.client.models.task_instances_batch_body import TaskInstancesBatchBody
from airflow_client.client.models.trigger_dag_run_post_body import TriggerDAGRunPostBody
from pydantic import ValidationError
from urllib3.exceptions import HTTPError

from controlplane.orchestration.adapters.airflow_token import Token
from controlplane.orchestration.ports import (
    MOST_TASKS,
    Heartbeat,
    LogLine,
    RunConflictError,
    RunPage,
    TaskRun,
    WorkflowAddressError,
    WorkflowError,
    WorkflowHealth,
    WorkflowMissingError,
    WorkflowRun,
    WorkflowUnreachableError,
)
from controlplane.web import moments
from spark_jobs.certificates import certificate_problem
from spark_jobs.tls import ca_file

log = logging.getLogger(__name__)

TIMEOUT = (2.0, 6.0)
# The wildcard for every DAG or run in a path. No DAG can have this name, but a run can.
ALL = "~"
# Airflow's maximum page size, unless its `maximum_page_limit` is lower.
PAGE_SIZE = 100
# The limit of `paused`.
MOST_PAUSED = 1_000
# A larger response is not read: Airflow returns a log, or a list with the configuration of its runs, as a whole.
LARGEST_RESPONSE = 64 * 1024 * 1024
# How long the order of a DAG's tasks is cached: long enough for the runs of one pass.
SHAPE_SECONDS = 10.0
_Answer = TypeVar("_Answer")


class _Client(ApiClient):
    """Airflow's client, with every path parameter confined to its own path segment."""

    def param_serialize(self, method: Any, resource_path: str, path_params: Any = None, *rest: Any, **more: Any) -> Any:
        for name, value in list((path_params or {}).items()):
            _refuse_other_paths(name, str(value))
            if value == ".":
                # The client does not quote dots, and urllib3 removes the segment. Airflow's server decodes %2E and
                # does not resolve segments.
                resource_path = resource_path.replace(f"{{{name}}}", "%2E")
                del path_params[name]
        return super().param_serialize(method, resource_path, path_params, *rest, **more)


class AirflowWorkflowEngine:
    """A client of one Airflow. Thread-safe; keeps connections and a token.

    Args:
        url: the api-server's address, without `/api/v2`.
        username, password: for `POST /auth/token`.
    """

    def __init__(self, url: str, username: str, password: str) -> None:
        self._url = url.rstrip("/")
        self._token = Token(self._url, username, password, timeout=TIMEOUT)
        self._configuration = Configuration(host=self._url, retries=0, ssl_ca_cert=ca_file())
        # The client would use a proxy of the environment, which would see the token.
        self._configuration.proxy = None
        self._client = _Client(self._configuration)
        self._shapes: dict[str, tuple[float, dict[str, int]]] = {}

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
        _refuse_other_paths("dag_run_id", run_id)
        dag = self._ask(lambda: DAGApi(self._client).get_dag(dag_id, _request_timeout=TIMEOUT))
        if dag.is_paused:
            self._ask(
                lambda: DAGApi(self._client).patch_dag(dag_id, DAGPatchBody(is_paused=False), _request_timeout=TIMEOUT)
            )
        # No logical date: a manual run belongs to no interval, and two runs never conflict over one.
        body = TriggerDAGRunPostBody(dag_run_id=run_id, conf=conf, logical_date=None)
        try:
            return _run(
                self._json(
                    lambda: DagRunApi(self._client).trigger_dag_run_without_preload_content(
                        dag_id, body, _request_timeout=TIMEOUT
                    )
                )[0]
            )
        except RunConflictError:
            there = self.run(dag_id, run_id)
            if there.conf != conf:
                raise
            return there

    def run(self, dag_id: str, run_id: str) -> WorkflowRun:
        _one_dag(dag_id)
        said, _ = self._json(
            lambda: DagRunApi(self._client).get_dag_run_without_preload_content(
                dag_id, run_id, _request_timeout=TIMEOUT
            )
        )
        found = _run(said)
        if (found.dag_id, found.run_id) != (dag_id, run_id):
            # A proxy in between has resolved the path.
            raise WorkflowAddressError(f"Airflow's API can't address dag_run_id {run_id!r}.")
        return found

    def runs(self, *, since: datetime | None = None, cursor: str = "") -> RunPage:
        # Ordered by the row id, which only grows: a cursor over it skips no run, whatever the dates are.
        said, at = self._json(
            lambda: DagRunApi(self._client).get_dag_runs_without_preload_content(
                ALL, cursor=cursor, limit=PAGE_SIZE, updated_at_gte=since, order_by=["id"], _request_timeout=TIMEOUT
            )
        )
        return RunPage(tuple(_run(row) for row in _rows(said, "dag_runs")), str(said.get("next_cursor") or ""), at)

    def paused(self) -> frozenset[str]:
        found: set[str] = set()
        while len(found) < MOST_PAUSED and (page := self._paused(offset=len(found)) - found):
            found |= page
        return frozenset(found)

    def _paused(self, *, offset: int) -> set[str]:
        said, _ = self._json(
            lambda: DAGApi(self._client).get_dags_without_preload_content(
                paused=True, limit=PAGE_SIZE, offset=offset, order_by=["dag_id"], _request_timeout=TIMEOUT
            )
        )
        return {str(row.get("dag_id") or "") for row in _rows(said, "dags")}

    def tasks(self, dag_id: str, run_id: str) -> list[TaskRun]:
        _one_dag(dag_id)
        # The ids are sent in the body: in a path, the run `~` would mean every run.
        found: dict[str, TaskRun] = {}
        for offset in range(0, MOST_TASKS, PAGE_SIZE):
            rows = self._tasks(dag_id, run_id, offset=offset)
            found.update({f"{row.get('task_id')} {row.get('map_index')}": _task(row) for row in rows})
            if len(rows) < PAGE_SIZE:
                break
        if not found:
            with suppress(WorkflowAddressError):
                self.run(dag_id, run_id)
        rank = self._ranks_of(dag_id)
        return sorted(found.values(), key=lambda task: (rank.get(task.task_id, 0), task.task_id))

    def _tasks(self, dag_id: str, run_id: str, *, offset: int) -> list[dict[str, Any]]:
        body = TaskInstancesBatchBody(
            dag_ids=[dag_id], dag_run_ids=[run_id], page_limit=PAGE_SIZE, page_offset=offset, order_by="id"
        )
        said, _ = self._json(
            lambda: TaskInstanceApi(self._client).get_task_instances_batch_without_preload_content(
                ALL, ALL, body, _request_timeout=TIMEOUT
            )
        )
        return _rows(said, "task_instances")

    def _ranks_of(self, dag_id: str) -> dict[str, int]:
        until, ranks = self._shapes.get(dag_id, (0.0, {}))
        if time.monotonic() < until:
            return ranks
        try:
            shape = self._ask(lambda: TaskApi(self._client).get_tasks(dag_id, _request_timeout=TIMEOUT)).tasks
        except WorkflowMissingError:
            shape = []
        ranks = _ranks({str(task.task_id): [str(after) for after in task.downstream_task_ids or []] for task in shape})
        self._shapes = {**dict(list(self._shapes.items())[-100:]), dag_id: (time.monotonic() + SHAPE_SECONDS, ranks)}
        return ranks

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> list[LogLine]:
        _one_dag(dag_id)
        said, _ = self._json(
            lambda: TaskInstanceApi(self._client).get_log_without_preload_content(
                dag_id, run_id, task_id, try_number, full_content=True, _request_timeout=TIMEOUT
            )
        )
        content = said.get("content")
        lines = [_line(entry) for entry in (content if isinstance(content, list) else [])]
        # Markers with which Airflow's own page folds lines.
        return [line for line in lines if not line.text.startswith(("::group::", "::endgroup::"))]

    def _json(self, call: Callable[[], Any]) -> tuple[dict[str, Any], datetime]:
        """The JSON of a response, and its time. The client's own classes reject a whole list because of one row with
        an unknown value."""

        def answered() -> tuple[dict[str, Any], datetime]:
            response = call()
            body = _body(response).decode(errors="replace")
            if not 200 <= response.status < 300:
                raise ApiException.from_response(http_resp=response, body=body, data=None)
            try:
                said = json.loads(body)
            except (ValueError, RecursionError):
                said = None
            if not isinstance(said, dict):
                raise WorkflowError(f"Airflow at {self._url} returned {body[:80]!r} instead of a JSON object.")
            return said, _date(response.headers.get("Date"))

        return self._ask(answered)

    def _ask(self, call: Callable[[], _Answer]) -> _Answer:
        try:
            self._configuration.access_token = self._token.get()
            try:
                return call()
            except (UnauthorizedException, ForbiddenException):
                # Airflow 3.3 returns 403 for a token signed with another secret, and 401 for an expired one.
                self._configuration.access_token = self._token.get(renew=True)
                return call()
        except NotFoundException as error:
            raise WorkflowMissingError(_detail(error)) from error
        except ConflictException as error:
            raise RunConflictError(_detail(error)) from error
        except ApiException as error:
            if error.status in (502, 503, 504):
                raise WorkflowUnreachableError(f"Airflow at {self._url} returned {error.status}.") from error
            raise WorkflowError(f"Airflow returned {error.status}: {_detail(error)}") from error
        except (HTTPError, OSError) as error:
            raise WorkflowUnreachableError(
                certificate_problem(error, "Airflow", self._url)
                or f"Airflow at {self._url} does not respond: {_reason(error)}"
            ) from error
        except ValidationError as error:
            raise WorkflowError(f"Airflow at {self._url} returned an unreadable response: {error}") from error


def _refuse_other_paths(name: str, value: str) -> None:
    """Reject a value that would address another path.

    Quoting is not enough: urllib3 resolves the segment `..`, and servers decode `%2F` before routing.
    Only a run or a task may be named `.`, which is written as `%2E`.

    Raises:
        WorkflowAddressError: the value would address another path.
    """
    dot = value == "." and name == "dag_id"
    if dot or value in ("", "..") or any(letter in "/\\" or not letter.isprintable() for letter in value):
        raise WorkflowAddressError(f"Airflow's API can't address {name} {value!r}.")


def _one_dag(dag_id: str) -> None:
    _refuse_other_paths("dag_id", dag_id)
    if dag_id == ALL:
        raise WorkflowAddressError(f"Airflow's API can't address dag_id {dag_id!r}.")


def _rows(said: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list of Airflow's JSON."""
    found = said.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _run(said: dict[str, Any]) -> WorkflowRun:
    """A run from Airflow's JSON. Fields that are missing or of another type stay empty."""
    conf = said.get("conf")
    return WorkflowRun(
        dag_id=str(said.get("dag_id") or ""),
        run_id=str(said.get("dag_run_id") or ""),
        state=str(said.get("state") or ""),
        conf=conf if isinstance(conf, dict) else {} if conf is None else {"conf": conf},
        asked_by=str(said.get("triggering_user_name") or ""),
        kind=str(said.get("run_type") or ""),
        queued_at=_moment(said.get("queued_at")),
        started_at=_moment(said.get("start_date")),
        ended_at=_moment(said.get("end_date")),
    )


def _task(said: dict[str, Any]) -> TaskRun:
    tries = said.get("try_number")
    return TaskRun(
        task_id=str(said.get("task_id") or ""),
        state=str(said.get("state") or ""),
        try_number=tries if isinstance(tries, int) else 0,
        operator=str(said.get("operator_name") or said.get("operator") or ""),
        started_at=_moment(said.get("start_date")),
        ended_at=_moment(said.get("end_date")),
    )


def _line(entry: Any) -> LogLine:
    """A line of any entry: of an object, or of text."""
    if not isinstance(entry, dict):
        return LogLine(str(entry))
    text = "\n".join([str(entry.get("event", "")), *_causes(entry.get("error_detail"))])
    return LogLine(text, _moment(entry.get("timestamp")), str(entry.get("level") or ""))


def _body(response: Any) -> bytes:
    """The body of a response.

    Raises:
        WorkflowError: it is too large.
    """
    body: bytes = response.read(LARGEST_RESPONSE + 1, decode_content=True)
    if len(body) > LARGEST_RESPONSE:
        response.close()
        raise WorkflowError(f"its response has more than {LARGEST_RESPONSE // 2**20} MiB. Open it in Airflow instead.")
    response.release_conn()
    return body


def _causes(details: Any) -> list[str]:
    """A line per exception of an entry. A task may log anything under the same name: that is shown as it is."""
    listed = details if isinstance(details, list) else [] if details is None else [details]
    return [
        f"{one.get('exc_type')}: {one.get('exc_value')}" if isinstance(one, dict) and "exc_type" in one else str(one)
        for one in listed
    ]


def _ranks(downstream: dict[str, list[str]]) -> dict[str, int]:
    """The length of the longest path to each task."""
    ranks = dict.fromkeys(downstream, 0)
    for _ in downstream:
        for task, followers in downstream.items():
            for follower in followers:
                ranks[follower] = max(ranks.get(follower, 0), ranks[task] + 1)
    return ranks


def _moment(text: Any) -> datetime | None:
    """A time from Airflow's JSON; None if it is missing or invalid."""
    return moments.read(text)


def _date(header: str | None) -> datetime:
    """The header Date of a response (RFC 9110), in UTC with second precision; without one, our own clock."""
    try:
        return moments.utc(parsedate_to_datetime(header or ""))
    except ValueError:
        return datetime.now(UTC)


def _detail(error: ApiException) -> str:
    """The detail of Airflow's JSON error, or else the HTTP reason."""
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
