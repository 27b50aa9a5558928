"""The object storage of an `s3://` warehouse: MinIO, or any other S3."""

from controlplane.lakehouse.ports import StorageProblemError
from spark_jobs.object_store import ObjectStore
from spark_jobs.object_store_check import StoreError, check


class S3ObjectStorage:
    """Checks one store by writing a small object to its bucket."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def look(self) -> str:
        try:
            check(self._store)
        except StoreError as problem:
            raise StorageProblemError(problem.kind, str(problem)) from problem
        return self._store.bucket
