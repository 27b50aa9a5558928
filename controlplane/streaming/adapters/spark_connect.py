"""The stream on a Spark Connect server.

The query lives in a server session of a fixed id, so any process finds it there again, and a client that dies leaves it
running. Every call carries a gRPC deadline and the client retries nothing, so an unreachable or frozen server costs
no more than the deadline. The session is never closed from here, since that would end the query.
"""

import json
import logging
import os
import re
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import grpc
from pyspark.errors import AnalysisException, PySparkAssertionError, PySparkException
from pyspark.sql import SparkSession as JobSession
from pyspark.sql.connect.session import SparkSession
from pyspark.sql.connect.streaming.query import StreamingQuery

from controlplane.streaming.adapters.deadlines import Deadlines
from controlplane.streaming.adapters.spark_checkpoint import positions_of
from controlplane.streaming.adapters.spark_progress import batches_of, reports_of
from controlplane.streaming.ports import (
    ActiveQuery,
    BatchProgress,
    EngineUnreachableError,
    Positions,
    QueryRef,
    StartPreconditions,
    StartRequest,
    StreamEngineError,
    TopicRecord,
)
from spark_jobs.bronze.events import detour, job
from spark_jobs.certificates import kafka_problem
from spark_jobs.connection_string import with_parameters, without_parameters
from spark_jobs.kafka_client import KafkaClient
from spark_jobs.session import SETTINGS, TrustingChannelBuilder, certificate_refused
from spark_jobs.tables import ensure_tables

log = logging.getLogger(__name__)

# A busy server on two cores may take seconds; the limit is short enough for a task that runs every few seconds.
LOOK_SECONDS = 6.0
STOP_SECONDS = 20.0
START_SECONDS = 60.0
_GENERATIONS = 100
_SILENT = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
_ADVICE = re.compile(r"If you don't want your streaming query to fail on such cases.*?\"false\"\.", re.DOTALL)
_Answer = TypeVar("_Answer")


