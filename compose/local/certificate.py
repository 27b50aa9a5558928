"""The certificate of the web server, checked before the server is started with it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from compose.local.errors import InstallationError
from compose.local.settings import EVERY_ADDRESS, LOOPBACK


def check_serving(given: Mapping[str, str]) -> None:
    """Raise `InstallationError` unless the address and the certificate of the web server are allowed and suitable."""
    certificate, key = given.get("TLS_CERTIFICATE", ""), given.get("TLS_KEY", "")
    if bool(certificate) != bool(key):
        missing = "TLS_KEY" if certificate else "TLS_CERTIFICATE"
        raise InstallationError(
            f"{missing} is not set. TLS_CERTIFICATE and TLS_KEY belong together.", "Set both, or neither."
        )
    if certificate:
        public = urlsplit(given.get("PUBLIC_URL", ""))
        if public.scheme != "https" or not public.hostname:
            raise InstallationError(
                f"TLS_CERTIFICATE is set, but PUBLIC_URL is {given.get('PUBLIC_URL', '')!r}.",
                "Set PUBLIC_URL to the public https address, with the port of WEB_PORT.",
            )
        _check_pair(certificate, key, public.hostname)
    listen = given.get("WEB_LISTEN") or LOOPBACK
    if listen not in (LOOPBACK, EVERY_ADDRESS):
        raise InstallationError(f"WEB_LISTEN is {listen!r}.", f"Set it to {LOOPBACK} or {EVERY_ADDRESS}.")
    if listen == EVERY_ADDRESS and not certificate:
        raise InstallationError(
            f"WEB_LISTEN is {listen}, but TLS_CERTIFICATE is not set: passwords would be sent unencrypted.",
            "Set TLS_CERTIFICATE and TLS_KEY, or remove WEB_LISTEN and use a proxy with TLS.",
        )


def _check_pair(certificate: str, key: str, host: str) -> None:
    """Raise `InstallationError` unless https can be served for `host` with this certificate and key."""
    for name, path in (("TLS_CERTIFICATE", certificate), ("TLS_KEY", key)):
        if not Path(path).is_absolute() or not Path(path).is_file():
            raise InstallationError(
                f"{name} is {path}, which is not a file.", "Set it to the absolute path of a PEM file."
            )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:
        raise InstallationError(
            f"TLS_CERTIFICATE and TLS_KEY do not work together ({getattr(error, 'reason', None) or error}).",
            "Set them to a PEM certificate with its chain, and to its private key without a passphrase.",
        ) from None
    # Loaded here, since only an installation with a certificate needs it.
    from cryptography import x509

    leaf = x509.load_pem_x509_certificates(Path(certificate).read_bytes())[0]
    if leaf.not_valid_after_utc <= datetime.now(UTC):
        raise InstallationError(
            f"The certificate in TLS_CERTIFICATE expired at {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC.",
            "Renew the certificate.",
        )
    names = _names(leaf)
    if not any(_is_for(name, host) for name in names):
        raise InstallationError(
            f"The host of PUBLIC_URL is {host}, but the certificate in TLS_CERTIFICATE is for "
            f"{', '.join(names) or 'no host name'}.",
            "Set PUBLIC_URL to a host name of the certificate, or use a certificate for this host name.",
        )


def _names(leaf: object) -> list[str]:
    from cryptography import x509

    assert isinstance(leaf, x509.Certificate)
    try:
        alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = alternative.get_values_for_type(x509.IPAddress)
    return [*alternative.get_values_for_type(x509.DNSName), *(str(address) for address in addresses)]


def _is_for(name: str, host: str) -> bool:
    """Whether browsers take a certificate for `name` at `host` (RFC 9525: a wildcard stands for one label)."""
    try:
        return ip_address(name) == ip_address(host)
    except ValueError:
        pass
    if name.startswith("*."):
        return name[2:].lower() == host.lower().partition(".")[2]
    return name.lower() == host.lower()
