"""The look at the object storage that holds the warehouse's bucket."""

from controlplane.health.models import PartState
from controlplane.health.reading import Reading
from controlplane.lakehouse.ports import StorageProblemError
from controlplane.lakehouse.providers import object_storage


def look() -> Reading:
    """Ask whether the bucket can be written: what is wrong with it stands in the way of everything that is kept."""
    try:
        bucket = object_storage().look()
    except StorageProblemError as problem:
        return Reading(PartState.DOWN, str(problem), {"problem": problem.kind})
    return Reading(PartState.UP, f"The bucket {bucket} can be written.", {"bucket": bucket})
