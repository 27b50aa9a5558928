"""The stream: its desired and current state, its configurations and its batches."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from controlplane.web.values import counts


class StreamConfiguration(models.Model):
    """One version of the stream's settings. Rows are immutable: a change creates a new version."""

    version = models.AutoField(primary_key=True)
    trigger_seconds = models.PositiveIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(3600)], help_text="Seconds between two batches."
    )
    max_offsets_per_trigger = models.PositiveIntegerField(
        default=200_000,
        validators=[MinValueValidator(1_000), MaxValueValidator(50_000_000)],
        help_text="The most records that one batch takes.",
    )
    made_by = models.CharField(max_length=150, default="system")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"version {self.version}"


class StreamState(models.TextChoices):
    """The state of the stream."""

    STOPPED = "stopped"
    WAITING = "waiting"
    RUNNING = "running"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Stream(models.Model):
    """The single row of the stream. Users set `desired`; the reconciler writes the observed state."""

    class Desired(models.TextChoices):
        RUNNING = "running"
        STOPPED = "stopped"

    class Problem(models.TextChoices):
        CHECKPOINT_MISSING = "checkpoint_missing"
        TOPIC_REPLACED = "topic_replaced"
        OFFSETS_EXPIRED = "offsets_expired"
        OFFSETS_BEYOND_END = "offsets_beyond_end"
        QUERY_FAILED = "query_failed"
        START_FAILED = "start_failed"
        UNREACHABLE = "unreachable"

    desired = models.CharField(max_length=16, choices=Desired.choices, default=Desired.STOPPED)
    asked_by = models.CharField(max_length=150, blank=True)
    asked_at = models.DateTimeField(null=True)
    last_request = models.UUIDField(null=True, help_text="The request that was heeded last, so that its double isn't.")
    configuration = models.ForeignKey(StreamConfiguration, on_delete=models.PROTECT, related_name="+")
    checkpoint_number = models.PositiveIntegerField(
        default=0, help_text="Counts the starts without the old checkpoint."
    )
    may_reset_checkpoint = models.BooleanField(default=False, help_text="Somebody chose to read the whole topic again.")

    state = models.CharField(max_length=16, choices=StreamState.choices, default=StreamState.STOPPED)
    state_since = models.DateTimeField(default=timezone.now)
    problem = models.CharField(max_length=32, choices=Problem.choices, blank=True)
    message = models.TextField(blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row; a batch that works ends the row.")
    next_attempt_at = models.DateTimeField(null=True)
    bronze_rows = models.BigIntegerField(null=True, help_text="As counted before the last start.")

    query_id = models.CharField(max_length=64, blank=True)
    query_run_id = models.CharField(max_length=64, blank=True)
    start_id = models.UUIDField(null=True, help_text="Our name for the last start; stamped into every commit.")
    started_at = models.DateTimeField(null=True)
    started_configuration = models.ForeignKey(
        StreamConfiguration, null=True, on_delete=models.PROTECT, related_name="+"
    )
    last_report_at = models.DateTimeField(null=True, help_text="When the query last said something.")
    last_batch_id = models.BigIntegerField(default=-1)
    lag_total = models.BigIntegerField(null=True)
    end_offsets = models.JSONField(default=dict, help_text="How far the stream has read, by partition.")

    topic_id = models.CharField(max_length=64, blank=True, help_text="Kafka's id of the checkpoint's topic.")
    topic_since = models.DateTimeField(
        null=True, help_text="What bronze took in before is of an earlier topic of that name; null: of this one."
    )
    topic_ends = models.JSONField(default=dict, help_text="Where the topic ended when last seen, by partition.")
    topic_change = models.JSONField(default=dict, help_text="Why the checkpoint doesn't fit the topic; empty: it does.")
    starts = models.JSONField(default=dict, help_text="From which offsets a new checkpoint reads; empty: the earliest.")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_stream")]

    def __str__(self) -> str:
        return f"stream {self.state}, should be {self.desired}"

    @property
    def offsets(self) -> dict[str, int]:
        """The stream's end offsets by partition."""
        return counts(self.end_offsets)

    @property
    def needs_new_checkpoint(self) -> bool:
        """Whether the stream can only continue with a new checkpoint."""
        return self.problem in NEEDS_NEW_CHECKPOINT


NEEDS_NEW_CHECKPOINT = frozenset(
    {
        Stream.Problem.CHECKPOINT_MISSING,
        Stream.Problem.TOPIC_REPLACED,
        Stream.Problem.OFFSETS_EXPIRED,
        Stream.Problem.OFFSETS_BEYOND_END,
    }
)


class TopicLoss(models.Model):
    """Records that were deleted from the topic before they reached bronze, as known when the stream continued."""

    checkpoint_number = models.PositiveIntegerField(unique=True, help_text="Of the checkpoint that went on.")
    at = models.DateTimeField(default=timezone.now)
    problem = models.CharField(max_length=32, choices=Stream.Problem.choices)
    records = models.BigIntegerField(help_text="At most so many: offsets are counted.")

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.records} records lost, {self.problem}"


class StreamBatch(models.Model):
    """The query's report of one batch with rows."""

    query_id = models.CharField(max_length=64)
    batch_id = models.BigIntegerField()
    run_id = models.CharField(max_length=64)
    configuration = models.ForeignKey(StreamConfiguration, null=True, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(db_index=True)
    input_rows = models.BigIntegerField()
    rows_per_second = models.FloatField()
    lag_max = models.BigIntegerField(help_text="Records behind, in the partition that is furthest behind.")
    lag_total = models.BigIntegerField(help_text="Records behind, over all partitions, when the batch was planned.")
    durations = models.JSONField(default=dict, help_text="Milliseconds by phase.")
    end_offsets = models.JSONField(default=dict)

    class Meta:
        ordering = ["-started_at", "-batch_id"]
        constraints = [models.UniqueConstraint(fields=["query_id", "batch_id"], name="one_row_a_batch")]

    def __str__(self) -> str:
        return f"batch {self.batch_id}, {self.input_rows} rows"

    @property
    def phases(self) -> dict[str, int]:
        """Milliseconds by phase, as reported by Spark."""
        return counts(self.durations)

    @property
    def offsets(self) -> dict[str, int]:
        """The batch's end offsets by partition."""
        return counts(self.end_offsets)

    @property
    def seconds(self) -> float:
        """The duration of the trigger."""
        return self.phases.get("triggerExecution", 0) / 1000
