"""Writing observations and measurements."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from controlplane.health.models import Measurement, Observation
from controlplane.health.reading import Reading

MEASUREMENTS_KEPT = timedelta(hours=48)


def observation_record(*, part: str, reading: Reading) -> Observation:
    """Keep the newest look at a part; `changed_at` moves only when the state does."""
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
    """Keep one value a name, all at this moment."""
    now = timezone.now()
    Measurement.objects.bulk_create(Measurement(name=name, at=now, value=value) for name, value in values.items())


def measurements_forget() -> int:
    """Drop measurements older than `MEASUREMENTS_KEPT`; gives how many went."""
    gone, _ = Measurement.objects.filter(at__lt=timezone.now() - MEASUREMENTS_KEPT).delete()
    return gone
