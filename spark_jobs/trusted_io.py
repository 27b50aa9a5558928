"""pyiceberg's files on an S3 server whose certificate is signed by an authority of `spark_jobs.tls`."""

from pyarrow import fs
from pyiceberg.io import (
    S3_ACCESS_KEY_ID,
    S3_CONNECT_TIMEOUT,
    S3_ENDPOINT,
    S3_REGION,
    S3_REQUEST_TIMEOUT,
    S3_SECRET_ACCESS_KEY,
)
from pyiceberg.io.pyarrow import PyArrowFileIO

from spark_jobs.object_store import one_try
from spark_jobs.tls import ca_file


class TrustedFileIO(PyArrowFileIO):
    """pyiceberg has no property for the file of authorities, so the file system is built here.

    It reads the properties of `ObjectStore.page_properties`, and no others.
    """

    def _initialize_s3_fs(self, netloc: str | None) -> fs.FileSystem:
        return fs.S3FileSystem(
            endpoint_override=self.properties[S3_ENDPOINT],
            access_key=self.properties[S3_ACCESS_KEY_ID],
            secret_key=self.properties[S3_SECRET_ACCESS_KEY],
            region=self.properties[S3_REGION],
            connect_timeout=float(self.properties[S3_CONNECT_TIMEOUT]),
            request_timeout=float(self.properties[S3_REQUEST_TIMEOUT]),
            retry_strategy=one_try(),
            tls_ca_file_path=ca_file(),
        )
