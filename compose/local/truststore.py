"""The authorities that Java trusts, written from `TLS_CA_FILE`.

Java 17 takes no PEM file as its default trust store, and a Java runtime may lack `keytool`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from compose.local.private_files import write_private_bytes
from spark_jobs.tls import own_ca_file

NAME = "truststore.p12"


def write(folder: Path, variables: Mapping[str, str]) -> list[str]:
    """Write `truststore.p12` into `folder`; the options of a JVM that trusts it, none without `TLS_CA_FILE`.

    A trust store holds certificates, which are public, so it has no password.
    """
    path, source = folder / NAME, own_ca_file(variables)
    if not source:
        path.unlink(missing_ok=True)
        return []
    found = x509.load_pem_x509_certificates(Path(source).read_bytes())
    named = [
        pkcs12.PKCS12Certificate(certificate, f"authority {number}".encode())
        for number, certificate in enumerate(found)
    ]
    write_private_bytes(path, pkcs12.serialize_java_truststore(named, NoEncryption()))
    return [f"-Djavax.net.ssl.trustStore={path}", "-Djavax.net.ssl.trustStoreType=PKCS12"]
