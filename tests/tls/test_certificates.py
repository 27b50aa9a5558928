"""What clients say about a refused certificate is told from other failures."""

import pytest

from spark_jobs.certificates import certificate_problem
from tests.tls.authority import EXPIRED, NAME, UNKNOWN, no_tls, problem, vague_problem


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("SSL error: certificate verify failed", vague_problem(UNKNOWN, "It", "there")),
        ("PKIX path building failed: unable to find valid certification path", vague_problem(UNKNOWN, "It", "there")),
        ("AWS Error NETWORK_CONNECTION: curlCode: 60, SSL peer certificate", vague_problem(UNKNOWN, "It", "there")),
        ('server certificate for "a" does not match host name "b"', problem(NAME, "It", "there")),
        ("Certificate for <b> doesn't match any of the subject alternative names: [a]", problem(NAME, "It", "there")),
        ("java.security.cert.CertificateExpiredException: NotAfter: Sat Nov 28", problem(EXPIRED, "It", "there")),
        ("server does not support SSL, but SSL was required", no_tls("It", "there")),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", no_tls("It", "there")),
        # Nothing of this is about a certificate.
        ("Connection refused", ""),
        ("The schema does not match the table's", ""),
        ("Unable to execute HTTP request: Connection reset", ""),
        ("FATAL: password authentication failed", ""),
    ],
)
def test_the_text_of_a_client(said: str, told: str) -> None:
    assert certificate_problem(said, "It", "there") == told
    wrapped = RuntimeError("no connection")
    wrapped.__cause__ = OSError(said)
    assert certificate_problem(wrapped, "It", "there") == told