class SparkConnectStreamEngine:
    """Finds, starts, watches and stops the query in its session on the server.

    Args:
        remote: the server's connection string, with its token.
        kafka: the account with which the stream reads `topic`.
        home: identifies this installation on a shared server; the session id is derived from it.
    """

    def __init__(self, remote: str, *, kafka: KafkaClient, topic: str, home: str) -> None:
        self._remote = remote
        self._address = without_parameters(remote)
        self._kafka = kafka
        self._topic = topic
        self._home = home
        self._lock = threading.Lock()
        self._deadlines = Deadlines(LOOK_SECONDS)
        self._session: SparkSession | None = None
        self._generation = 0

    def version(self) -> str:
        # `spark.version` is cached by the client.
        return self._ask(LOOK_SECONDS, lambda spark: str(spark.client._analyze(method="spark_version").spark_version))

    def active(self) -> ActiveQuery | None:
        return self._ask(LOOK_SECONDS, _active)

    def prepare(self, checkpoint: str) -> StartPreconditions:
        def look(spark: SparkSession) -> StartPreconditions:
            _set_up(spark)
            ensure_tables(cast(JobSession, spark))
            return StartPreconditions(
                spark.table("lake.bronze.events").count(), _is_there(spark, f"{checkpoint}/metadata")
            )

        return self._ask(START_SECONDS, look)

    def start(self, order: StartRequest) -> ActiveQuery:
        settings = job.StreamSettings(
            kafka=self._kafka,
            topic=self._topic,
            checkpoint=order.checkpoint,
            trigger_seconds=order.trigger_seconds,
            max_offsets_per_trigger=order.max_offsets_per_trigger,
            starting_offsets=json.dumps({self._topic: order.starts}) if order.starts else "earliest",
            run_id=str(order.run_id),
            configuration=str(order.configuration),
        )

        def begin(spark: SparkSession) -> ActiveQuery:
            running = _active(spark)
            if running is not None:
                return running
            query = job.start(cast(JobSession, spark), settings)
            return ActiveQuery(QueryRef(query.id, query.runId), "Starting")

        return self._ask(START_SECONDS, begin)

    def stop(self) -> None:
        def end(spark: SparkSession) -> None:
            for query in spark.streams.active:
                query.stop()

        self._ask(STOP_SECONDS, end)

    def progress(self, ref: QueryRef, *, after: int = -1) -> list[BatchProgress]:
        def read(spark: SparkSession) -> list[BatchProgress]:
            query = StreamingQuery(spark, ref.query_id, ref.run_id)
            reports = batches_of(reports_of(query, everything=False))
            # The last report is enough if it directly follows the known batches; otherwise read all (up to 100).
            if reports and reports[-1].batch_id > after + 1:
                reports = batches_of(reports_of(query, everything=True))
            return [report for report in reports if report.batch_id > after] or reports[-1:]

        return self._known(read, [])

    def failure(self, ref: QueryRef) -> str | None:
        def read(spark: SparkSession) -> str | None:
            error = StreamingQuery(spark, ref.query_id, ref.run_id).exception()
            return None if error is None else _short(error)

        text = self._known(read, None)
        return None if text is None else self._explained(text)

    def _explained(self, text: str) -> str:
        """The query's failure. Java's message does not name a problem of Kafka's certificate, so it is added here."""
        if "SSL handshake failed" in text:
            return kafka_problem(self._kafka.bootstrap_servers, self._kafka.ca, LOOK_SECONDS) or text
        # Spark recommends an option that this stream does not have. The page shows the remedy with the problem.
        return _ADVICE.sub("", text).strip()

    def positions(self, checkpoint: str) -> Positions | None:
        return self._ask(START_SECONDS, lambda spark: positions_of(spark, checkpoint, self._topic))

    def take_in(self, records: Sequence[TopicRecord], *, checkpoint: str) -> None:
        def append(spark: SparkSession) -> None:
            _set_up(spark)
            detour.take_in(cast(JobSession, spark), self._topic, [_row(one) for one in records], checkpoint=checkpoint)

        self._ask(START_SECONDS, append)

    def _known(self, read: Callable[[SparkSession], _Answer], otherwise: _Answer) -> _Answer:
        """The result, or `otherwise` if the server no longer knows the query (after a restart or an hour)."""
        try:
            return self._ask(LOOK_SECONDS, read)
        except EngineUnreachableError:
            raise
        except StreamEngineError as error:
            log.info("The engine has no information about a query: %s", error)
            return otherwise

    def _ask(self, seconds: float, work: Callable[[SparkSession], _Answer]) -> _Answer:
        """Run `work` against the session; retry with a new session if the server reports it as changed or closed."""
        with self._deadlines.within(seconds):
            for _ in range(_GENERATIONS):
                spark = self._open()
                try:
                    return work(spark)
                except (PySparkException, grpc.RpcError) as error:
                    condition = _condition(error)
                    if "SESSION_CLOSED" in condition:
                        # A closed id can't be opened again: every client moves on to the next one.
                        self._drop(spark, next_generation=True)
                    elif "SESSION_CHANGED" in condition or isinstance(error, PySparkAssertionError) or spark.is_stopped:
                        # The server was restarted, upon which the client closes itself for all threads.
                        self._drop(spark)
                    elif _code(error) in _SILENT:
                        raise EngineUnreachableError(
                            self._certificate_problem() or f"Spark at {self._address} does not respond: {_short(error)}"
                        ) from error
                    else:
                        raise StreamEngineError(_short(error)) from error
        raise EngineUnreachableError(f"Spark at {self._address} does not open a session.")

    def _open(self) -> SparkSession:
        with self._lock:
            if self._session is None:
                builder = TrustingChannelBuilder(
                    with_parameters(self._remote, session_id=self._session_id(), user_id="streaming"),
                    # Reconnect within two seconds, instead of gRPC's two minutes.
                    [("grpc.initial_reconnect_backoff_ms", 200), ("grpc.max_reconnect_backoff_ms", 2000)],
                )
                builder.add_interceptor(self._deadlines)
                # Created directly: `SparkSession.builder` would make this the default session of the process. The
                # builder also sets this variable, which makes `pyspark.sql.functions` build expressions for Connect.
                os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
                self._session = SparkSession(builder)
                self._session.client.set_retry_policies([])
            return self._session

    def _certificate_problem(self) -> str:
        """Why the certificate was rejected. gRPC only reports the server as unavailable."""
        try:
            return certificate_refused(self._remote)
        except OSError:
            return ""

    def _session_id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._home}#{self._generation}"))

    def _drop(self, spark: SparkSession, *, next_generation: bool = False) -> None:
        with self._lock:
            if self._session is spark:
                self._session = None
                # A restarted server has closed no session yet, so every client starts with the first id again.
                self._generation = self._generation + 1 if next_generation else 0


def _row(record: TopicRecord) -> detour.Record:
    return detour.Record(record.partition, record.offset, record.timestamp, record.key, record.value, record.headers)


def _set_up(spark: SparkSession) -> None:
    for name, value in SETTINGS.items():
        spark.conf.set(name, value)


def _active(spark: SparkSession) -> ActiveQuery | None:
    for query in spark.streams.active:
        return ActiveQuery(QueryRef(query.id, query.runId), str(query.status["message"]))
    return None


def _is_there(spark: SparkSession, path: str) -> bool:
    """Whether the path exists. Checked through Spark: only the server is sure to see the folder or bucket."""
    try:
        return bool(spark.read.text(path).take(1))
    except AnalysisException as error:
        if "PATH_NOT_FOUND" in str(error.getCondition()):
            return False
        raise


def _condition(error: Exception) -> str:
    return f"{error.getCondition() or ''} {error}" if isinstance(error, PySparkException) else str(error)


def _code(error: Exception) -> Any:
    if isinstance(error, grpc.RpcError):
        return error.code()
    return getattr(error, "_grpc_status_code", None)


def _short(error: Exception) -> str:
    """The message without the server's stack trace and gRPC's framing."""
    text = str(error).split("\n\nJVM stacktrace")[0].strip()
    framed = re.search(r'details = "(.*?)"', text)
    return (framed[1] if framed else text)[:2000]
