"""The one place that opens a Spark Connect session."""

import logging
import socket
import uuid
from urllib.parse import urlsplit

from pyspark.sql import SparkSession

from spark_jobs.errors import SparkUnreachable

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_SECONDS = 5.0
# Times are UTC everywhere: hours and days of the gold tables are cut by the session's zone. The catalogue's cache is
# off because another session's commit (the stream's, for one) would stay unseen for half a minute.
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.catalog.lake.cache-enabled": "false",
}


def connect(remote: str, *, session_id: str | None = None, user_id: str = "spark_jobs") -> SparkSession:
    """A session on the Spark Connect server at `remote` (`sc://host:port`).

    With a `session_id` (a UUID) the same server-side session is opened again, with the queries that run in it; without
    one a new session is made, which its opener should `stop()`.

    Raises SparkUnreachable at once when nothing listens there: the client by itself would keep trying for ten minutes.
    """
    address = urlsplit(remote)
    host, port = address.hostname or "127.0.0.1", address.port or 15002
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_SECONDS).close()
    except OSError as error:
        raise SparkUnreachable(
            f"No Spark Connect server answers at {host}:{port} ({error.strerror or error}). "
            "Start it (`make up`) or set SPARK_REMOTE."
        ) from error
    url = f"{remote.rstrip('/')}/" if "/;" not in remote else remote
    url = f"{url};session_id={session_id or uuid.uuid4()};user_id={user_id}"
    spark: SparkSession = SparkSession.builder.remote(url).create()
    for name, value in SETTINGS.items():
        spark.conf.set(name, value)
    return spark
