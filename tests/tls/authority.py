"""A certificate authority of the tests, and the certificates that a server shows in each case."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

# The server's certificate is right; signed by somebody else; for another host; no longer valid.
GOOD, UNKNOWN, NAME, EXPIRED = "good", "unknown", "name", "expired"
REFUSED = (UNKNOWN, NAME, EXPIRED)


@dataclass(frozen=True)
class Authority:
    """The folder holds `ca.pem` and a file for each case, with the key (PKCS #8) and the chain."""

    folder: Path

    @classmethod
    def made_in(cls, folder: Path) -> "Authority":
        """Draw an authority and a certificate for each case."""
        trusted, unknown = trustme.CA(), trustme.CA()
        trusted.cert_pem.write_to_path(str(folder / "ca.pem"))
        yesterday = datetime.now(UTC) - timedelta(days=1)
        leaves = {
            GOOD: trusted.issue_cert("localhost", "127.0.0.1"),
            UNKNOWN: unknown.issue_cert("localhost", "127.0.0.1"),
            NAME: trusted.issue_cert("elsewhere.example"),
            EXPIRED: trusted.issue_cert(
                "localhost", "127.0.0.1", not_before=yesterday - timedelta(days=30), not_after=yesterday
            ),
        }
        for case, leaf in leaves.items():
            key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
            (folder / f"{case}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            (folder / f"{case}.crt").write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
            both = (folder / f"{case}.key").read_bytes() + (folder / f"{case}.crt").read_bytes()
            (folder / f"{case}.pem").write_bytes(both)
        return cls(folder)

    @property
    def file(self) -> Path:
        """What TLS_CA_FILE names."""
        return self.folder / "ca.pem"

    def certificate(self, case: str) -> Path:
        """The key and the chain of a server, in one file."""
        return self.folder / f"{case}.pem"

    def context(self, case: str, protocols: Sequence[str] = ()) -> ssl.SSLContext:
        """What a server of this case serves with; `protocols` are those of ALPN."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate(case))
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context


def problem(case: str, service: str, address: str) -> str:
    """What a person reads about the certificate of this case."""
    whose = f"The certificate of {service} at {address}"
    return {
        UNKNOWN: f"{whose} is not signed by a trusted authority. Set TLS_CA_FILE to a PEM file with the certificate of "
        "the authority that signed it.",
        NAME: f"{whose} was issued for another host name. Use a name that the certificate lists in the address, or "
        "have one issued for this name.",
        EXPIRED: f"{whose} has expired or is not valid yet. Renew it on the server, or correct this machine's clock.",
    }[case]


def vague_problem(case: str, service: str, address: str) -> str:
    """The same from a client that does not tell an unknown authority from an expired certificate."""
    if case == NAME:
        return problem(case, service, address)
    return (
        f"The certificate of {service} at {address} could not be verified: its authority is not trusted, or it has "
        "expired. Set TLS_CA_FILE to a PEM file with the certificate of the authority that signed it."
    )


def no_tls(service: str, address: str) -> str:
    """What a person reads when TLS is configured and the server has none."""
    return f"{service} at {address} does not use TLS. Enable TLS on the server, or correct the address."
