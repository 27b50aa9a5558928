"""Schedules of scenarios, and the outcome of each due time."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from controlplane.scenarios.schedules.times import Cron, Once, Times

OVERDUE_AFTER = timedelta(seconds=30)


class RunSchedule(models.Model):
    """A version that runs on a schedule: recurring by a cron expression in UTC, or once.

    The runs are requested in the name and with the role of `owner`, the user who created or last saved the schedule.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    version = models.ForeignKey("scenarios.ScenarioVersion", on_delete=models.PROTECT, related_name="schedules")
    # Exactly one of the two is set.
    cron = models.CharField(max_length=100, blank=True)
    once_at = models.DateTimeField(null=True)
    # None: a new seed for each run.
    seed = models.BigIntegerField(null=True)
    enabled = models.BooleanField(default=True)
    # The reason of an automatic pause; empty otherwise.
    paused_because = models.CharField(max_length=500, blank=True)
    # The first due time that is not processed; None while paused and when no time is left.
    next_at = models.DateTimeField(null=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    owner_name = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["next_at"], name="schedule_next")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cron="", once_at__isnull=False) | (~models.Q(cron="") & models.Q(once_at=None)),
                name="schedule_cron_or_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.version}, {self.cron or self.once_at}"

    @property
    def times(self) -> Times:
        """The due times, paused or not."""
        return Cron.parse(self.cron) if self.once_at is None else Once(self.once_at)

    @property
    def standing(self) -> str:
        """`on`, `paused`, or `over`: no time is left."""
        if self.next_at is None and self.over_at(timezone.now()):
            return "over"
        return "on" if self.enabled else "paused"

    @property
    def overdue(self) -> bool:
        """Whether a due time is unprocessed, which takes seconds when all services are up."""
        return self.enabled and self.next_at is not None and timezone.now() - self.next_at > OVERDUE_AFTER

    def over_at(self, moment: datetime) -> bool:
        """Whether no due time is left after this moment."""
        return next(self.times.after(moment), None) is None

    def run_id(self, at: datetime) -> uuid.UUID:
        """The ID of the run for a due time. Requesting it twice returns the same run."""
        return uuid.uuid5(self.pk, at.isoformat())


class TickOutcome(models.TextChoices):
    """The outcome of a due time."""

    STARTED = "started"
    SKIPPED = "skipped"
    MISSED = "missed"
    REFUSED = "refused"


class RunScheduleTick(models.Model):
    """One due time of a schedule and its outcome. Consecutive missed times are one row: the last of them, with their
    number and the first."""

    schedule = models.ForeignKey(RunSchedule, on_delete=models.CASCADE, related_name="ticks")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=TickOutcome.choices)
    reason = models.CharField(max_length=500, blank=True)
    # The started run, or the run that blocked it.
    run = models.OneToOneField("scenarios.ScenarioRun", null=True, on_delete=models.SET_NULL, related_name="tick")
    blocked_by = models.ForeignKey("scenarios.ScenarioRun", null=True, on_delete=models.SET_NULL, related_name="+")
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [models.UniqueConstraint(fields=["schedule", "at"], name="one_outcome_a_tick")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.outcome}"
