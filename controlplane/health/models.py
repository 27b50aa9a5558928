"""The last observation of each service, and measurements over time."""

from django.db import models


class PartState(models.TextChoices):
    """The state of a service."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


class Observation(models.Model):
    """The last check of one service. A row that has not been updated for a while is stale: see selectors."""

    part = models.CharField(max_length=32, primary_key=True)
    state = models.CharField(max_length=16, choices=PartState.choices)
    summary = models.CharField(max_length=300)
    detail = models.JSONField(default=dict)
    observed_at = models.DateTimeField()
    changed_at = models.DateTimeField(help_text="Since when the state has been what it is.")

    def __str__(self) -> str:
        return f"{self.part} {self.state}"


class Measurement(models.Model):
    """One measured value, for rates and charts; kept for 48 hours."""

    name = models.CharField(max_length=64)
    at = models.DateTimeField()
    value = models.FloatField()

    class Meta:
        indexes = [models.Index(fields=["name", "at"])]

    def __str__(self) -> str:
        return f"{self.name} {self.value} at {self.at:%H:%M:%S}"
