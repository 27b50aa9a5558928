"""Short health checks of a service. Each returns "" if it is healthy, otherwise what is still missing."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from compose.local.certificates import Certificates
from spark_jobs.certificates import certificate_problem
from spark_jobs.kafka_client import KafkaClient
from spark_jobs.tls import ssl_context

TIMEOUT_SECONDS = 2.0
# Celery puts another module in its own place while it is imported: a thread that imports it meanwhile gets the one that
# lacks everything.
_CELERY = threading.Lock()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Does not follow redirects: they would send the bearer token to another address."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


# Loopback addresses only; proxies from the environment are not used.
def _opener(*handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects(), *handlers)


_OPENER = _opener()


def listens(host: str, port: int) -> str:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), TIMEOUT_SECONDS):
            return ""
    except OSError:
        return f"nothing listens on port {port} yet"


def answers(
    url: str,
    expected: str = "",
    *,
    host: str = "",
    token: str = "",
    certificate_of: str = "",
    trusted: Mapping[str, str] | None = None,
    certificates: Certificates | None = None,
) -> str:
    """Whether `url` returns 200, with `expected` in its text.

    It is asked under the name `host`, if given, and with `token` as the bearer token, if given. An https address has to
    show a certificate for `certificate_of`, signed by an authority that the variables `trusted` name; or one of the
    installation's own `certificates`, of which it is then shown the client's.
    """
    headers = ({"Host": host} if host else {}) | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - addresses of our own
    if not url.startswith("https"):
        opener = _OPENER
    else:
        opener = _opener_with(certificates) if certificates else _opener_for(certificate_of, trusted)
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            text = response.read(100_000).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return f"returned status {error.code}"
    except (OSError, ValueError) as error:
        if refused := certificate_problem(error, host or url, url):
            return refused
        return "does not respond yet"
    return "" if expected in text else "responds, but is not ready yet"


def _opener_with(certificates: Certificates) -> urllib.request.OpenerDirector:
    return _opener(urllib.request.HTTPSHandler(context=certificates.client_context()))


def _opener_for(name: str, trusted: Mapping[str, str] | None) -> urllib.request.OpenerDirector:
    """An opener for https to this machine, where the server's certificate is for `name`."""

    class Connection(http.client.HTTPSConnection):
        def connect(self) -> None:
            http.client.HTTPConnection.connect(self)
            self.sock = ssl_context(trusted).wrap_socket(self.sock, server_hostname=name)

    class Handler(urllib.request.HTTPSHandler):
        def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Connection, request)

    return _opener(Handler())


def postgres(address: str) -> str:
    """Whether the database at `address` accepts the sign-in."""
    import psycopg

    try:
        with psycopg.connect(address, connect_timeout=2) as connection:
            connection.execute("SELECT 1")
        return ""
    except psycopg.Error:
        return "no connection yet"


def redis(address: str) -> str:
    """Whether the server at `address` responds to a ping (it does not while it loads its data)."""
    import redis as client

    try:
        with client.Redis.from_url(address, socket_timeout=TIMEOUT_SECONDS) as connection:
            connection.ping()
        return ""
    except client.RedisError:
        return "no response to a ping yet"


def kafka(client: KafkaClient) -> str:
    """Whether a broker accepts the account and returns the cluster's metadata."""
    host, _, port = client.bootstrap_servers.split(",")[0].rpartition(":")
    # Without a listener the client library would log every failed attempt by itself.
    if missing := listens(host, int(port)):
        return missing
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        metadata = AdminClient({**client.librdkafka(), "log_level": 0}).list_topics(timeout=TIMEOUT_SECONDS)
        return "" if metadata.brokers else "no broker yet"
    except KafkaException:
        return "no metadata yet"


def airflow(url: str, component: str, started: float) -> str:
    """Whether Airflow's health page calls `component` healthy, by a heartbeat since `started` (seconds since 1970).

    The page shows heartbeats from the database: right after a restart they are those of the processes before.
    """
    try:
        with _OPENER.open(f"{url}/api/v2/monitor/health", timeout=TIMEOUT_SECONDS) as response:
            reported = json.load(response).get(component) or {}
    except (OSError, ValueError):
        return "the API server does not respond yet"
    if reported.get("status") != "healthy":
        return f"reported as {reported.get('status') or 'absent'}"
    heartbeat = next((value for name, value in reported.items() if name.endswith("_heartbeat")), None)
    if heartbeat and datetime.fromisoformat(heartbeat).timestamp() < started - 1:
        return "no heartbeat since the start"
    return ""


def celery(broker: str, name: str) -> str:
    """Whether the worker whose node name starts with `name` responds to a ping through the broker."""
    with _CELERY:
        from celery import Celery

    application = Celery(broker=broker)
    application.conf.broker_transport_options = {"socket_timeout": TIMEOUT_SECONDS}
    try:
        replies = application.control.inspect(timeout=1.0).ping() or {}
    # kombu passes on whatever its transport raises.
    except Exception:
        return "the broker does not respond yet"
    finally:
        application.close()
    return "" if any(node.startswith(f"{name}@") for node in replies) else "does not respond to a ping yet"


def settled(started: float, seconds: float = 4) -> str:
    """Whether a program without a health check has run for a while."""
    return "" if time.time() - started >= seconds else "just started"
