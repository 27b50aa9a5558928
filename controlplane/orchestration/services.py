"""What people ask of Airflow and Spark: each request is a row first, and the reconcilers carry it out."""

import re
import uuid
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.accounts.models import User
from controlplane.accounts.services import acting
from controlplane.enqueue import nudge
from controlplane.errors import ActionError, InvalidInputError
from controlplane.orchestration.models import MEDALLION as MEDALLION
from controlplane.orchestration.models import DagRun, SparkJob
from controlplane.orchestration.providers import job_runner
from controlplane.orchestration.selectors import paused_dags
from controlplane.orchestration.tasks import dispatch_spark_jobs, sync_dag_runs
from controlplane.web.values import keepable

UNPAUSES = "On its way to Airflow. The DAG is paused there: sending the run unpauses it, and its other runs start too."
# Airflow's own rule, without the names that mean another path.
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
DAG_ID = re.compile(r"\A(?!\.++\Z)[A-Za-z0-9_.-]{1,250}")


def dag_run_trigger(
    *, actor: User, dag_id: str = MEDALLION, request_id: UUID | None = None, conf: dict[str, Any] | None = None
) -> DagRun:
    """Ask for a run of a DAG. The row is there at once; Airflow gets it within seconds, or when it is back.

    Args:
        request_id: names the request and, as `manual__<request_id>`, the run: asking again gives the same run.

    Raises:
        PermissionDenied: the actor is no operator.
        InvalidInputError: `dag_id` is no name of a DAG, or `conf` holds what JSON in the database can't.
        ActionError: the id was used for another request.
    """
    with acting(actor=actor, action="dag_run.trigger", target=dag_id) as act:
        if not DAG_ID.fullmatch(dag_id):
            raise InvalidInputError(
                f"dag_id: {dag_id[:40]!r} can't be the name of a DAG.",
                "Write 1 to 250 letters, digits, dots, dashes and underscores, and not dots alone.",
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
                    "message": UNPAUSES if paused else "On its way to Airflow.",
                },
            )
            act.detail["repeated"] = not made
            if made and paused:
                act.detail["unpauses"] = dag_id
            if not made and run.conf != (conf or {}):
                raise ActionError(f"The run {run_id} is there with another configuration.", "Send another request id.")
        if made:
            act.changed(None, {"dag_id": run.dag_id, "run_id": run.run_id, "conf": run.conf})
    nudge(sync_dag_runs)
    return run


def spark_job_submit(*, actor: User, job: str, request_id: UUID | None = None) -> SparkJob:
    """Ask for a Spark job. A worker takes it within seconds.

    Args:
        request_id: names the request and the job's row: asking again gives the same one.

    Raises:
        PermissionDenied: the actor is no operator.
        InvalidInputError: there is no such job.
        ActionError: the id was used for another job.
    """
    with acting(actor=actor, action="spark_job.submit", target=job) as act:
        jobs = job_runner().jobs()
        if job not in jobs:
            raise InvalidInputError(f"job: there is no {job}.", f"Choose one of {', '.join(jobs)}.")
        with transaction.atomic():
            row, made = SparkJob.objects.get_or_create(
                id=request_id or uuid.uuid4(), defaults={"job": job, "requested_by": actor.get_username()}
            )
            act.detail.update({"id": str(row.pk), "repeated": not made})
            if row.job != job:
                raise ActionError(f"The request {row.pk} asked for {row.job}.", "Send another request id.")
        if made:
            act.changed(None, {"id": row.pk, "job": row.job, "state": str(row.state)})
    nudge(dispatch_spark_jobs)
    return row
