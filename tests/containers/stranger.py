"""Asks ports as another account of the host: without a credential, and with a wrong one.

`python -m tests.containers.stranger` reads `[[host, port, protocol], …]` from stdin, becomes the account 65534, and
prints what it got, by `host:port`: nothing where every question was refused in the protocol's own way. A port that
does not answer at all is reported too.
"""

import encodings.idna  # noqa: F401 - loaded before the account changes, which may not read Python's own files
import http.client
import json
import os
import socket
import ssl
import struct
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import grpc
import psycopg
import redis

from compose.local.certificates import Certificates

NOBODY = 65534
SECONDS = 10.0
HEADERS: tuple[Mapping[str, str], ...] = (
    {},
    {"Authorization": "Bearer e30.e30.e30"},
    {"Authorization": "Basic YWRtaW46YWRtaW4="},
    {"Cookie": "session=wrong; sessionid=wrong; token=wrong"},
)
# Addresses that show something to users with a credential.
PAGES: Mapping[str, tuple[str, ...]] = {
    "application": (
        *("/", "/api/v1/tables", "/api/v1/users", "/api/v1/scenarios", "/metrics", "/activity/", "/lakehouse/"),
        *("/spark/jobs/", "/prometheus/api/v1/query?query=up", "/bi/", "/bi/app/", "/api/v1/openapi.json"),
    ),
    "airflow": (
        *("/api/v2/dags", "/api/v2/connections", "/api/v2/variables", "/api/v2/config", "/api/v2/eventLogs"),
        *("/api/v2/dags/medallion/dagRuns", "/ui/dags", "/ui/config"),
        *("/execution/variables/wrong", "/execution/connections/wrong"),
    ),
    "minio": (
        *("/", "/lakehouse", "/lakehouse/?list-type=2", "/minio/admin/v3/info"),
        *("/minio/v2/metrics/cluster", "/minio/v2/metrics/node", "/minio/v2/metrics/bucket"),
    ),
    "minio console": ("/api/v1/buckets", "/api/v1/buckets/lakehouse/objects", "/api/v1/session"),
    "spark pages": (
        *("/", "/json/", "/jobs/", "/environment/", "/executors/", "/app/", "/logPage/", "/static/webui.js"),
        *("/api/v1/applications", "/metrics/prometheus/", "/metrics/json/", "/metrics/executors/prometheus/"),
    ),
}
# Kafka's protocol (https://kafka.apache.org/protocol).
SASL_HANDSHAKE, SASL_AUTHENTICATE, DESCRIBE_CLUSTER = 17, 36, 60
SASL_AUTHENTICATION_FAILED = 58
# Spark's (org.apache.spark.network.protocol.Message).
RPC_REQUEST, RPC_RESPONSE, RPC_FAILURE = 3, 4, 5
SASL_TAG = 0xEA


def pages(host: str, port: int, paths: Iterable[str], *, only: int = 0) -> Iterable[str]:
    """HTTP: each page redirects or is refused; with the status `only`, if given."""
    for path in paths:
        for headers in HEADERS:
            status, text = _get(http.client.HTTPConnection(host, port, timeout=SECONDS), path, headers)
            if not 300 <= status < 500 or only not in (0, status):
                yield f"{path} with {headers or 'nothing'}: {status} {text[:100]!r}"


def jmx(host: str, port: int) -> Iterable[str]:
    """HTTPS with a password (Kafka's JMX agent)."""
    context = _trusting()
    for path in ("/metrics", "/"):
        for headers in HEADERS:
            connection = http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
            status, text = _get(connection, path, headers)
            if status != 401:
                yield f"{path} with {headers or 'nothing'}: {status} {text[:100]!r}"


