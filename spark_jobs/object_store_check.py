"""Whether the object storage can be worked with: one small object is written, and what stands in the way is said."""

import io
from dataclasses import dataclass

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error, ServerError

from spark_jobs.certificates import certificate_problem
from spark_jobs.connections import starts
from spark_jobs.object_store import CONNECT_SECONDS, REQUEST_SECONDS, ObjectStore
from spark_jobs.tls import ca_file

# Beside the warehouse, not in it; written over each time.
LOOK = ".lakehouse/look"


@dataclass
class StoreError(Exception):
    """What is wrong in one sentence, and the remedy in another.

    `kind` is S3's own code, or `away`, `silent`, `certificate`.
    """

    kind: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"


def client(store: ObjectStore) -> Minio:
    """A client that tries once and gives up soon; proxies of the environment are for the internet, not for this."""
    scheme, _, host = store.endpoint.partition("://")
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=REQUEST_SECONDS)
    return Minio(
        host,
        access_key=store.access_key,
        secret_key=store.secret_key,
        secure=scheme == "https",
        region=store.region,
        http_client=urllib3.PoolManager(
            timeout=timeout,
            retries=False,
            cert_reqs="CERT_REQUIRED",
            ca_certs=ca_file() if store.uses_tls else None,
        ),
    )


def check(store: ObjectStore) -> None:
    """Write a small object to the bucket, within some seconds.

    Raises:
        StoreError: that did not go.
    """
    content = b"Can this be written?"
    asked = client(store)
    try:
        asked.put_object(store.bucket, LOOK, io.BytesIO(content), len(content))
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
        raise problem(store, error) from error
    finally:
        close(asked)


def ensure_bucket(store: ObjectStore) -> None:
    """Make the bucket unless it is there; where the user may not, `check` says what follows from that.

    Raises:
        StoreError: the storage can't be asked.
    """
    asked = client(store)
    try:
        if not asked.bucket_exists(store.bucket):
            asked.make_bucket(store.bucket)
    except S3Error as error:
        if error.code != "AccessDenied":
            raise problem(store, error) from error
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
        raise problem(store, error) from error
    finally:
        close(asked)


def close(asked: Minio) -> None:
    """Give the client's connections back."""
    asked._http.clear()


def problem(store: ObjectStore, error: Exception) -> StoreError:
    """What an error of the client means to a person."""
    where, bucket = store.endpoint, store.bucket
    if isinstance(error, S3Error) and error.code:
        what, remedy = _REFUSALS.get(error.code, ("{where} refuses: {said}", "See its log."))
        remedy = remedy.format(set_up=starts("setup"))
        said = f"{error.code}, {error.message}".rstrip(".") + "."
        return StoreError(error.code, what.format(where=where, bucket=bucket, said=said), remedy)
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        what = f"The object storage at {where} takes connections but gave no answer within {REQUEST_SECONDS} s."
        return StoreError("silent", what, "It is frozen or overloaded: restart it if it does not recover by itself.")
    if isinstance(error, ServerError):
        return StoreError("away", f"The object storage at {where} is not ready: {error}.", "See its log.")
    if refused := certificate_problem(error, "the object storage", where):
        what, remedy = refused.split(". ", 1)
        return StoreError("certificate", f"{what}.", remedy)
    return StoreError(
        "away",
        f"No object storage answers at {where}.",
        f"Start it (`{starts('ecommerce-minio')}`), or set S3_ENDPOINT to where it is.",
    )


_FULL = ("The disk of the object storage at {where} is full.", "Free some space there; writing then goes on by itself.")
_KEY = (
    "The object storage at {where} does not know the access key.",
    "Set S3_ACCESS_KEY to that of one of its users; `{set_up}` creates that of our own MinIO again.",
)
_REFUSALS = {
    "InvalidAccessKeyId": _KEY,
    "SignatureDoesNotMatch": (
        "The object storage at {where} refuses the secret key.",
        "Set S3_SECRET_KEY to the one that belongs to S3_ACCESS_KEY; `{set_up}` sets that of our own MinIO again.",
    ),
    "AccessDenied": (
        "The user of S3_ACCESS_KEY may not write to the bucket {bucket} at {where}.",
        "Give it the right to list the bucket, and to read, write and delete its objects.",
    ),
    "NoSuchBucket": (
        "There is no bucket {bucket} at {where}.",
        "Run `{set_up}`, which makes an empty one, or set S3_BUCKET; tables that were in it come back only from a "
        "copy.",
    ),
    "XMinioStorageFull": _FULL,
    "QuotaExceeded": _FULL,
    "XMinioAdminBucketQuotaExceeded": _FULL,
    "XMinioServerNotInitialized": ("The object storage at {where} is still starting.", "Wait a moment."),
    "RequestTimeTooSkewed": (
        "The clocks of this machine and of the object storage at {where} differ too much.",
        "Set them right.",
    ),
    "AuthorizationHeaderMalformed": (
        "The object storage at {where} is in another region: {said}",
        "Set S3_REGION to the one that it names.",
    ),
}
