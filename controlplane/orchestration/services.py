"""Writes of the orchestration room: each request is stored as a row, and the reconcilers execute it."""

import re
import uuid
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.accounts.models import User
from controlplane.accounts.services import audited
from controlplane.enqueue import enqueue_on_commit
from controlplane.errors import ActionError, InvalidInputError
from controlplane.orchestration.models import MEDALLION as MEDALLION
from controlplane.orchestration.models import DagRun, SparkJob
from controlplane.orchestration.providers import job_runner
from controlplane.orchestration.selectors import paused_dags
from controlplane.orchestration.tasks import dispatch_spark_jobs, sync_dag_runs
from controlplane.web.values import keepable

UNPAUSES = "Being sent to Airflow. The DAG is paused there: the trigger unpauses it, so its other runs start too."
# Airflow's own rule, without the names that would address another path.
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
DAG_ID = re.compile(r"\A(?!\.++\Z)[A-Za-z0-9_.-]{1,250}")


def dag_run_trigger(
    *, actor: User, dag_id: str = MEDALLION, request_id: UUID | None = None, conf: dict[str, Any] | None = None
) -> DagRun:
    """Request a DAG run. It is stored at once and sent to Airflow within seconds, or when Airflow is reachable again.

    Args:
        request_id: the idempotency key; the run id is `manual__<request_id>`. A repeated request returns the same run.

    Raises:
        PermissionDenied: the actor is no operator.
        InvalidInputError: `dag_id` is not a valid DAG id, or `conf` can't be stored as JSON in the database.
        ActionError: the request id was used for another request.
    """
    with audited(actor=actor, action="dag_run.trigger", target=dag_id) as act:
        if not DAG_ID.fullmatch(dag_id):
            raise InvalidInputError(
                f"dag_id: {dag_id[:40]!r} is not a valid DAG ID.",
                "Use 1 to 250 letters, digits, dots, dashes and underscores, and not only dots.",
            )
        keepable("conf", conf or {})
        run_id = f"manual__{request_id or uuid.uuid4()}"
        act.target = f"{dag_id} {run_id}"
        paused = dag_id in paused_dags()
        with transaction.atomic():
            run, made = DagRun.objects.get_or_create(
                run_id=run_id,
                dag_id=dag_id,
                defaults={
                    "conf": conf or {},
                    "requested_by": actor.get_username(),
                    "message": UNPAUSES if paused else "Being sent to Airflow.",
                },
            )
            act.detail["repeated"] = not made
            if made and paused:
                act.detail["unpauses"] = dag_id
            if not made and run.conf != (conf or {}):
                raise ActionError(
                    f"DAG run {run_id} already exists with another configuration.", "Use another request ID."
                )
        if made:
            act.changed(None, {"dag_id": run.dag_id, "run_id": run.run_id, "conf": run.conf})
    enqueue_on_commit(sync_dag_runs)
    return run


def spark_job_submit(*, actor: User, job: str, request_id: UUID | None = None) -> SparkJob:
    """Submit a Spark job. A worker starts it within seconds.

    Args:
        request_id: the idempotency key and the id of the job. A repeated request returns the same job.

    Raises:
        PermissionDenied: the actor is no operator.
        InvalidInputError: the job does not exist.
        ActionError: the request id was used for another job.
    """
    with audited(actor=actor, action="spark_job.submit", target=job) as act:
        jobs = job_runner().jobs()
        if job not in jobs:
            raise InvalidInputError(f"job: {job} does not exist.", f"Use one of {', '.join(jobs)}.")
        with transaction.atomic():
            row, made = SparkJob.objects.get_or_create(
                id=request_id or uuid.uuid4(), defaults={"job": job, "requested_by": actor.get_username()}
            )
            act.detail.update({"id": str(row.pk), "repeated": not made})
            if row.job != job:
                raise ActionError(f"Request {row.pk} was already used for {row.job}.", "Use another request ID.")
        if made:
            act.changed(None, {"id": row.pk, "job": row.job, "state": str(row.state)})
    enqueue_on_commit(dispatch_spark_jobs)
    return row
