"""The attempts of a stranger, protocol by protocol: without a credential, and with a wrong one.

`ask` runs them in a process of its own, as another user where the tests run as root. Each attempt gives "" when it was
refused, and otherwise what the stranger got.
"""

from __future__ import annotations

import io
import json
import os
import socket
import ssl
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from compose.local import service_account
from compose.local.settings import ROOT

NOBODY = 65534
SECONDS = 10.0
Attempt = tuple[str, Callable[[], str]]


@dataclass(frozen=True)
class Target:
    """Where to try which attempts. `given` is what a stranger may know: names, and credentials for another use."""

    name: str
    attempts: str
    address: str
    port: int
    path: str
    given: Mapping[str, str]

    @property
    def place(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True)
class Answer:
    """What one attempt got; "" when it was refused."""

    target: str
    attempt: str
    got: str


def is_another_user() -> bool:
    """Whether the attempts run as another user than the installation."""
    return os.geteuid() == 0


def ask(targets: list[Target]) -> list[Answer]:
    """Try every attempt on every target, as the user `nobody` where this runs as root."""
    as_nobody: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="lakehouse-stranger-") as home:
        if is_another_user():
            as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(home, NOBODY, NOBODY)
            # A Python below /root is closed to others; so are packages of a checkout there.
            for program in (Path(sys.executable), Path(json.__file__), Path(ROOT) / "tests"):
                service_account.make_reachable(program)
        done = subprocess.run(
            [sys.executable, "-m", "tests.strangers.asking"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": home, "PYTHONDONTWRITEBYTECODE": "1"},
            input=json.dumps([vars(target) for target in targets]),
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
            **as_nobody,
        )
    assert done.returncode == 0, done.stderr
    return [Answer(**one) for one in json.loads(done.stdout.splitlines()[-1])]


def main() -> None:
    """Read the targets from standard input, and print the answers as JSON."""
    targets = [Target(**one) for one in json.load(sys.stdin)]
    attempts = [(target.name, name, run) for target in targets for name, run in ATTEMPTS[target.attempts](target)]

    def answer(one: tuple[str, str, Callable[[], str]]) -> dict[str, str]:
        target, name, run = one
        try:
            got = run()
        except Exception as error:
            # Any error that an attempt does not expect is reported with the attempt, and fails the test.
            got = f"{type(error).__name__}: {error}"
        return {"target": target, "attempt": name, "got": got}

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(answer, attempts))
    print(json.dumps(answers))


# --- HTTP -------------------------------------------------------------------------------------------------------------

FORGED = (
    {},
    {"Authorization": "Bearer e30.e30.e30"},
    {"Authorization": "Bearer wrong"},
    {"Authorization": "Basic YWRtaW46YWRtaW4="},
    {"Cookie": "sessionid=wrong; _token=wrong"},
)


def _http(
    target: Target, paths: tuple[str, ...], methods: tuple[str, ...] = ("GET",), *, host: str = ""
) -> Iterator[Attempt]:
    """Requests without a credential and with wrong ones, to the address or under the name `host`.

    421 is what Airflow answers where it has no pages and takes no cookies: under any other name than its own.
    """
    import httpx

    refusals = (401, 403) if host else (401, 403, 421)

    # One client for all threads: it costs more than a request.
    client = httpx.Client(timeout=6 * SECONDS, trust_env=False, verify=_careless())

    def run(method: str, path: str, headers: dict[str, str]) -> str:
        named = {"Host": host, **headers} if host else headers
        answer = client.request(method, f"http://{target.place}{path}", headers=named)
        to_sign_in = answer.status_code == 302 and "/sign-in/" in answer.headers["Location"]
        return "" if answer.status_code in refusals or to_sign_in else f"{answer.status_code}: {answer.text[:200]}"

    for method, path, headers in product(methods, paths, FORGED):
        yield (
            f"{method} {path} {f'of {host} ' * bool(host)}with {headers or 'nothing'}",
            lambda to=(method, path, headers): run(*to),
        )


