"""The one place that opens a Spark Connect session."""

import socket
import uuid
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.session import SparkSession as ConnectSession

from spark_jobs.connection_string import address_of, with_parameters
from spark_jobs.connections import starts
from spark_jobs.errors import SparkUnreachable

# Sessions are closed by `stop()` and by nothing else. Spark's `__del__` also shuts down a thread pool that all sessions
# of the process share; called by the garbage collector while that pool's own lock is held, it hangs the process.
ConnectSession.__del__ = lambda self: None  # type: ignore[method-assign]

CONNECT_TIMEOUT_SECONDS = 5.0
# Times are UTC everywhere: hours and days of the gold tables are cut by the session's zone. The catalogue's cache is
# off because another session's commit (the stream's, for one) would stay unseen for half a minute.
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.catalog.lake.cache-enabled": "false",
}


def connect(remote: str, *, session_id: str | None = None, user_id: str = "spark_jobs") -> SparkSession:
    """A session on the Spark Connect server at `remote`, a connection string with the server's token.

    With a `session_id` (a UUID) the same server-side session is opened again, with the queries that run in it; without
    one a new session is made, which its opener should `stop()`.

    Raises SparkUnreachable at once when nothing listens there. A server that refuses the token answers the first call
    with UNAUTHENTICATED.
    """
    host, port = address_of(remote)
    try:
        _knock(host, port)
    except OSError as error:
        raise SparkUnreachable(
            f"No Spark Connect server answers at {host}:{port} ({error.strerror or error}). "
            f"Start it (`{starts('spark-connect')}`) or set SPARK_REMOTE."
        ) from error
    url = with_parameters(remote, session_id=session_id or str(uuid.uuid4()), user_id=user_id)
    opened: Any = SparkSession.builder.remote(url).create()
    # By itself it waits ten minutes for a server that went away; these tries end after some 45 seconds. A server that
    # was restarted doesn't know the session anyhow.
    opened.client.set_retry_policies([DefaultPolicy(max_retries=8, max_backoff=10_000)])
    spark: SparkSession = opened
    for name, value in SETTINGS.items():
        spark.conf.set(name, value)
    return spark


def answers(remote: str) -> bool:
    """Whether something listens at a Spark Connect address now."""
    try:
        _knock(*address_of(remote))
    except OSError:
        return False
    return True


def _knock(host: str, port: int) -> None:
    socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_SECONDS).close()
