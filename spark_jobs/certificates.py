"""What a failed TLS handshake means to a person: which certificate is wrong, in which way, and the remedy.

Each client library reports it in its own words. OpenSSL's verification codes are in `x509_vfy.h`.
"""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress

from spark_jobs.tls import CA_FILE, ssl_context

_TIMES, _NAMES = {9, 10}, {62, 64}
_EXPIRED = re.compile(r"certificate has expired|certificate is not yet valid|CertificateExpired|NotAfter:", re.I)
_NAME = re.compile(
    r"hostname mismatch|ip address mismatch|does not match host name|certificate for <?\S+ doesn't match|"
    r"No name matching|No subject alternative|certificate is not valid for|could not be verified by hostnameverifier",
    re.I,
)
_UNTRUSTED = re.compile(
    r"certificate.verify.failed|unable to get (local )?issuer|self.signed certificate|PKIX path|unknown ca\b|"
    r"SSL peer certificate|curlCode: 60|root certificate file",
    re.I,
)
_NOT_TLS = re.compile(
    r"wrong.version.number|record layer failure|packet length too long|does not support SSL|\[SSL: HTTP_REQUEST\]|"
    r"not an SSL/TLS record",
    re.I,
)


def certificate_problem(error: BaseException | str, service: str, address: str) -> str:
    """What is wrong with the certificate of `service` at `address`, with the remedy; "" where something else failed.

    Args:
        error: the client's exception, whose causes are looked at too, or its text.
    """
    telling = _telling(error)
    if telling is not None:
        return _meaning(telling, service, address)
    if _matches(error, _NOT_TLS):
        return f"{service} at {address} does not use TLS. Enable TLS on the server, or correct the address."
    return ""


def handshake_problem(
    service: str, host: str, port: int, seconds: float, *, environ: Mapping[str, str] | None = None
) -> str:
    """Open a TLS connection and close it again: what is wrong with the certificate, "" where it is trusted.

    For clients that do not report why they refused one. `environ` names the trusted authorities.

    Raises:
        OSError: nothing answers there.
    """
    address = f"{host}:{port}"
    with socket.create_connection((host, port), timeout=seconds) as plain:
        try:
            with ssl_context(environ).wrap_socket(plain, server_hostname=host):
                return ""
        except (ssl.SSLError, ConnectionError) as error:
            return certificate_problem(error, service, address) or (
                f"{service} at {address} ends the TLS handshake. Enable TLS 1.2 or later on the server, or correct the "
                "address."
            )


def kafka_problem(servers: str, ca: str, seconds: float) -> str:
    """As `handshake_problem`, for Kafka's `servers` (`host:port`, with commas): the first problem found, else "".

    `ca` is the file of trusted authorities, "" for those of the system.
    """
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        with suppress(OSError, ValueError):
            trusted = {CA_FILE: ca}
            if problem := handshake_problem("Kafka", host.strip("[]"), int(port), seconds, environ=trusted):
                return problem
    return ""


def _telling(error: BaseException | str) -> ssl.SSLCertVerificationError | str | None:
    """What says that a certificate was refused: OpenSSL's own exception among the causes, else the text."""
    for part in _causes(error):
        if isinstance(part, ssl.SSLCertVerificationError):
            return part
    refused = any(_matches(error, pattern) for pattern in (_EXPIRED, _NAME, _UNTRUSTED))
    return " ".join(str(part) for part in _causes(error)) if refused else None


def _meaning(part: ssl.SSLCertVerificationError | str, service: str, address: str) -> str:
    code = part.verify_code if isinstance(part, ssl.SSLCertVerificationError) else 0
    text = part.verify_message if isinstance(part, ssl.SSLCertVerificationError) else str(part)
    whose = f"The certificate of {service} at {address}"
    if code in _TIMES or (not code and _EXPIRED.search(text)):
        return f"{whose} has expired or is not valid yet. Renew it on the server, or correct this machine's clock."
    if code in _NAMES or (not code and _NAME.search(text)):
        return (
            f"{whose} was issued for another host name. Use a name that the certificate lists in the address, or have "
            "one issued for this name."
        )
    if code:
        return f"{whose} is not signed by a trusted authority. {_TRUST}"
    return f"{whose} could not be verified: its authority is not trusted, or it has expired. {_TRUST}"


_TRUST = f"Set {CA_FILE} to a PEM file with the certificate of the authority that signed it."


def _matches(error: BaseException | str, pattern: re.Pattern[str]) -> bool:
    return any(pattern.search(str(part)) for part in _causes(error))


def _causes(error: BaseException | str) -> Iterator[BaseException | str]:
    """The error and what it was raised from, each once; urllib3 keeps its cause in `reason`."""
    seen: list[BaseException | str] = []
    waiting: list[BaseException | str | None] = [error]
    while waiting:
        part = waiting.pop(0)
        if part is None or part in seen:
            continue
        seen.append(part)
        yield part
        if isinstance(part, BaseException):
            reason = getattr(part, "reason", None)
            waiting += [part.__cause__, part.__context__, reason if isinstance(reason, BaseException) else None]
            waiting += [inner for inner in part.args if isinstance(inner, BaseException)]
