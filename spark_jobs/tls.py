"""Which connections are encrypted, and whose certificates they trust.

Every connection to another host uses TLS with the full check of the certificate: signed by a trusted authority, not
expired, and issued for the host name of the address. There is no switch that turns the check off. `TLS_CA_FILE` names
the trusted authorities for all connections; without it, they are those of the system.

An address without TLS may carry a credential to this machine (loopback, a Unix socket) and to the hosts that
`PLAINTEXT_HOSTS` lists, which is for private networks such as that of the containers. `docs/tls.md` has an example for
each connection. This module imports no client library.
"""

import os
import ssl
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

CA_FILE = "TLS_CA_FILE"
PLAINTEXT_HOSTS = "PLAINTEXT_HOSTS"
# What a program needs of the environment for its connections to be checked.
VARIABLES = (CA_FILE, PLAINTEXT_HOSTS)
# Where Debian, Red Hat, SUSE and Alpine keep the system's authorities as one file.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class ConnectionSettingError(ValueError):
    """A variable names a connection that is not allowed; `remedy` says how to set it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


def own_ca_file(environ: Mapping[str, str] | None = None) -> str:
    """The file of `TLS_CA_FILE`, "" where it is not set.

    Raises:
        ConnectionSettingError: it is not the absolute path of a readable file with certificates.
    """
    path = _known(environ).get(CA_FILE, "")
    if path:
        if not Path(path).is_absolute():
            raise ConnectionSettingError(f"{CA_FILE} is {path!r}.", "Set it to an absolute path.")
        _context(path, _changed(path))
    return path


def ca_file(environ: Mapping[str, str] | None = None) -> str:
    """A PEM file with every trusted authority: `TLS_CA_FILE`, or the system's bundle.

    For clients that have no default of their own, or another one than the system's.

    Raises:
        ConnectionSettingError: as `own_ca_file`, or the system has no bundle.
    """
    own = own_ca_file(environ)
    if own:
        return own
    found = next((path for path in (ssl.get_default_verify_paths().cafile, *SYSTEM_BUNDLES) if path and _is(path)), "")
    if not found:
        raise ConnectionSettingError(
            "This system has no file of certificate authorities.",
            f"Install the package ca-certificates, or set {CA_FILE}.",
        )
    return found


def ssl_context(environ: Mapping[str, str] | None = None) -> ssl.SSLContext:
    """What a Python client verifies servers with. It is shared: callers must not change it.

    Raises:
        ConnectionSettingError: as `ca_file`.
    """
    path = ca_file(environ)
    return _context(path, _changed(path))


def is_private(host: str, environ: Mapping[str, str] | None = None) -> bool:
    """Whether a credential may go to this host without TLS: to this machine, and to a host of `PLAINTEXT_HOSTS`."""
    name = host.strip("[]").rstrip(".").lower()
    if not name or name.startswith(("/", "@")) or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        if ip_address(name).is_loopback:
            return True
    except ValueError:
        pass
    return name in {entry.strip().lower() for entry in _known(environ).get(PLAINTEXT_HOSTS, "").split(",")}


def require_tls(variable: str, host: str, remedy: str, environ: Mapping[str, str] | None = None) -> None:
    """Refuse an address that would send a credential to another host without TLS.

    Raises:
        ConnectionSettingError: `host` is neither this machine nor in `PLAINTEXT_HOSTS`.
    """
    if not is_private(host, environ):
        raise ConnectionSettingError(
            f"{variable} would send a credential to {host} without encryption.",
            f"{remedy} If {host} is reached over a private network only, add it to {PLAINTEXT_HOSTS}.",
        )


def http_url(variable: str, url: str, environ: Mapping[str, str] | None = None, *, credential: bool = True) -> str:
    """`url` as it is.

    Raises:
        ConnectionSettingError: it is http, leads to another host, and a `credential` goes there.
    """
    parts = urlsplit(url)
    if credential and parts.scheme == "http":
        require_tls(variable, parts.hostname or "", "Begin it with https://.", environ)
    return url


def smtp_url(variable: str, url: str, environ: Mapping[str, str] | None = None) -> str:
    """`url` as it is. A mail contains a link that signs its reader in, so it counts as a credential.

    Raises:
        ConnectionSettingError: it is smtp without TLS, and leads to another host.
    """
    parts = urlsplit(url)
    if parts.scheme == "smtp":
        require_tls(variable, parts.hostname or "", "Begin it with smtp+tls:// (STARTTLS) or smtps://.", environ)
    return url


def postgres_url(variable: str, url: str, environ: Mapping[str, str] | None = None) -> str:
    """`url` with libpq's `sslmode` and `sslrootcert`: `verify-full` for another host.

    To this machine and to the hosts of `PLAINTEXT_HOSTS` nothing is added unless the address asks for TLS itself.

    Raises:
        ConnectionSettingError: the address turns the check of the certificate off for another host.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    mode = query.get("sslmode", "")
    # `host` in the query replaces the one before the path; both may be a quoted path of a Unix socket.
    host = query.get("host") or (parts.hostname or "").replace("%2f", "/").replace("%2F", "/")
    hosts = host.split(",")
    if not all(is_private(one, environ) for one in hosts):
        if mode not in ("", "verify-full"):
            raise ConnectionSettingError(
                f"{variable} has sslmode={mode}, which does not verify that the server is {host}.",
                f"Set sslmode=verify-full, or add {host} to {PLAINTEXT_HOSTS} if it is reached over a private network "
                "only.",
            )
        query["sslmode"] = mode = "verify-full"
    if mode.startswith("verify-"):
        query.setdefault("sslrootcert", ca_file(environ))
    if query == dict(parse_qsl(parts.query, keep_blank_values=True)):
        return url
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote, safe="/")))


def redis_url(variable: str, url: str, environ: Mapping[str, str] | None = None) -> str:
    """`url` with the parameters of redis-py and kombu for TLS, where it begins with `rediss://`.

    Raises:
        ConnectionSettingError: it has a password and no TLS for another host, or turns the check off.
    """
    parts = urlsplit(url)
    if parts.scheme != "rediss":
        if parts.scheme == "redis" and parts.password:
            require_tls(variable, parts.hostname or "", "Begin it with rediss://.", environ)
        return url
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name, wanted in (("ssl_cert_reqs", "required"), ("ssl_check_hostname", "true")):
        said = query.setdefault(name, wanted).lower().removeprefix("cert_")
        if said != wanted:
            raise ConnectionSettingError(
                f"{variable} has {name}={query[name]}, which turns the check of the certificate off.",
                f"Leave {name} out; {CA_FILE} names the authorities that are trusted.",
            )
    query.setdefault("ssl_ca_certs", ca_file(environ))
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote, safe="/")))


def _known(environ: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environ is None else environ


def _is(path: str) -> bool:
    return Path(path).is_file()


def _changed(path: str) -> float:
    """When the file was last written: a renewed bundle is read again."""
    try:
        return Path(path).stat().st_mtime
    except OSError as error:
        raise ConnectionSettingError(
            f"{CA_FILE} is {path!r}, which can't be read ({error.strerror}).",
            "Set it to a PEM file with the certificates of the trusted authorities.",
        ) from None


@lru_cache(maxsize=8)
def _context(path: str, _: float) -> ssl.SSLContext:
    """As `ssl.create_default_context`, trusting this file alone."""
    try:
        context = ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise ConnectionSettingError(
            f"{CA_FILE} is {path!r}, which has no certificates that can be read ({error.strerror or error}).",
            "Set it to a PEM file with the certificates of the trusted authorities.",
        ) from None
    return context
