"""Connection strings of Spark Connect: `sc://host:port/;name=value;…`, with and without the server's token.

The format is described in Spark's `docs/spark-connect-overview` and parsed by
`pyspark.sql.connect.client.DefaultChannelBuilder`. This module imports no part of Spark.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from spark_jobs.tls import require_tls

DEFAULT_PORT = 15002


def authenticated(remote: str, token: str, environ: Mapping[str, str] | None = None) -> str:
    """`remote` with the token that the server asks for (`spark.connect.authenticate.token`).

    pyspark sends the parameter `token` over TLS (`use_ssl=true`), or in plain text to a host spelled `localhost`. For
    any other host it insists on TLS. To this machine under another name, and to a host of `PLAINTEXT_HOSTS`, the token
    is sent as the same header, `Authorization`, through a parameter of that name.

    An empty token changes nothing, and neither does a `remote` that already has one.

    Raises:
        ConnectionSettingError: the token would go to another host without TLS.
    """
    if not token and not has_token(remote):
        return remote
    host = address_of(remote)[0]
    if not uses_tls(remote):
        require_tls("SPARK_REMOTE", host, "Add /;use_ssl=true to it.", environ)
    if has_token(remote):
        return remote
    if host == "localhost" or uses_tls(remote):
        return with_parameters(remote, token=token)
    return with_parameters(remote, authorization=f"Bearer {token}")


def uses_tls(remote: str) -> bool:
    """Whether the connection is encrypted. Spark's server does not do this itself: a proxy in front of it does."""
    return ";use_ssl=true" in remote.lower()


def has_token(remote: str) -> bool:
    """Whether the connection string carries a token, in either form."""
    return ";token=" in remote or ";authorization=" in remote


def with_parameters(remote: str, **parameters: str) -> str:
    """`remote` with these parameters added."""
    base = remote if "/;" in remote else f"{remote.rstrip('/')}/"
    return base + "".join(f";{name}={quote(value, safe='')}" for name, value in parameters.items())


def without_parameters(remote: str) -> str:
    """`sc://host:port` of a connection string. Messages and pages show this form, because it has no token."""
    return remote.split("/;")[0].rstrip("/")


def address_of(remote: str) -> tuple[str, int]:
    """Host and port of a connection string."""
    address = urlsplit(remote)
    return address.hostname or "localhost", address.port or DEFAULT_PORT
