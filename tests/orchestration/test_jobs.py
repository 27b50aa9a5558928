"""Spark jobs from their rows: once asked for, each is run to an end that the row tells."""

import uuid
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.errors import ActionError, InvalidInputError
from controlplane.orchestration import jobs
from controlplane.orchestration.adapters.null import NullJobRunner
from controlplane.orchestration.models import SparkJob
from controlplane.orchestration.ports import GateRefusedError, JobFailedError, JobResult, JobUnreachableError
from controlplane.orchestration.providers import job_runner
from controlplane.orchestration.services import spark_job_submit
from tests.adapters import Adapters
from tests.labels import Runs
from tests.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def runner(adapters: Adapters) -> NullJobRunner:
    null = NullJobRunner()
    adapters.use(job_runner=null)
    return null


def submitted(count: int = 1) -> list[SparkJob]:
    operator = person(Role.OPERATOR)
    return [spark_job_submit(actor=operator, job="silver.events") for _ in range(count)]


def run(job: SparkJob, runner: NullJobRunner) -> None:
    assert job.holder is not None
    jobs.job_run(job_id=job.pk, holder=job.holder, runner=runner)


def run_due(runner: NullJobRunner) -> list[SparkJob]:
    ran = []
    for job in jobs.jobs_due():
        run(job, runner)
        ran.append(SparkJob.objects.get(pk=job.pk))
    return ran


def test_a_job_runs_and_reports(runner: NullJobRunner) -> None:
    runner.work = lambda job: JobResult(42, {"lake.silver.events": "7"}, "Wrote 42 rows.")
    [asked] = submitted()
    [job] = run_due(runner)
    assert (job.state, job.error, job.attempts) == ("succeeded", "", 1)
    assert job.report == {"rows": 42, "snapshots": {"lake.silver.events": "7"}, "message": "Wrote 42 rows."}
    assert job.finished_at is not None
    assert runner.ran == [("silver.events", asked.pk)]
    assert run_due(runner) == []


def test_the_same_request_is_the_same_job(runner: NullJobRunner, operator_user: User) -> None:
    request = uuid.uuid4()
    spark_job_submit(actor=operator_user, job="silver.events", request_id=request)
    spark_job_submit(actor=operator_user, job="silver.events", request_id=request)
    with pytest.raises(ActionError, match=r"already used for silver\.events\."):
        spark_job_submit(actor=operator_user, job="silver.events.gate", request_id=request)
    assert SparkJob.objects.count() == 1


def test_a_job_that_is_not_there_is_named_with_those_that_are(runner: NullJobRunner, operator_user: User) -> None:
    with pytest.raises(InvalidInputError, match=r"gold\.rush does not exist") as refused:
        spark_job_submit(actor=operator_user, job="gold.rush")
    assert "silver.events.gate" in refused.value.remedy


def test_a_viewer_may_not(runner: NullJobRunner, viewer_user: User) -> None:
    with pytest.raises(PermissionDenied):
        spark_job_submit(actor=viewer_user, job="silver.events")


@pytest.mark.parametrize("error", [JobFailedError("No such column."), GateRefusedError("3 expectations broken.")])
def test_a_job_that_fails_says_why_and_is_not_run_again(runner: NullJobRunner, error: JobFailedError) -> None:
    def fail(job: str) -> JobResult:
        raise error

    runner.work = fail
    submitted()
    [job] = run_due(runner)
    assert (job.state, job.error) == ("failed", str(error))
    assert run_due(runner) == []


def test_without_spark_it_waits_and_counts_no_attempt(runner: NullJobRunner) -> None:
    def away(job: str) -> JobResult:
        raise JobUnreachableError("No Spark.")

    runner.work = away
    submitted()
    for _ in range(5):
        [job] = run_due(runner)
        assert (job.state, job.error, job.attempts) == ("waiting", "No Spark.", 0)
    runner.work = lambda job: JobResult(1, {}, "")
    [job] = run_due(runner)
    assert (job.state, job.error) == ("succeeded", "")


def test_two_run_at_once_and_the_oldest_go_first(runner: NullJobRunner) -> None:
    first, second, third = submitted(3)
    assert {job.pk for job in jobs.jobs_due()} == {first.pk, second.pk}
    assert jobs.jobs_due() == []
    SparkJob.objects.filter(pk=first.pk).update(state="succeeded")
    assert [job.pk for job in jobs.jobs_due()] == [third.pk]


def die(job: SparkJob) -> None:
    SparkJob.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=1))


def test_a_job_whose_worker_died_is_run_by_another_and_the_dead_one_is_not_heeded(runner: NullJobRunner) -> None:
    [asked] = submitted()
    [dead] = jobs.jobs_due()
    die(asked)
    [alive] = jobs.jobs_due()
    assert alive.holder != dead.holder
    run(dead, runner)
    assert runner.ran == []
    run(alive, runner)
    asked.refresh_from_db()
    assert (asked.state, asked.attempts) == ("succeeded", 2)


def test_a_worker_that_comes_back_late_writes_no_result(runner: NullJobRunner) -> None:
    [asked] = submitted()
    [job] = jobs.jobs_due()

    def taken_meanwhile(job: str) -> JobResult:
        die(asked)
        jobs.jobs_due()
        return JobResult(1, {}, "late")

    runner.work = taken_meanwhile
    run(job, runner)
    asked.refresh_from_db()
    assert (asked.state, asked.report, asked.attempts) == ("running", {}, 2)


def test_after_three_dead_workers_it_is_given_up(runner: NullJobRunner) -> None:
    [asked] = submitted()
    for _ in range(3):
        assert len(jobs.jobs_due()) == 1
        die(asked)
    assert jobs.jobs_due() == []
    asked.refresh_from_db()
    assert (asked.state, asked.error) == ("failed", Runs.WORKER_DIED.format(3))


def test_the_jobs_that_pages_list_are_those_that_there_are() -> None:
    from spark_jobs.registry import JOBS

    assert set(job_runner().jobs()) == set(JOBS)
