"""Pages of the runs: the list, one Airflow DAG run, one Spark job."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST, require_safe

from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role
from controlplane.errors import ActionError, InvalidInputError
from controlplane.orchestration.forms import FilterForm, SubmitForm, TriggerForm
from controlplane.orchestration.lineage import dag_run_lineage, spark_job_lineage
from controlplane.orchestration.logs import task_log
from controlplane.orchestration.models import MEDALLION, DagRun, SparkJob
from controlplane.orchestration.ports import MOST_TASKS
from controlplane.orchestration.providers import job_runner
from controlplane.orchestration.selectors import (
    airflow_address,
    airflow_names,
    airflow_problem,
    dag_run_get,
    gantt,
    paused_dags,
    paused_with_runs,
    report_of,
    runs_page,
)
from controlplane.orchestration.services import dag_run_trigger, spark_job_submit
from controlplane.quality.selectors import of_run
from controlplane.web.sse import stream_fragments
from controlplane.web.values import compact

LONGEST_CONF = 2_000
VALIDATIONS_SHOWN = 50


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Airflow DAG runs and Spark jobs in one list."""
    form = FilterForm(request.GET)
    context = {
        **_listed(form, request.GET.get("cursor")),
        "form": form,
        "jobs": job_runner().jobs(),
        "medallion": next((dag for dag in paused_with_runs() if dag.dag_id == MEDALLION), None),
    }
    return render(request, "orchestration/index.html", context)


@require_safe
def live(request: HttpRequest) -> HttpResponseBase:
    """Live updates of the list."""
    form = FilterForm(request.GET)
    return stream_fragments(
        request,
        lambda: {
            "runs": render_to_string("orchestration/_runs.html", _listed(form, request.GET.get("cursor")), request)
        },
    )


def _listed(form: FilterForm, cursor: str | None) -> dict[str, Any]:
    page = runs_page(kind=form.value("kind"), state=form.value("state"), wanted=form.list_filter, cursor=cursor)
    return {"page": page, "filtered": form.filtered, "problem": airflow_problem(), "paused": paused_with_runs()}


@require_POST
def trigger(request: HttpRequest) -> HttpResponse:
    """Trigger a run of the medallion DAG."""
    form = TriggerForm(request.POST)
    if not form.is_valid():
        current_user(request, Role.OPERATOR)
        raise InvalidInputError("request_id: missing or invalid.", "Reload the page and try again.")
    run = dag_run_trigger(actor=current_user(request), request_id=form.cleaned_data["request_id"])
    return HttpResponseRedirect(run.get_absolute_url())


@require_POST
def submit(request: HttpRequest) -> HttpResponse:
    """Submit a Spark job."""
    form = SubmitForm(request.POST)
    if not form.is_valid():
        current_user(request, Role.OPERATOR)
        raise InvalidInputError(" ".join(f"{field}: {said[0]}" for field, said in form.errors.items()), "Choose a job.")
    job = spark_job_submit(
        actor=current_user(request), job=form.cleaned_data["job"], request_id=form.cleaned_data["request_id"]
    )
    return HttpResponseRedirect(job.get_absolute_url())


@require_safe
def dag_run(request: HttpRequest, run_id: str) -> HttpResponse:
    """One Airflow DAG run: tasks on a timeline, logs and validation results."""
    run = _dag_run(request, run_id)
    return render(request, "orchestration/dag_run.html", {**_told(run), "lineage": dag_run_lineage(run)})


@require_safe
def dag_run_snapshots(request: HttpRequest, run_id: str) -> HttpResponse:
    """The inputs and outputs of a run: a fragment of its page, reloaded as tasks end, since it reads the lake."""
    run = _dag_run(request, run_id)
    return render(request, "orchestration/_snapshots.html", {"run": run, "lineage": dag_run_lineage(run)})


@require_safe
def dag_run_live(request: HttpRequest, run_id: str) -> HttpResponseBase:
    """Live updates of a run's page."""
    run = _dag_run(request, run_id)

    def fragments() -> Mapping[str, str]:
        run.refresh_from_db()
        told = _told(run)
        return {
            "state": render_to_string("orchestration/_dag_run_state.html", told),
            "tasks": render_to_string("orchestration/_dag_run_tasks.html", told),
        }

    return stream_fragments(request, fragments)


def _dag_run(request: HttpRequest, run_id: str) -> DagRun:
    run = dag_run_get(run_id, request.GET.get("dag", ""))
    if run is None:
        raise Http404(f"DAG run {run_id} does not exist.")
    return run


def _told(run: DagRun) -> dict[str, Any]:
    return {
        "run": run,
        "bars": gantt(run),
        "airflow_url": airflow_address(run),
        "named": airflow_names(run),
        "conf": compact(run.conf, LONGEST_CONF) if run.conf else "",
        "paused": not run.finished and run.dag_id in paused_dags(),
        "most_tasks": MOST_TASKS,
        **_validations(run.run_id),
        "problem": airflow_problem(),
    }


@require_safe
def log(request: HttpRequest, run_id: str, task_id: str, try_number: int) -> HttpResponse:
    """A task's log: a fragment of the run's page, or a separate page without scripts."""
    run = _dag_run(request, run_id)
    context: dict[str, Any] = {
        "run": run,
        "task_id": task_id,
        "try_number": try_number,
        "airflow_url": airflow_address(run),
    }
    try:
        context["log"] = task_log(run, task_id, try_number)
    except ActionError as error:
        context["error"] = error
    template = "_log" if request.headers.get("HX-Request") else "log"
    return render(request, f"orchestration/{template}.html", context)


@require_safe
def spark_job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """One Spark job: its requester, its progress and its outputs."""
    job = get_object_or_404(SparkJob, pk=job_id)
    return render(request, "orchestration/spark_job.html", {**_job_told(job), "lineage": spark_job_lineage(job)})


@require_safe
def spark_job_snapshots(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The inputs and outputs of a job, as for a run."""
    job = get_object_or_404(SparkJob, pk=job_id)
    return render(request, "orchestration/_snapshots.html", {"run": job, "lineage": spark_job_lineage(job)})


@require_safe
def spark_job_live(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """Live updates of a job's page."""
    job = get_object_or_404(SparkJob, pk=job_id)

    def fragments() -> Mapping[str, str]:
        job.refresh_from_db()
        return {"job": render_to_string("orchestration/_spark_job.html", _job_told(job))}

    return stream_fragments(request, fragments)


def _job_told(job: SparkJob) -> dict[str, Any]:
    return {"job": job, "report": report_of(job), **_validations(str(job.pk))}


def _validations(run_id: str) -> dict[str, Any]:
    found = of_run(run_id)
    return {"validations": found[:VALIDATIONS_SHOWN], "validations_in_all": found.count(), "validated_run": run_id}