SPARK_PATHS = (
    *("/", "/jobs/", "/stages/", "/environment/", "/executors/", "/SQL/", "/connect/", "/StreamingQuery/", "/json/"),
    *("/api/v1/version", "/api/v1/applications", "/metrics/prometheus/", "/metrics/executors/prometheus/"),
    *("/metrics/json/", "/executors/threadDump/?executorId=driver", "/static/webui.js"),
    *("/jobs/job/kill/?id=0", "/stages/stage/kill/?id=0"),
)


def spark_ui(target: Target) -> Iterator[Attempt]:
    """Its pages, figures and API."""
    yield from _http(target, SPARK_PATHS, ("GET", "POST"))


AIRFLOW_PATHS = (
    *("/api/v2/dags", "/api/v2/dags/~/dagRuns", "/api/v2/connections", "/api/v2/variables", "/api/v2/pools"),
    *("/api/v2/config", "/api/v2/eventLogs", "/api/v2/importErrors", "/api/v2/dagSources/medallion", "/ui/config"),
    # The execution API, which the tasks ask.
    *("/execution/variables/x", "/execution/connections/x", "/execution/task-instances/count"),
)


def airflow(target: Target) -> Iterator[Attempt]:
    """Its API, the API for tasks, and its sign-in."""
    import httpx

    yield from _http(target, AIRFLOW_PATHS)
    yield from _http(target, AIRFLOW_PATHS, host=target.given["airflow_host"])

    def sign_in(**given: Any) -> str:
        answer = httpx.post(f"http://{target.place}/auth/token", timeout=SECONDS, trust_env=False, **given)
        return "" if answer.status_code in (401, 422, 429) else f"{answer.status_code}: {answer.text[:200]}"

    def without() -> str:
        answer = httpx.get(f"http://{target.place}/auth/token", timeout=SECONDS, trust_env=False)
        return "" if answer.status_code in (401, 403, 421) else f"{answer.status_code}: {answer.text[:200]}"

    yield "a token without a sign-in", without
    yield "a token for nothing", lambda: sign_in(json={})
    yield "a token for a wrong password", lambda: sign_in(json={"username": "svc", "password": "wrong"})


WEB_PATHS = (
    *("/", "/stream/", "/runs/", "/lakehouse/", "/ledger/", "/settings/", "/bi/", "/spark/"),
    *("/api/v1/me", "/api/v1/stream", "/api/v1/scenario-runs", "/metrics"),
)


def web(target: Target) -> Iterator[Attempt]:
    """Some pages and operations; `tests/access` tries every one of them."""
    yield from _http(target, WEB_PATHS)


def minio(target: Target) -> Iterator[Attempt]:
    """Buckets, objects, figures and the administration, anonymously and with wrong keys."""
    from minio import Minio
    from minio.error import S3Error

    paths = ("/", "/lakehouse/", "/lakehouse/warehouse/", "/minio/v2/metrics/cluster", "/minio/admin/v3/info")
    yield from _http(target, paths)

    def buckets(user: str) -> str:
        try:
            listed = Minio(target.place, access_key=user, secret_key="wrong-wrong", secure=False).list_buckets()
        except S3Error as error:
            return "" if error.code in ("SignatureDoesNotMatch", "InvalidAccessKeyId") else str(error)
        return f"buckets: {listed}"

    for user in ("root", "pipeline", "nobody"):
        yield f"the buckets as {user} with a wrong key", lambda user=user: buckets(user)


def minio_console(target: Target) -> Iterator[Attempt]:
    """The API behind its pages."""
    import httpx

    yield from _http(target, ("/api/v1/buckets", "/api/v1/users", "/api/v1/configs"))

    def sign_in() -> str:
        given = {"accessKey": "root", "secretKey": "wrong-wrong"}
        answer = httpx.post(f"http://{target.place}/api/v1/login", json=given, timeout=SECONDS, trust_env=False)
        return "" if answer.status_code in (401, 403) else f"{answer.status_code}: {answer.text[:200]}"

    yield "a sign-in with a wrong key", sign_in


# --- TLS --------------------------------------------------------------------------------------------------------------

