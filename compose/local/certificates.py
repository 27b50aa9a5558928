"""The certificates with which Prometheus and the monitored programs authenticate each other.

A certificate authority is made for one use. It signs the certificates of all holders, and its own key is then dropped.
A server lets in only clients with a certificate of the authority, and a client sends nothing to a server without one.
With `make up`, all of them listen on loopback under the same owner, and are one holder. In containers, each container
is a holder, and no other one can read its keys.
"""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
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


LOCAL_NAMES = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class Certificates:
    """The files of one holder, in PEM. `key_store` has the server's certificate and key in PKCS #12 for Java.

    `serves` are the names and addresses of its server; a holder without them has no certificate for a server. `asks`
    tells whether it is a client of others, and `java` whether it needs the key store.
    """

    folder: Path
    serves: tuple[str, ...] = LOCAL_NAMES
    asks: bool = True
    java: bool = True

    @property
    def authority(self) -> Path:
        """The certificate of the authority."""
        return self.folder / "authority.pem"

    @property
    def server(self) -> Path:
        """The certificate of the server."""
        return self.folder / "server.pem"

    @property
    def server_key(self) -> Path:
        """The private key of the server."""
        return self.folder / "server.key"

    @property
    def client(self) -> Path:
        """The certificate of the client."""
        return self.folder / "client.pem"

    @property
    def client_key(self) -> Path:
        """The private key of the client."""
        return self.folder / "client.key"

    @property
    def key_store(self) -> Path:
        """Certificate and key of the server in PKCS #12, for Java."""
        return self.folder / "server.p12"

    def client_context(self) -> ssl.SSLContext:
        """For a client: it trusts this set's authority only, and shows the client's certificate."""
        context = ssl.create_default_context(cafile=str(self.authority))
        context.load_cert_chain(self.client, self.client_key)
        return context

    def client_side(self) -> dict[str, str]:
        """`tls_config` of Prometheus, for a target that requires the client's certificate."""
        return {"ca_file": str(self.authority), "cert_file": str(self.client), "key_file": str(self.client_key)}

    def server_side(self) -> dict[str, str]:
        """`tls_server_config` of Prometheus's exporter-toolkit: it accepts only clients with our certificate."""
        return {
            "cert_file": str(self.server),
            "key_file": str(self.server_key),
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_ca_file": str(self.authority),
        }

    def ensure(self, password: str) -> bool:
        """As the function `ensure`, for a single holder."""
        return ensure([self], password)

    def _usable(self, password: str) -> bool:
        """Whether every file is there, belongs to the same authority and is valid for long enough."""
        pairs = [(self.server, self.server_key)] * bool(self.serves) + [(self.client, self.client_key)] * self.asks
        try:
            authority = x509.load_pem_x509_certificate(self.authority.read_bytes())
            for path, key_path in pairs:
                certificate = x509.load_pem_x509_certificate(path.read_bytes())
                certificate.verify_directly_issued_by(authority)
                key = load_pem_private_key(key_path.read_bytes(), None)
                if certificate.public_key() != key.public_key() or _expires_soon(certificate):
                    return False
                if path == self.server and certificate.extensions.get_extension_for_class(
                    x509.SubjectAlternativeName
                ).value != _names(self.serves):
                    return False
            if self.serves and self.java:
                stored = pkcs12.load_pkcs12(self.key_store.read_bytes(), password.encode()).cert
                return stored is not None and stored.certificate.public_bytes(Encoding.PEM) == self.server.read_bytes()
        except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        return True


def ensure(holders: Sequence[Certificates], password: str) -> bool:
    """Make the certificates of all `holders` where one is missing or about to expire, or `password` has changed.

    They are made together, because the key of their authority is not kept. `password` is that of the key stores.
    Returns whether they were made.
    """
    usable = all(holder._usable(password) for holder in holders)
    if usable and len({holder.authority.read_bytes() for holder in holders}) == 1:
        return False
    authority = _Authority()
    for holder in holders:
        make_private_folder(holder.folder)
        for path, content in authority.files(holder, password):
            write_private_bytes(path, content)
    return True


class _Authority:
    """A new authority, whose key exists only in this process."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Lakehouse monitoring")
        self._certificate = (
            _builder(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def files(self, holder: Certificates, password: str) -> Iterable[tuple[Path, bytes]]:
        yield holder.authority, self._certificate.public_bytes(Encoding.PEM)
        if holder.serves:
            key, builder = self._certified("server", ExtendedKeyUsageOID.SERVER_AUTH)
            server = builder.add_extension(_names(holder.serves), critical=False).sign(self._key, hashes.SHA256())
            yield holder.server, server.public_bytes(Encoding.PEM)
            yield holder.server_key, _pem(key)
            if holder.java:
                encryption = BestAvailableEncryption(password.encode())
                yield (
                    holder.key_store,
                    pkcs12.serialize_key_and_certificates(ALIAS.encode(), key, server, [self._certificate], encryption),
                )
        if holder.asks:
            key, builder = self._certified("client", ExtendedKeyUsageOID.CLIENT_AUTH)
            yield holder.client, builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
            yield holder.client_key, _pem(key)

    def _certified(
        self, name: str, usage: x509.ObjectIdentifier
    ) -> tuple[ec.EllipticCurvePrivateKey, x509.CertificateBuilder]:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), self._name, key)
        return key, builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)


def _names(serves: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_general_name(name) for name in serves])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _expires_soon(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_after_utc - _now() <= RENEWED_BEFORE


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
