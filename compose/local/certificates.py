"""The certificates with which Prometheus and the monitored programs authenticate each other.

A certificate authority is made for one use. It signs the certificate of the servers and that of the clients, and its
own key is then dropped. A server lets in only clients with a certificate of the authority, and a client sends nothing
to a server without one. All of them listen on loopback under the same owner, so they share one server certificate.
"""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from compose.local.private_files import make_private_folder, write_private_bytes

VALID = datetime.timedelta(days=730)
# They are made again at the next start once less than this is left.
RENEWED_BEFORE = datetime.timedelta(days=365)
# A client's clock may be a little behind ours.
SKEW = datetime.timedelta(hours=1)
ALIAS = "server"


@dataclass(frozen=True)
class Certificates:
    """The files of one set, in PEM. `key_store` has the server's certificate and key in PKCS #12 for Java."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "authority.pem"

    @property
    def server(self) -> Path:
        return self.folder / "server.pem"

    @property
    def server_key(self) -> Path:
        return self.folder / "server.key"

    @property
    def client(self) -> Path:
        return self.folder / "client.pem"

    @property
    def client_key(self) -> Path:
        return self.folder / "client.key"

    @property
    def key_store(self) -> Path:
        return self.folder / "server.p12"

    def client_context(self) -> ssl.SSLContext:
        """For a client: it trusts this set's authority only, and shows the client's certificate."""
        context = ssl.create_default_context(cafile=str(self.authority))
        context.load_cert_chain(self.client, self.client_key)
        return context

    def ensure(self, password: str) -> None:
        """Make them where they are missing, about to expire, or made with another password of the key store."""
        if not self._usable(password):
            make_private_folder(self.folder)
            for path, content in _drawn(self, password):
                write_private_bytes(path, content)

    def _usable(self, password: str) -> bool:
        files = (self.authority, self.server, self.server_key, self.client, self.client_key, self.key_store)
        if not all(path.exists() for path in files):
            return False
        try:
            stored = pkcs12.load_pkcs12(self.key_store.read_bytes(), password.encode())
        except ValueError:
            return False
        certificate = stored.cert.certificate if stored.cert else None
        if certificate is None or certificate.public_bytes(Encoding.PEM) != self.server.read_bytes():
            return False
        return certificate.not_valid_after_utc - _now() > RENEWED_BEFORE


def _drawn(files: Certificates, password: str) -> Iterable[tuple[Path, bytes]]:
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("Lakehouse monitoring")
    authority = (
        _builder(authority_name, authority_name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    server_key, client_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    names = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
    server = (
        _builder(_name("server"), authority_name, server_key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    client = (
        _builder(_name("client"), authority_name, client_key)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    store = pkcs12.serialize_key_and_certificates(
        ALIAS.encode(), server_key, server, [authority], BestAvailableEncryption(password.encode())
    )
    return (
        (files.authority, authority.public_bytes(Encoding.PEM)),
        (files.server, server.public_bytes(Encoding.PEM)),
        (files.server_key, _pem(server_key)),
        (files.client, client.public_bytes(Encoding.PEM)),
        (files.client_key, _pem(client_key)),
        # Last: it tells whether the set is whole.
        (files.key_store, store),
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - SKEW)
        .not_valid_after(_now() + VALID)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
