"""Scenarios, their immutable versions, and runs with their results and injected faults."""

import uuid
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import models

from controlplane.scenarios.generator.document import Scenario as Document
from controlplane.scenarios.generator.document import check
from controlplane.scenarios.schedules.models import RunSchedule as RunSchedule
from controlplane.scenarios.schedules.models import RunScheduleTick as RunScheduleTick


class Scenario(models.Model):
    """A named traffic profile. Its content is in its versions."""

    slug = models.SlugField(max_length=80, unique=True, allow_unicode=True)
    name = models.CharField(max_length=80)
    description = models.TextField(blank=True)
    teaches = models.TextField(blank=True)
    builtin = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ScenarioVersion(models.Model):
    """One document of a scenario. Rows are immutable: another document is another version."""

    scenario = models.ForeignKey(Scenario, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    # Over the whole document, including its texts.
    digest = models.CharField(max_length=32)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["scenario", "number"], name="one_version_a_number")]

    def __str__(self) -> str:
        return f"{self.scenario} version {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store a new version.

        Raises:
            TypeError: the version is already stored.
        """
        if not self._state.adding:
            raise TypeError("A scenario version is immutable; create another one.")
        super().save(*args, **kwargs)

    @cached_property
    def content(self) -> Document:
        """The validated document."""
        return check(self.document)


class RunState(models.TextChoices):
    """The state of a scenario run."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


UNDER_WAY = (RunState.WAITING, RunState.RUNNING)


