"""Validations, indexed from their result documents, and unreadable documents."""

from django.db import models
from django.urls import reverse

from controlplane.table_names import TableName
from controlplane.web.moments import iso

LONGEST_PATH = 1024


class Validation(models.Model):
    """One suite run on one batch. The document in the warehouse is the source of truth; this row is its index."""

    id = models.UUIDField(primary_key=True)
    suite = models.CharField(max_length=128)
    table = models.CharField(max_length=255, help_text="With the catalogue's name, as lake.silver.events.")
    branch = models.CharField(max_length=255, blank=True)
    snapshot_id = models.CharField(max_length=32, blank=True)
    run_id = models.CharField(max_length=250, blank=True)
    job = models.CharField(max_length=128, blank=True)
    success = models.BooleanField(null=True, help_text="Null: the suite came to no result.")
    published = models.BooleanField()
    rows = models.BigIntegerField(null=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    expectations = models.JSONField(default=list)
    expectations_failed = models.IntegerField(help_text="How many of them did not hold, warnings included.")
    path = models.CharField(max_length=LONGEST_PATH, unique=True, help_text="The document, relative to the warehouse.")
    modified_at = models.DateTimeField(help_text="When the document was written last.")
    indexed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-finished_at", "-id"]
        indexes = [
            models.Index(fields=["-finished_at", "-id"], name="validation_newest"),
            models.Index(fields=["suite", "-finished_at"], name="validation_suite"),
            models.Index(fields=["table", "snapshot_id"], name="validation_snapshot"),
            models.Index(fields=["run_id"], name="validation_run"),
            models.Index(fields=["-modified_at"], name="validation_modified"),
        ]

    def __str__(self) -> str:
        return f"{self.suite} at {iso(self.finished_at)}: {self.state}"

    def get_absolute_url(self) -> str:
        """The page of the validation."""
        return reverse("quality:detail", args=[self.pk])

    @property
    def state(self) -> str:
        """`succeeded`, `failed` or `unknown`, as used by the template tag `state`."""
        return "unknown" if self.success is None else "succeeded" if self.success else "failed"

    @property
    def table_name(self) -> str:
        """The table name without the catalog: `silver.events`."""
        return self.table.removeprefix("lake.")

    @property
    def table_path(self) -> str:
        """The table as in the URLs of the lakehouse: `silver/events`."""
        return TableName.parse(self.table_name).path

    @property
    def duration(self) -> float:
        """Seconds from start to finish."""
        return (self.finished_at - self.started_at).total_seconds()


class UnreadableDocument(models.Model):
    """An invalid document, stored with the reason until it changes."""

    path = models.CharField(max_length=LONGEST_PATH, primary_key=True)
    modified_at = models.DateTimeField()
    size = models.BigIntegerField()
    reason = models.CharField(max_length=500)
    seen_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"
