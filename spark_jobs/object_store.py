"""The object storage behind an `s3://` warehouse: where it is, and what each reader has to be told to reach it.

Plain Python, so that the launcher, the control plane, the dashboards and the jobs say the same to pyiceberg, pyarrow
and Spark. Objects are addressed by path (`http://host:9000/bucket/key`), which every S3 server understands.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spark_jobs import tls
from spark_jobs.tls import ca_file, http_url

if TYPE_CHECKING:
    from pyarrow import fs

# What a program needs of the environment to reach the storage.
VARIABLES = (
    *("STORAGE", "S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_REGION", "S3_BUCKET"),
    *tls.VARIABLES,
)
SCHEME = "s3://"
REGION = "us-east-1"
# pyiceberg's files for an https endpoint.
FILE_IO = "spark_jobs.trusted_io.TrustedFileIO"
# A page waits for these: what needs longer counts as not answering.
CONNECT_SECONDS = 2
REQUEST_SECONDS = 3


@dataclass(frozen=True)
class ObjectStore:
    """One S3 server (`http://host:9000`) with the keys of a user; `bucket` is the one that the warehouse lies in."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str
    bucket: str

    @property
    def uses_tls(self) -> bool:
        """Whether the endpoint is https."""
        return self.endpoint.startswith("https://")

    def __repr__(self) -> str:
        return f"ObjectStore({self.endpoint}, {self.bucket})"

    def catalog_properties(self) -> dict[str, str]:
        """What `pyiceberg.catalog.load_catalog` takes beside the catalog's own properties."""
        return {
            "s3.endpoint": self.endpoint,
            "s3.access-key-id": self.access_key,
            "s3.secret-access-key": self.secret_key,
            "s3.region": self.region,
        }

    def page_properties(self) -> dict[str, str]:
        """The same for whoever has a page waiting: deadlines, and one try within them."""
        return {
            **self.catalog_properties(),
            **({"py-io-impl": FILE_IO} if self.uses_tls else {}),
            "s3.connect-timeout": str(CONNECT_SECONDS),
            "s3.request-timeout": str(REQUEST_SECONDS),
            "s3.retry-strategy-impl": f"{__name__}.one_try",
        }

    def spark_properties(self, catalog: str) -> dict[str, str]:
        """The options of Spark's catalog `catalog`, e.g. `spark.sql.catalog.lake.s3.endpoint`."""
        properties = {
            "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
            "s3.endpoint": self.endpoint,
            "s3.access-key-id": self.access_key,
            "s3.secret-access-key": self.secret_key,
            "s3.path-style-access": "true",
            "client.region": self.region,
            # A server that is restarted or frozen for a while is waited for, batch by batch, rather than given up.
            "http-client.apache.connection-timeout-ms": "2000",
            "http-client.apache.socket-timeout-ms": "15000",
        }
        return {f"spark.sql.catalog.{catalog}.{name}": value for name, value in properties.items()}

    def file_system(self) -> "fs.S3FileSystem":
        """pyarrow's view of it, with deadlines for the connection and for the next byte."""
        from pyarrow import fs

        return fs.S3FileSystem(
            endpoint_override=self.endpoint,
            access_key=self.access_key,
            secret_key=self.secret_key,
            region=self.region,
            connect_timeout=CONNECT_SECONDS,
            request_timeout=REQUEST_SECONDS,
            retry_strategy=one_try(),
            tls_ca_file_path=ca_file() if self.uses_tls else None,
        )


def one_try() -> "fs.S3RetryStrategy":
    """How often pyarrow tries: once. Whoever asks comes again, and a page must not wait for several tries."""
    from pyarrow import fs

    return fs.AwsStandardS3RetryStrategy(max_attempts=1)


def object_store(variables: Mapping[str, str] | None = None) -> ObjectStore | None:
    """The storage that the environment (or these variables) names; None where the warehouse is a folder.

    Raises:
        ConnectionSettingError: the endpoint on another host has no TLS (see `spark_jobs.tls`).
    """
    known = os.environ if variables is None else variables
    endpoint = known.get("S3_ENDPOINT", "")
    if not endpoint or known.get("STORAGE") == "folder":
        return None
    return ObjectStore(
        endpoint=http_url("S3_ENDPOINT", endpoint.rstrip("/"), known),
        access_key=known.get("S3_ACCESS_KEY", ""),
        secret_key=known.get("S3_SECRET_KEY", ""),
        region=known.get("S3_REGION") or REGION,
        bucket=known.get("S3_BUCKET", ""),
    )


def file_system(address: str, store: ObjectStore | None = None) -> "tuple[fs.FileSystem, str]":
    """The file system of a folder (`file:///…`) or of a place in a bucket (`s3://…`), and the path in it.

    Args:
        store: where the bucket is; by default what the environment names. Without either, pyarrow's own search for
            AWS credentials applies.
    """
    from pyarrow import fs

    store = store or object_store()
    if store is not None and address.startswith(SCHEME):
        return store.file_system(), address.removeprefix(SCHEME).rstrip("/")
    files, path = fs.FileSystem.from_uri(address)
    return files, path