class ScenarioRun(models.Model):
    """One execution of a version with a seed. The worker that holds it writes its progress here twice per second.

    Each record counts once: generated = acknowledged + failed when the run has ended. `truth` is exact then. During the
    run, `faults` counts what has been generated so far.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    version = models.ForeignKey(ScenarioVersion, on_delete=models.PROTECT, related_name="runs")
    seed = models.BigIntegerField()
    # The event-time origin: the event time of the first second. Set with partitions and offsets at the start.
    anchor = models.DateTimeField(null=True)
    partitions = models.PositiveIntegerField(null=True)
    start_offsets = models.JSONField(default=dict)

    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.WAITING)
    message = models.CharField(max_length=500, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    requested_by_name = models.CharField(max_length=150, blank=True)
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    stop_requested_at = models.DateTimeField(null=True)
    stop_requested_by = models.CharField(max_length=150, blank=True)
    # Requested steering: paused since, and scenario seconds per real second.
    paused_at = models.DateTimeField(null=True)
    paused_by = models.CharField(max_length=150, blank=True)
    speed = models.FloatField(default=1.0)
    # The run whose events this one sends again: the same version, seed, anchor and number of records.
    replay_of = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="replays")

    # The worker that holds the run, its last heartbeat, the number of attempts, and the last request to a worker.
    holder = models.UUIDField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    total = models.BigIntegerField(default=0)
    generated = models.BigIntegerField(default=0)
    acknowledged = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    found = models.BigIntegerField(default=0)
    sent_twice = models.BigIntegerField(default=0)
    rate = models.FloatField(default=0)
    target_rate = models.FloatField(default=0)
    by_type = models.JSONField(default=dict)
    faults = models.JSONField(default=dict)
    errors = models.JSONField(default=dict)
    truth = models.JSONField(default=dict)
    digest = models.CharField(max_length=32, blank=True)
    # The digest of each partition, and whether the digest of a replay equals that of its original.
    digests = models.JSONField(default=list)
    replay_matches = models.BooleanField(null=True)

    behind_seconds = models.FloatField(default=0)
    # Whether it is throttled, because its events would be in the future.
    ahead = models.BooleanField(default=False)
    latency_ms = models.JSONField(default=dict)
    # The document's thresholds with the last measured value of each.
    thresholds = models.JSONField(default=list)
    # The numbers of the records that were not delivered, as `faultlog.packed` writes them.
    undelivered = models.BinaryField(null=True)

    class Meta:
        ordering = ["-requested_at", "-id"]
        indexes = [models.Index(fields=["-requested_at", "-id"]), models.Index(fields=["state"])]

    def __str__(self) -> str:
        return f"run {self.id} of {self.version}"

    @property
    def under_way(self) -> bool:
        """Whether it has not ended yet."""
        return self.state in UNDER_WAY

    @property
    def paused(self) -> bool:
        """Whether it is paused, or will be when its worker reads the row."""
        return self.under_way and self.paused_at is not None

    @property
    def percent(self) -> int:
        """Processed records (delivered or failed) as a whole percentage of the total."""
        return int(100 * (self.acknowledged + self.failed) / self.total) if self.total else 0

    @property
    def seconds(self) -> float | None:
        """The duration from the start to the end or to the last heartbeat."""
        until: datetime | None = self.finished_at or self.heartbeat_at
        return (until - self.started_at).total_seconds() if until and self.started_at else None


class ScenarioRunSample(models.Model):
    """The rates of a run at one point in time, for its chart."""

    run = models.ForeignKey(ScenarioRun, on_delete=models.CASCADE, related_name="samples")
    at = models.DateTimeField()
    rate = models.FloatField()
    target_rate = models.FloatField()
    acknowledged = models.BigIntegerField()
    failed = models.BigIntegerField(default=0)
    latency_p50_ms = models.FloatField(null=True)
    latency_p99_ms = models.FloatField(null=True)

    class Meta:
        ordering = ["at"]
        indexes = [models.Index(fields=["run", "at"])]

    def __str__(self) -> str:
        return f"{self.rate:.0f}/s at {self.at:%H:%M:%S}"


class ScenarioRunFaults(models.Model):
    """The fault of each faulty record in a range of records of a run: the ground truth, apart from the data.

    `body` holds (number of the record, code) as `faultlog.packed` writes them. A code is the position of the kind among
    the document's fault kinds in order of first use, counted from 1.
    """

    run = models.ForeignKey(ScenarioRun, on_delete=models.CASCADE, related_name="fault_parts")
    number = models.PositiveIntegerField()
    first = models.BigIntegerField()
    until = models.BigIntegerField()
    count = models.PositiveIntegerField()
    body = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_part_a_number")]

    def __str__(self) -> str:
        return f"{self.count} faults of records {self.first} to {self.until}"


class Recording(models.Model):
    """An uploaded file of events. The file is stored under its SHA-256; its imports are in its readings."""

    sha256 = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=80)
    size = models.BigIntegerField()
    # csv, ndjson or parquet; whether it is gzip-compressed; its columns and first rows, to choose a mapping.
    kind = models.CharField(max_length=16)
    packed = models.BooleanField(default=False)
    columns = models.JSONField(default=list)
    rows = models.JSONField(default=list)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    uploaded_by_name = models.CharField(max_length=150, blank=True)
    uploaded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-uploaded_at", "-id"]

    def __str__(self) -> str:
        return self.name


class RecordingReading(models.Model):
    """The import of a recording with a mapping: waiting, running, succeeded, or failed with the reason. Its events are
    stored when it has succeeded, and never before."""

    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="readings")
    # The name of a built-in mapping; empty for a custom one.
    mapping = models.CharField(max_length=40, blank=True)
    columns = models.JSONField()
    # Digest of the mapping's content, which the stored files are named by.
    digest = models.CharField(max_length=16)

    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.WAITING)
    message = models.CharField(max_length=1000, blank=True)
    rows_read = models.BigIntegerField(default=0)
    # The figures of the events: `summary.Summary`.
    summary = models.JSONField(default=dict)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    requested_by_name = models.CharField(max_length=150, blank=True)
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-requested_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["recording", "digest"], name="one_reading_a_mapping")]
        indexes = [models.Index(fields=["state"], name="reading_state")]

    def __str__(self) -> str:
        return f"{self.recording} as {self.mapping or 'custom mapping'}"

    @property
    def under_way(self) -> bool:
        """Whether it has not ended yet."""
        return self.state in UNDER_WAY
