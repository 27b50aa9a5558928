"""Which addresses are allowed: TLS with the full check to other hosts, and no credential without it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from compose.local.credentials import environment, load_secrets
from compose.local.errors import InstallationError
from compose.local.settings import ROOT, load
from spark_jobs import tls
from spark_jobs.connection_string import authenticated
from spark_jobs.kafka_client import STREAM, kafka_client
from spark_jobs.object_store import object_store
from spark_jobs.tls import ConnectionSettingError, ca_file, http_url, is_private, own_ca_file, postgres_url, redis_url
from tests.tls.authority import GOOD, Authority

KAFKA = {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512"}


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("lakehouse-abc.localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("", True),
        ("/var/run/postgresql", True),
        ("redis", True),
        ("Kafka-1", True),
        ("10.0.0.5", False),
        ("192.168.1.2", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("redis.example", False),
    ],
)
def test_hosts_that_a_credential_may_go_to_without_tls(host: str, private: bool) -> None:
    assert is_private(host, {"PLAINTEXT_HOSTS": "redis, kafka-1,"}) is private


def test_postgres_on_another_host_is_always_verified(trusted: Authority) -> None:
    verified = f"sslmode=verify-full&sslrootcert={trusted.file}"
    assert postgres_url("DATABASE_URL", "postgresql://u:p%40@db/x") == f"postgresql://u:p%40@db/x?{verified}"
    own = "postgresql://u:p@db/x?sslmode=verify-full&sslrootcert=/own.pem"
    assert postgres_url("DATABASE_URL", own) == own
    for mode in ("disable", "allow", "prefer", "require", "verify-ca"):
        with pytest.raises(ConnectionSettingError) as refused:
            postgres_url("DATABASE_URL", f"postgresql://u:p@db/x?sslmode={mode}")
        assert str(refused.value) == (
            f"DATABASE_URL has sslmode={mode}, which does not verify that the server is db. Set sslmode=verify-full, "
            "or add db to PLAINTEXT_HOSTS if it is reached over a private network only."
        )


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@127.0.0.1:5433/x",
        "postgresql://postgres:@%2Ftmp%2Fpg:5432/postgres",
        "postgresql:///x?host=/var/run/postgresql",
        "postgresql://u:p@db/x?sslmode=require",
    ],
)
def test_postgres_here_and_on_a_private_network_stays_as_it_is(url: str) -> None:
    assert postgres_url("DATABASE_URL", url, {"PLAINTEXT_HOSTS": "db"}) == url


def test_redis_is_verified_or_refused(trusted: Authority) -> None:
    assert redis_url("REDIS_URL", "rediss://:p@r/0") == (
        f"rediss://:p@r/0?ssl_cert_reqs=required&ssl_check_hostname=true&ssl_ca_certs={trusted.file}"
    )
    for name, value in (("ssl_cert_reqs", "none"), ("ssl_cert_reqs", "CERT_OPTIONAL"), ("ssl_check_hostname", "false")):
        with pytest.raises(ConnectionSettingError) as refused:
            redis_url("REDIS_URL", f"rediss://:p@localhost/0?{name}={value}")
        assert str(refused.value) == (
            f"REDIS_URL has {name}={value}, which turns the check of the certificate off. Leave {name} out; "
            "TLS_CA_FILE names the authorities that are trusted."
        )
    assert redis_url("REDIS_URL", "redis://r/0") == "redis://r/0"


def _plain(variable: str, remedy: str) -> str:
    return (
        f"{variable} would send a credential to other.example without encryption. {remedy} If other.example is reached "
        "over a private network only, add it to PLAINTEXT_HOSTS."
    )


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"REDIS_URL": "redis://:p@other.example/0"}, _plain("REDIS_URL", "Begin it with rediss://.")),
        (
            {"KAFKA_BOOTSTRAP_SERVERS": "localhost:9092,other.example:9092", **KAFKA},
            _plain("KAFKA_BOOTSTRAP_SERVERS", "Set KAFKA_SECURITY_PROTOCOL=SASL_SSL."),
        ),
        (
            {"SPARK_REMOTE": "sc://other.example:15002", "SPARK_CONNECT_TOKEN": "t"},
            _plain("SPARK_REMOTE", "Add /;use_ssl=true to it."),
        ),
        (
            {"SPARK_REMOTE": "sc://other.example:15002/;token=t"},
            _plain("SPARK_REMOTE", "Add /;use_ssl=true to it."),
        ),
        (
            {"SPARK_UI_URL": "http://other.example:4040", "SPARK_UI_TOKEN": "t"},
            _plain("SPARK_UI_URL", "Begin it with https://."),
        ),
        (
            {"AIRFLOW_URL": "http://other.example", "AIRFLOW_PASSWORD": "p"},
            _plain("AIRFLOW_URL", "Begin it with https://."),
        ),
        (
            {"S3_ENDPOINT": "http://other.example:9000", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "s"},
            _plain("S3_ENDPOINT", "Begin it with https://."),
        ),
        ({"PUBLIC_URL": "http://other.example:8000"}, _plain("PUBLIC_URL", "Begin it with https://.")),
    ],
)
def test_no_start_sends_a_credential_without_tls(variables: dict[str, str], message: str, tmp_path: Path) -> None:
    """Neither `make up`, before anything runs, nor a program of the control plane that is started by itself."""
    given = {"LAKEHOUSE_DATA": str(tmp_path), **variables}
    with pytest.raises(InstallationError) as refused:
        environment(load(given, root=tmp_path), load_secrets(tmp_path))
    assert str(refused.value) == message
    ended = _manage("check", **variables)
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1] == f"django.core.exceptions.ImproperlyConfigured: {message}"
    private = environment(load({**given, "PLAINTEXT_HOSTS": "other.example"}, root=tmp_path), load_secrets(tmp_path))
    assert {name: private[name] for name in variables} == variables


def test_addresses_without_a_credential_stay_allowed() -> None:
    plain = {"KAFKA_BOOTSTRAP_SERVERS": "other.example:9092"}
    assert kafka_client(STREAM, plain).librdkafka() == {"bootstrap.servers": "other.example:9092"}
    assert authenticated("sc://other.example:15002", "", {}) == "sc://other.example:15002"
    assert http_url("AIRFLOW_URL", "http://other.example", {}, credential=False) == "http://other.example"


def test_each_client_is_told_the_same_authorities(trusted: Authority) -> None:
    told = {
        "TLS_CA_FILE": str(trusted.file),
        "KAFKA_BOOTSTRAP_SERVERS": "other.example:9092",
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    }
    assert kafka_client(STREAM, told).ca == str(trusted.file)
    assert kafka_client(STREAM, told | {"KAFKA_SSL_CA": "/its/own.pem"}).ca == "/its/own.pem"
    assert kafka_client(STREAM, told).spark_options() == {
        "kafka.bootstrap.servers": "other.example:9092",
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "SCRAM-SHA-512",
        "kafka.ssl.truststore.location": str(trusted.file),
        "kafka.ssl.truststore.type": "PEM",
    }
    store = object_store({"S3_ENDPOINT": "https://s3.example", "S3_BUCKET": "b"})
    assert store is not None
    assert store.page_properties()["py-io-impl"] == "spark_jobs.trusted_io.TrustedFileIO"


def test_a_file_that_holds_no_certificates_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    wrong = {
        "ca.pem": "TLS_CA_FILE is 'ca.pem'. Set it to an absolute path.",
        "/nowhere/ca.pem": "TLS_CA_FILE is '/nowhere/ca.pem', which can't be read (No such file or directory). Set it "
        "to a PEM file with the certificates of the trusted authorities.",
    }
    for path, message in wrong.items():
        with pytest.raises(ConnectionSettingError) as refused:
            own_ca_file({"TLS_CA_FILE": path})
        assert str(refused.value) == message
    with pytest.raises(ConnectionSettingError, match=r"which has no certificates that can be read"):
        own_ca_file({"TLS_CA_FILE": str(tmp_path / "empty.pem")})
    given = {"LAKEHOUSE_DATA": str(tmp_path), "TLS_CA_FILE": "/nowhere/ca.pem"}
    with pytest.raises(InstallationError) as stopped:
        environment(load(given, root=tmp_path), load_secrets(tmp_path))
    assert str(stopped.value) == wrong["/nowhere/ca.pem"]


def test_without_the_setting_the_systems_authorities_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path(ca_file({})).read_text().count("BEGIN CERTIFICATE") > 50
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    monkeypatch.setattr(tls, "SYSTEM_BUNDLES", ())
    with pytest.raises(ConnectionSettingError) as refused:
        ca_file({})
    assert str(refused.value) == (
        "This system has no file of certificate authorities. Install the package ca-certificates, or set TLS_CA_FILE."
    )


def _manage(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LAKEHOUSE_DATA")}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**own, "DJANGO_SECRET_KEY": "0123456789" * 6, "SECOND_FACTOR_KEYS": f"{'0' * 43}=", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("ends_tls", ["a proxy", "the web server"])
def test_a_deployment_with_https_passes_djangos_checks(ends_tls: str, authority: Authority) -> None:
    files = {
        "TLS_CERTIFICATE": str(authority.folder / f"{GOOD}.crt"),
        "TLS_KEY": str(authority.folder / f"{GOOD}.key"),
    }
    given = {"TRUSTED_PROXIES": "10.0.0.5"} if ends_tls == "a proxy" else files
    done = _manage("check", "--deploy", "--fail-level", "INFO", PUBLIC_URL="https://lake.example", **given)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "System check identified no issues (3 silenced).\n"


def test_https_needs_somebody_who_ends_tls() -> None:
    done = _manage("check", PUBLIC_URL="https://lake.example")
    assert "TRUSTED_PROXIES and TLS_CERTIFICATE are empty: no user could stay signed in" in done.stderr
    done = _manage("check", PUBLIC_URL="http://127.0.0.1:8000", TLS_CERTIFICATE="/x.pem")
    assert "Set PUBLIC_URL to the public https address." in done.stderr
