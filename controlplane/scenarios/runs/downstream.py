"""Downstream metrics for the thresholds of a run, from stored measurements."""

from datetime import datetime, timedelta

from django.utils import timezone

from controlplane.health.models import Measurement

# Older measurements say nothing about the current state.
FRESH = timedelta(seconds=60)


def downstream_now(since: datetime) -> dict[str, float | None]:
    """The downstream metrics of `generator.thresholds`; None is unknown.

    Args:
        since: shares are computed over the records after this moment.
    """
    lag = _newest("bronze.lag")
    return {
        "bronze_lag_records": lag,
        "bronze_lag_seconds": None if lag is None else _lag_seconds(lag),
        "quarantine_percent": _quarantined(since),
    }


def _newest(name: str) -> float | None:
    rows = Measurement.objects.filter(name=name, at__gt=timezone.now() - FRESH).order_by("-at")
    return rows.values_list("value", flat=True).first()


def _lag_seconds(lag: float) -> float | None:
    """The seconds for which the topic has had more records than bronze has now."""
    records = _newest("kafka.records")
    if records is None:
        return None
    if lag <= 0:
        return 0.0
    held = Measurement.objects.filter(name="kafka.records", value__lte=records - lag).order_by("-at")
    then = held.values_list("at", flat=True).first()
    return None if then is None else (timezone.now() - then).total_seconds()


def _quarantined(since: datetime) -> float | None:
    grown = {}
    for name in ("silver.records", "quarantine.records"):
        rows = Measurement.objects.filter(name=name)
        before = rows.filter(at__lte=since).order_by("-at").values_list("value", flat=True).first() or 0.0
        now = rows.filter(at__gt=since).order_by("-at").values_list("value", flat=True).first()
        if now is None:
            return None
        grown[name] = max(now - before, 0.0)
    judged = sum(grown.values())
    return 100 * grown["quarantine.records"] / judged if judged else None