def client_certificate(host: str, port: int) -> Iterable[str]:
    """HTTPS with a client certificate: plain http, no certificate, and one of another authority."""
    for path in ("/metrics", "/prometheus/metrics", "/prometheus/api/v1/query?query=up"):
        try:
            status, text = _get(http.client.HTTPConnection(host, port, timeout=SECONDS), path, {})
        except (http.client.HTTPException, ConnectionResetError) as error:
            status, text = 0, type(error).__name__
        if status != 400 or "HTTPS" not in text:
            yield f"plain http for {path}: {status} {text[:100]!r}"
        for name, context in CONTEXTS.items():
            connection = http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
            try:
                status, text = _get(connection, path, {})
                yield f"{name} for {path}: {status} {text[:100]!r}"
            except (ssl.SSLError, http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                continue


def postgres(host: str, port: int) -> Iterable[str]:
    for user in ("postgres", "controlplane", "airflow", "lake", "monitor"):
        for password in ("", user, "wrong"):
            try:
                with psycopg.connect(
                    host=host, port=port, user=user, password=password, dbname=user, connect_timeout=int(SECONDS)
                ):
                    yield f"{user} with {password!r}"
            except psycopg.OperationalError as error:
                if "password" not in str(error):
                    yield f"{user}: {error}"
                    return


def redis_server(host: str, port: int) -> Iterable[str]:
    for password in (None, "", "wrong", "default"):
        try:
            with redis.Redis(host=host, port=port, password=password, socket_timeout=SECONDS) as client:
                yield f"{password!r}: {client.info('server')}"
        except redis.AuthenticationError:
            continue


def kafka(host: str, port: int) -> Iterable[str]:
    """A request before the sign-in closes the connection; a wrong password is refused."""
    describe = struct.pack(">hhih", DESCRIBE_CLUSTER, 0, 1, -1) + b"\0" + b"\0\0"
    with socket.create_connection((host, port), SECONDS) as connection:
        if answer := _kafka_answer(connection, describe):
            yield f"without a sign-in: {answer[:100]!r}"
    for user in (b"broker", b"admin", b"controlplane"):
        with socket.create_connection((host, port), SECONDS) as connection:
            handshake = struct.pack(">hhih", SASL_HANDSHAKE, 1, 1, -1) + struct.pack(">h", 5) + b"PLAIN"
            accepted = _kafka_answer(connection, handshake)
            if accepted[4:6] != b"\0\0":
                yield f"another answer than Kafka's to a handshake: {accepted!r}"
                continue
            word = b"\0" + user + b"\0wrong"
            sign_in = struct.pack(">hhih", SASL_AUTHENTICATE, 0, 2, -1) + struct.pack(">i", len(word)) + word
            answer = _kafka_answer(connection, sign_in)
            if len(answer) < 6 or struct.unpack(">h", answer[4:6])[0] != SASL_AUTHENTICATION_FAILED:
                yield f"{user!r} with a wrong password: {answer!r}"


def spark(host: str, port: int) -> Iterable[str]:
    """Spark's own protocol between its processes: no request before SASL, and no wrong response to its challenge."""
    with socket.create_connection((host, port), SECONDS) as connection:
        kind, text = _spark_answer(connection, b"no credential")
        if kind != RPC_FAILURE or b"SASL" not in text.upper():
            yield f"without a sign-in: {kind} {text[:200]!r}"
    with socket.create_connection((host, port), SECONDS) as connection:
        kind, text = _spark_answer(connection, _sasl(b""))
        if kind != RPC_RESPONSE or b"nonce" not in text:
            yield f"no challenge, but {kind} {text[:200]!r}"
            return
        kind, text = _spark_answer(connection, _sasl(b'username="wrong",nonce="wrong",response=wrong'))
        if kind == RPC_RESPONSE:
            yield f"a wrong response: {text[:200]!r}"


def spark_connect(host: str, port: int) -> Iterable[str]:
    for metadata in ((), (("authorization", "Bearer wrong"),), (("authorization", ""),)):
        for method in ("AnalyzePlan", "Config", "ArtifactStatus", "Interrupt"):
            with grpc.insecure_channel(f"{host}:{port}") as channel:
                call = channel.unary_unary(f"/spark.connect.SparkConnectService/{method}")
                try:
                    yield f"{method} with {metadata}: {call(b'', timeout=SECONDS, metadata=metadata)!r}"
                except grpc.RpcError as error:
                    if error.code() != grpc.StatusCode.UNAUTHENTICATED:
                        yield f"{method} with {metadata}: {error.code()} {error.details()}"


PROTOCOLS: Mapping[str, Callable[[str, int], Iterable[str]]] = {
    "postgres": postgres,
    "redis": redis_server,
    "kafka": kafka,
    "jmx": jmx,
    "client certificate": client_certificate,
    "spark": spark,
    "spark connect": spark_connect,
    "spark pages": lambda host, port: pages(host, port, PAGES["spark pages"], only=403),
    **{
        name: lambda host, port, name=name: pages(host, port, PAGES[name])  # type: ignore[misc]
        for name in PAGES.keys() - {"spark pages"}
    },
}
CONTEXTS: dict[str, ssl.SSLContext] = {}


def ask(host: str, port: int, protocol: str) -> list[str]:
    """What a stranger got there that should have been refused, and what was not an answer of this protocol."""
    try:
        return list(PROTOCOLS[protocol](host, port))
    except (OSError, http.client.HTTPException, redis.RedisError) as error:
        return [f"{type(error).__name__}: {error}"]


def prepare() -> None:
    """Make the certificates of a stranger, and load everything that is loaded at the first use."""
    with tempfile.TemporaryDirectory() as folder:
        own = Certificates(Path(folder))
        own.ensure("own")
        CONTEXTS["no certificate"] = _trusting()
        CONTEXTS["a certificate of its own"] = _trusting()
        CONTEXTS["a certificate of its own"].load_cert_chain(own.client, own.client_key)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for protocol in PROTOCOLS:
        ask("127.0.0.1", port, protocol)


def main() -> None:
    prepare()
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    found = {f"{host}:{port}": ask(host, port, protocol) for host, port, protocol in json.load(sys.stdin)}
    json.dump({address: problems for address, problems in found.items() if problems}, sys.stdout)


def _trusting() -> ssl.SSLContext:
    """A client that talks to any server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _get(connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read(100_000).decode("latin-1")
    finally:
        connection.close()


def _read(connection: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes; fewer where the other side has closed the connection."""
    found = b""
    try:
        while len(found) < size and (more := connection.recv(size - len(found))):
            found += more
    except ConnectionResetError:
        pass
    return found


def _kafka_answer(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(struct.pack(">i", len(request)) + request)
    size = _read(connection, 4)
    return _read(connection, struct.unpack(">i", size)[0]) if len(size) == 4 else b""


def _spark_answer(connection: socket.socket, body: bytes) -> tuple[int, bytes]:
    """The type and the content of the answer to a request; (0, b"") where the connection was closed."""
    request = struct.pack(">bqi", RPC_REQUEST, 1, len(body)) + body
    connection.sendall(struct.pack(">q", len(request) + 8) + request)
    head = _read(connection, 9)
    if len(head) < 9:
        return 0, head
    size, kind = struct.unpack(">qb", head)
    return kind, _read(connection, min(size - 9, 100_000))


def _sasl(response: bytes) -> bytes:
    user = b"sparkSaslUser"
    return struct.pack(">Bi", SASL_TAG, len(user)) + user + struct.pack(">i", len(response)) + response


if __name__ == "__main__":
    main()
