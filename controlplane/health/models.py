"""What was last seen of each part of the system, and a few numbers over time."""

from django.db import models


class PartState(models.TextChoices):
    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


class Observation(models.Model):
    """The last look at one part. A row that has not been renewed for a while says nothing about now: see selectors."""

    part = models.CharField(max_length=32, primary_key=True)
    state = models.CharField(max_length=16, choices=PartState.choices)
    summary = models.CharField(max_length=300)
    detail = models.JSONField(default=dict)
    observed_at = models.DateTimeField()
    changed_at = models.DateTimeField(help_text="Since when the state has been what it is.")

    def __str__(self) -> str:
        return f"{self.part} {self.state}"


class Measurement(models.Model):
    """One number at one moment, for the rates and charts; kept for 48 hours."""

    name = models.CharField(max_length=64)
    at = models.DateTimeField()
    value = models.FloatField()

    class Meta:
        indexes = [models.Index(fields=["name", "at"])]

    def __str__(self) -> str:
        return f"{self.name} {self.value} at {self.at:%H:%M:%S}"
