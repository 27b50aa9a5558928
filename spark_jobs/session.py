"""The one place that opens a Spark Connect session."""

import os
import socket
import uuid
from pathlib import Path
from typing import Any

import grpc
from pyspark.sql import SparkSession
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.session import SparkSession as ConnectSession

from spark_jobs.certificates import handshake_problem
from spark_jobs.connection_string import address_of, uses_tls, with_parameters
from spark_jobs.connections import starts
from spark_jobs.errors import SparkUnreachable
from spark_jobs.tls import ca_file

# Sessions are closed by `stop()` and by nothing else. Spark's `__del__` also shuts down a thread pool that all sessions
# of the process share; called by the garbage collector while that pool's own lock is held, it hangs the process.
ConnectSession.__del__ = lambda self: None  # type: ignore[method-assign]

CONNECT_TIMEOUT_SECONDS = 5.0
# Times are UTC everywhere: hours and days of the gold tables are cut by the session's zone. The catalog's cache is
# off because another session's commit (the stream's, for one) would stay unseen for half a minute.
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.catalog.lake.cache-enabled": "false",
}


class TrustingChannelBuilder(DefaultChannelBuilder):
    """pyspark's own, but with TLS it trusts the authorities of `spark_jobs.tls` instead of those built into gRPC."""

    def toChannel(self) -> grpc.Channel:  # noqa: N802 - pyspark's name
        """The channel to Spark Connect; with TLS, it trusts the authorities of `TLS_CA_FILE`."""
        if not self.use_ssl:
            return super().toChannel()
        credentials = grpc.ssl_channel_credentials(root_certificates=Path(ca_file()).read_bytes())
        if self.token is not None:
            credentials = grpc.composite_channel_credentials(
                credentials, grpc.access_token_call_credentials(self.token)
            )
        return self._secure_channel(self.endpoint, credentials)


def connect(remote: str, *, session_id: str | None = None, user_id: str = "spark_jobs") -> SparkSession:
    """A session on the Spark Connect server at `remote`, a connection string with the server's token.

    With a `session_id` (a UUID) the same server-side session is opened again, with the queries that run in it; without
    one a new session is made, which its opener should `stop()`.

    Raises SparkUnreachable at once when nothing listens there or its certificate is not trusted. A server that refuses
    the token answers the first call with UNAUTHENTICATED.
    """
    host, port = address_of(remote)
    try:
        problem = certificate_refused(remote)
    except OSError as error:
        raise SparkUnreachable(
            f"No Spark Connect server answers at {host}:{port} ({error.strerror or error}). "
            f"Start it (`{starts('spark-connect')}`) or set SPARK_REMOTE."
        ) from error
    if problem:
        raise SparkUnreachable(problem)
    url = with_parameters(remote, session_id=session_id or str(uuid.uuid4()), user_id=user_id)
    # As `SparkSession.builder.remote` does: `pyspark.sql.functions` then builds for a server.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    opened: Any = ConnectSession.builder.channelBuilder(TrustingChannelBuilder(url)).create()
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


def certificate_refused(remote: str) -> str:
    """What is wrong with the certificate at a Spark Connect address, "" where it is trusted or TLS is not used.

    Raises:
        OSError: nothing listens there.
    """
    host, port = address_of(remote)
    if uses_tls(remote):
        return handshake_problem("Spark Connect", host, port, CONNECT_TIMEOUT_SECONDS)
    _knock(host, port)
    return ""


def _knock(host: str, port: int) -> None:
    socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_SECONDS).close()