# A stranger does not care whom it talks to.
SIGN_INS = (None, ("prometheus", ""), ("prometheus", "wrong"), ("admin", "admin"))


def _careless() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _plain(target: Target) -> str:
    import httpx

    try:
        answer = httpx.get(f"http://{target.place}/metrics", timeout=SECONDS, trust_env=False)
    except (httpx.ReadError, httpx.RemoteProtocolError):
        return ""
    return "" if answer.status_code == 400 else f"{answer.status_code}: {answer.text[:200]}"


def mutual_tls(target: Target) -> Iterator[Attempt]:
    """Without TLS, without a certificate, and with one of another authority."""
    import httpx

    from compose.local.certificates import Certificates

    other = Certificates(Path(tempfile.mkdtemp()) / "other")
    other.ensure("other")
    impostor = _careless()
    impostor.load_cert_chain(other.client, other.client_key)

    def run(context: ssl.SSLContext) -> str:
        try:
            answer = httpx.get(f"https://{target.place}/metrics", verify=context, timeout=SECONDS, trust_env=False)
        except (httpx.ReadError, httpx.RemoteProtocolError, httpx.ConnectError) as error:
            refused = "certificate required" in str(error).lower() or "unknown ca" in str(error).lower()
            return "" if refused or isinstance(error, httpx.ReadError | httpx.RemoteProtocolError) else str(error)
        return f"{answer.status_code}: {answer.text[:200]}"

    yield "no TLS", lambda: _plain(target)
    yield "no certificate", lambda: run(_careless())
    yield "a certificate of another authority", lambda: run(impostor)


def jmx(target: Target) -> Iterator[Attempt]:
    """Without TLS, and without or with wrong passwords."""
    import httpx

    def run(auth: tuple[str, str] | None) -> str:
        answer = httpx.get(
            f"https://{target.place}/metrics", auth=auth, verify=_careless(), timeout=SECONDS, trust_env=False
        )
        return "" if answer.status_code == 401 else f"{answer.status_code}: {answer.text[:200]}"

    yield "no TLS", lambda: _plain(target)
    for auth in SIGN_INS:
        yield f"{auth}", lambda auth=auth: run(auth)


# --- Databases --------------------------------------------------------------------------------------------------------


def postgres(target: Target) -> Iterator[Attempt]:
    """Every role and database, and replication."""
    import psycopg

    def run(**how: str) -> str:
        try:
            psycopg.connect(host=target.address, port=target.port, connect_timeout=10, **how).close()
        except psycopg.OperationalError as error:
            said = str(error)
            return "" if "no password supplied" in said or "password authentication failed" in said else said
        return "connected"

    for role, database in product(("postgres", "controlplane", "airflow", "lake", "monitor", "nobody"), DATABASES):
        for password in ({}, {"password": "wrong"}):
            how = {"user": role, "dbname": database, **password}
            yield f"{role} on {database} with {password or 'nothing'}", lambda how=how: run(**how)
    yield "replication", lambda: run(user="postgres", password="wrong", replication="true", dbname="postgres")


DATABASES = ("postgres", "controlplane", "airflow", "lake")


def redis(target: Target) -> Iterator[Attempt]:
    """Commands before a sign-in, and wrong sign-ins."""

    def run(*commands: str) -> str:
        with socket.create_connection((target.address, target.port), timeout=SECONDS) as stranger:
            lines = stranger.makefile("rb")
            for command in commands:
                stranger.sendall(command.encode() + b"\r\n")
                said = lines.readline()
                if not said.startswith((b"-NOAUTH", b"-WRONGPASS")):
                    return f"{command}: {said!r}"
        return ""

    for command in ("PING", "INFO", "KEYS *", "CONFIG GET *", "CLIENT LIST", "ACL WHOAMI", "SUBSCRIBE x", "HELLO 3"):
        yield f"{command} before a sign-in", lambda command=command: run(command)
    for sign_in in ('AUTH ""', 'AUTH default ""', "AUTH wrong", "AUTH default wrong", "AUTH admin admin"):
        yield sign_in, lambda sign_in=sign_in: run(sign_in, "INFO")


