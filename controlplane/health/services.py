"""Writing observations and measurements."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from controlplane.health.models import Measurement, Observation
from controlplane.health.reading import Reading

MEASUREMENTS_KEPT = timedelta(hours=48)


def observation_record(*, part: str, reading: Reading) -> Observation:
    """Store the newest check of a service; `changed_at` changes only with the state."""
    now = timezone.now()
    with transaction.atomic():
        seen = Observation.objects.select_for_update().filter(part=part).first()
        changed_at = seen.changed_at if seen and seen.state == reading.state else now
        row, _ = Observation.objects.update_or_create(
            part=part,
            defaults={
                "state": reading.state,
                "summary": reading.summary[:300],
                "detail": reading.detail,
                "observed_at": now,
                "changed_at": changed_at,
            },
        )
    return row


def measurement_record(values: dict[str, float]) -> None:
    """Store one value per name, all with the current time."""
    now = timezone.now()
    Measurement.objects.bulk_create(Measurement(name=name, at=now, value=value) for name, value in values.items())


def measurements_forget() -> int:
    """Delete measurements older than `MEASUREMENTS_KEPT` and return their number."""
    gone, _ = Measurement.objects.filter(at__lt=timezone.now() - MEASUREMENTS_KEPT).delete()
    return gone
