"""Airflow DAG runs, as last read from Airflow, and Spark jobs requested here."""

import uuid
from datetime import timedelta
from urllib.parse import urlencode

from django.db import models
from django.urls import reverse

from controlplane.leases import Timed, Work

MEDALLION = "medallion"


class DagRun(Timed):
    """One run of a DAG. It is stored when it is requested, so no request is lost while Airflow is unreachable."""

    requested_by = models.CharField(max_length=150, blank=True)
    dag_id = models.CharField(max_length=250)
    run_id = models.CharField(max_length=250, db_index=True)
    conf = models.JSONField(default=dict)
    kind = models.CharField(max_length=32, default="manual", help_text="Airflow's word: manual, scheduled, backfill, …")
    sent_at = models.DateTimeField(null=True, help_text="When Airflow had it; none: not sent yet.")
    queued_at = models.DateTimeField(null=True)
    tasks = models.JSONField(
        default=list, help_text="One object a task, in the order in which they wait for each other."
    )
    message = models.TextField(blank=True, help_text="Why it waits or how it was lost.")
    seen_at = models.DateTimeField(null=True, help_text="When Airflow last said how it is.")
    tasks_due = models.BooleanField(default=False, help_text="Its tasks have to be read again.")
    tasks_at = models.DateTimeField(null=True, help_text="When its tasks were read last.")
    gone_at = models.DateTimeField(null=True, help_text="When Airflow was found not to have it any more.")

    class Meta(Timed.Meta):
        constraints = [models.UniqueConstraint(fields=["dag_id", "run_id"], name="one_row_a_dag_run")]
        indexes = [
            models.Index(fields=["-requested_at", "-id"]),
            models.Index(fields=["state"]),
            models.Index(fields=["tasks_at"], condition=models.Q(tasks_due=True), name="dag_run_tasks_due"),
            models.Index(fields=["seen_at"], name="dag_run_seen"),
        ]

    def __str__(self) -> str:
        return f"{self.dag_id} {self.run_id} {self.state}"

    def get_absolute_url(self) -> str:
        """The page of the DAG run."""
        return reverse("orchestration:dag-run", args=[self.run_id]) + self.query

    @property
    def query(self) -> str:
        """The query string of the run's URLs: run ids are unique per DAG only."""
        return "" if self.dag_id == MEDALLION else f"?{urlencode({'dag': self.dag_id})}"


class SparkJob(Work):
    """One submission of a Spark job. `id` is the request id, so a repeated request is one row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    LOST_AFTER = timedelta(seconds=45)

    requested_by = models.CharField(max_length=150, blank=True)
    job = models.CharField(max_length=100)
    report = models.JSONField(default=dict, help_text="rows, snapshots by table, message.")
    error = models.TextField(blank=True)

    class Meta(Work.Meta):
        indexes = [models.Index(fields=["-requested_at", "-id"]), models.Index(fields=["state"])]

    def __str__(self) -> str:
        return f"{self.job} {self.state}"

    def get_absolute_url(self) -> str:
        """The page of the Spark job."""
        return reverse("orchestration:spark-job", args=[self.pk])


class AirflowSyncStatus(models.Model):
    """The single row with the status and the cursors of the synchronisation with Airflow."""

    looked_at = models.DateTimeField(null=True, help_text="When Airflow last answered.")
    problem = models.TextField(blank=True)
    problem_since = models.DateTimeField(null=True)
    changes_since = models.DateTimeField(null=True, help_text="Changes before it are known, by Airflow's clock.")
    changes_began_at = models.DateTimeField(null=True, help_text="What the list of changes that is read now reaches.")
    changes_cursor = models.TextField(blank=True, help_text="Where the list of changes goes on.")
    round_cursor = models.TextField(blank=True, help_text="Where the round over all runs goes on.")
    round_began_at = models.DateTimeField(null=True, help_text="When the round over all runs began; none: not begun.")
    round_at = models.DateTimeField(null=True, help_text="When a part of the round was read last.")
    paused = models.JSONField(default=list, help_text="The DAGs that are paused in Airflow.")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_mirror")]

    def __str__(self) -> str:
        return self.problem or "Airflow is reachable"