def kafka(target: Target) -> Iterator[Attempt]:
    """Clients without an account: no sign-in, wrong passwords, unknown names, the other mechanism."""
    from confluent_kafka import KafkaException, Producer
    from confluent_kafka.admin import AdminClient

    servers = {"bootstrap.servers": target.place, "log_level": 0}
    scram = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512"}
    viewer = {"sasl.username": "viewer", "sasl.password": target.given["viewer"]}
    wrong = {**scram, "sasl.password": "wrong"}
    names = ("viewer", "admin", "controlplane", "nobody")
    clients: dict[str, dict[str, Any]] = {
        "no sign-in": {},
        **{f"{name} with a wrong password": {**wrong, "sasl.username": name} for name in names},
        "admin with another's password": {**scram, **viewer, "sasl.username": "admin"},
        "a person over PLAIN": {**scram, **viewer, "sasl.mechanism": "PLAIN"},
        "the broker with a wrong password": {
            **scram, "sasl.mechanism": "PLAIN", "sasl.username": "broker", "sasl.password": "wrong",
        },
    }  # fmt: skip

    def topics(client: dict[str, Any]) -> str:
        try:
            return f"topics {list(AdminClient({**servers, **client}).list_topics(timeout=3).topics)}"
        except KafkaException:
            return ""

    def record(client: dict[str, Any]) -> str:
        told: list[Any] = []
        producer = Producer({**servers, **client, "message.timeout.ms": 2000})
        producer.produce(target.given["topic"], b"forged", on_delivery=lambda error, _: told.append(error))
        producer.flush(SECONDS)
        # librdkafka's errors can't be compared with None.
        return "" if [error is None for error in told] == [False] else f"delivered: {told}"

    for what, client in clients.items():
        yield f"the topics with {what}", lambda client=client: topics(client)
        yield f"a record with {what}", lambda client=client: record(client)


# --- Spark ------------------------------------------------------------------------------------------------------------

# A program of its own: pyspark keeps the session of a refused client as the process's own.
SPARK_CLIENT = """
import sys
from pyspark.sql import SparkSession
for remote in sys.argv[1:]:
    try:
        said = SparkSession.builder.remote(remote).create().sql("SELECT 6 * 7").collect()[0][0]
    except Exception as error:
        said = str(error).replace("\\n", " ")
    print(said)
"""


def spark_connect(target: Target) -> Iterator[Attempt]:
    """A query without a token and with wrong ones."""
    # Without TLS, pyspark sends a token to this name only.
    address = f"sc://localhost:{target.port}"
    remotes = [address, *(f"{address}/;token={token}" for token in ("wrong", "Bearer", "%20"))]
    remotes += [f"{address}/;authorization={token}" for token in ("", "Bearer", "Bearer%20wrong", "Basic%20YTpi")]

    def run() -> str:
        said = run_in_spark(*remotes)
        answered = [line for line in said if "UNAUTHENTICATED" not in line]
        return "" if len(said) == len(remotes) and not answered else str(said)

    yield f"a query with {len(remotes)} tokens", run


def run_in_spark(*remotes: str) -> list[str]:
    """What a query at each address gives: its result, or the error."""
    command = [sys.executable, "-c", SPARK_CLIENT, *remotes]
    return subprocess.run(command, capture_output=True, text=True, timeout=900, check=True).stdout.splitlines()


# Types of Spark's messages (org.apache.spark.network.protocol.Message.Type).
CHUNK, RPC, STREAM = 0, 3, 6
FAILURES = (2, 5, 8)
AUTH_MESSAGE = 0xFB
SASL_MESSAGE = 0xEA
SPARK_USERS = (b"sparkSaslUser", b"nobody")
# A server that says nothing is given up after this time.
WAITED = 3.0


