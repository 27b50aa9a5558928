"""The health check of the object storage with the warehouse's bucket."""

from controlplane.health.models import PartState
from controlplane.health.reading import Reading
from controlplane.lakehouse.ports import StorageProblemError
from controlplane.lakehouse.providers import object_storage


def look() -> Reading:
    """Check whether the bucket is writable, which every write to the lake needs."""
    try:
        bucket = object_storage().look()
    except StorageProblemError as problem:
        return Reading(PartState.DOWN, str(problem), {"problem": problem.kind})
    return Reading(PartState.UP, f"Healthy. Bucket {bucket} is writable.", {"bucket": bucket})
