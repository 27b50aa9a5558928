"""Statements of the ledger, requested and computed, and restores of the installation."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from controlplane.leases import Work, WorkState


class Restore(models.Model):
    """One restore of the installation from a backup. A backup contains neither Kafka's topic nor later run data."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    restored_at = models.DateTimeField(auto_now_add=True)
    made_at = models.DateTimeField(help_text="When the backup was made.")
    runs = models.JSONField(default=list, help_text="Scenario runs that it cut off: what they sent is not known.")

    class Meta:
        ordering = ["-restored_at"]

    def __str__(self) -> str:
        return f"restored from {self.made_at:%Y-%m-%d %H:%M}"


class Statement(Work):
    """One computation of the ledger: requested (`waiting`), then computed (`running`), then immutable."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, help_text="The request that asked for it.")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", help_text="None: the system."
    )
    taken_at = models.DateTimeField(null=True, help_text="When the lake was counted.")
    balanced = models.BooleanField(default=False)
    document = models.JSONField(default=dict)
    fingerprint = models.JSONField(default=dict, help_text="What the system looked like: unchanged, nothing to count.")
    error = models.TextField(blank=True)

    class Meta(Work.Meta):
        indexes = [models.Index(fields=["state", "-taken_at"], name="statement_taken")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="succeeded") | Q(taken_at__isnull=False), name="a_statement_says_when"
            ),
        ]

    def __str__(self) -> str:
        return f"statement {self.state} {'balanced' if self.balanced else 'not balanced'}"

    def get_absolute_url(self) -> str:
        """The page of the ledger."""
        return reverse("ledger:index")

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The checks of the ledger, as stored."""
        found: list[dict[str, Any]] = self.document.get("lines", [])
        return found

    @property
    def verdict(self) -> str:
        """`balanced`, `waiting` (no mismatch, but some checks have no result yet), `off`, or `unknown` (no result)."""
        if self.state != WorkState.SUCCEEDED:
            return "unknown"
        if self.balanced:
            return "balanced"
        return "off" if any(line["holds"] is False for line in self.lines) else "waiting"