def _text(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value


def _frame(kind: int, content: bytes) -> bytes:
    return struct.pack(">qB", 9 + len(content), kind) + content


def _rpc(body: bytes) -> bytes:
    return _frame(RPC, struct.pack(">q", 1) + _text(body))


def _aes(name: bytes) -> bytes:
    return _rpc(struct.pack(">B", AUTH_MESSAGE) + _text(name) + _text(b"x" * 16) + _text(b"x" * 64))


def _sasl(name: bytes, payload: bytes) -> bytes:
    return _rpc(struct.pack(">B", SASL_MESSAGE) + _text(name) + _text(payload))


def spark_rpc(target: Target) -> Iterator[Attempt]:
    """The ports between Spark's processes: files, blocks and calls without a sign-in, and with wrong ones."""
    messages = {
        "nothing": b"",
        "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "a call": _rpc(b"\x00" * 32),
        "a file": _frame(STREAM, _text(b"/jars/x.jar")),
        "a class": _frame(STREAM, _text(b"/classes/x")),
        "a block": _frame(CHUNK, struct.pack(">qi", 1, 0)),
        **{f"AES as {name.decode()}": _aes(name) for name in SPARK_USERS},
    }

    def run(message: bytes) -> str:
        with socket.create_connection((target.address, target.port), timeout=WAITED) as stranger:
            return _beyond_failures(stranger, message)

    def sasl(name: bytes) -> str:
        """The server's challenge (RFC 2831) holds no secret; a wrong response to it is refused."""
        response = b'username="x",realm="default",nonce="x",nc=00000001,cnonce="x",digest-uri="null/default",qop=auth,'
        response += b"response=" + b"0" * 32
        with socket.create_connection((target.address, target.port), timeout=3 * SECONDS) as stranger:
            stranger.sendall(_sasl(name, b""))
            answer = stranger.makefile("rb", buffering=0)
            (length,) = struct.unpack(">q", _whole(answer, 8))
            challenge = _whole(answer, length - 8)
            if b'realm="default"' not in challenge:
                return f"no challenge: {challenge!r}"
            stranger.settimeout(WAITED)
            return _beyond_failures(stranger, _sasl(name, response) + _rpc(b"\x00" * 32))

    for what, message in messages.items():
        yield what, lambda message=message: run(message)
    for name in SPARK_USERS:
        yield f"SASL as {name.decode()}", lambda name=name: sasl(name)


def _whole(answer: io.RawIOBase, length: int) -> bytes:
    """`length` bytes, or fewer where the connection ends before."""
    said = b""
    while len(said) < length and (more := answer.read(length - len(said))):
        said += more
    return said


def _beyond_failures(stranger: socket.socket, message: bytes) -> str:
    """What `message` is answered with, other than failures, silence and the end of the connection."""
    try:
        stranger.sendall(message)
        said = _whole(stranger.makefile("rb", buffering=0), 9)
    except (TimeoutError, ConnectionError):
        return ""
    kind = said[8] if len(said) == 9 else None
    return "" if not said or kind in FAILURES else f"{said!r}{stranger.recv(200)!r}"


# --- Unix sockets -----------------------------------------------------------------------------------------------------


def unix(target: Target) -> Iterator[Attempt]:
    """Nobody else reaches the file. Run as the owner, its modes tell that."""
    path = Path(target.path)

    def connects() -> str:
        with socket.socket(socket.AF_UNIX) as stranger:
            try:
                stranger.connect(target.path)
            except PermissionError:
                return ""
        return "connected"

    def closed() -> str:
        modes = [stat.S_IMODE(one.stat().st_mode) for one in path.parents]
        kept = any(not mode & stat.S_IXOTH for mode in modes) or not path.stat().st_mode & stat.S_IWOTH
        return "" if kept else f"modes {[oct(mode) for mode in modes]}"

    yield "a connection", connects if os.geteuid() == NOBODY else closed


ATTEMPTS: Mapping[str, Callable[[Target], Iterator[Attempt]]] = {
    "postgres": postgres,
    "redis": redis,
    "kafka": kafka,
    "jmx": jmx,
    "minio": minio,
    "minio-console": minio_console,
    "spark-connect": spark_connect,
    "spark-ui": spark_ui,
    "spark-rpc": spark_rpc,
    "airflow": airflow,
    "web": web,
    "unix": unix,
    "mutual-tls": mutual_tls,
}

if __name__ == "__main__":
    main()
