"""The web server ends TLS itself: as `make up` starts it, with the certificate of TLS_CERTIFICATE."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from compose.local.certificate import check_serving
from compose.local.credentials import draw_secrets, environment
from compose.local.errors import InstallationError
from compose.local.parts import Part, controlplane, monitoring
from compose.local.settings import Settings, load
from spark_jobs.tls import ssl_context
from tests.ports import free_port
from tests.tls.authority import EXPIRED, GOOD, NAME, UNKNOWN, Authority
from tests.waiting import wait_for


def _given(authority: Authority, case: str, port: int, host: str = "localhost") -> dict[str, str]:
    return {
        "PUBLIC_URL": f"https://{host}:{port}",
        "WEB_PORT": str(port),
        "TLS_CERTIFICATE": str(authority.folder / f"{case}.crt"),
        "TLS_KEY": str(authority.folder / f"{case}.key"),
        "TLS_CA_FILE": str(authority.file),
    }


def _web(settings: Settings) -> tuple[Part, dict[str, str]]:
    variables = environment(settings, draw_secrets())
    return next(part for part in controlplane.parts(settings, variables) if part.name == "web"), variables


@dataclass(frozen=True)
class Served:
    """The running server and its part."""

    url: str
    part: Part
    settings: Settings
    variables: dict[str, str]


@pytest.fixture(scope="module")
def served(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("web")
    port = free_port()
    settings = load({"LAKEHOUSE_DATA": str(folder), **_given(authority, GOOD, port)})
    part, variables = _web(settings)
    # The sign-in page reads no row, so that a socket where no database is will do.
    own = {**part.environment, "DATABASE_URL": f"postgresql:///x?host={folder}", "STATIC_ROOT": str(folder / "static")}
    environ = {**os.environ, **own}
    collect = [*part.command[:1], "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(collect, cwd=part.directory, env=environ, check=True)
    log = folder / "web.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            part.command, cwd=part.directory, env=environ, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):

        def listens() -> bool:
            assert process.poll() is None, f"The web server ended:\n{log.read_text()[-4000:]}"
            with httpx.Client(verify=ssl_context(variables), trust_env=False) as client:
                return client.get(f"https://localhost:{port}/api/v1/openapi.json", timeout=10).status_code > 0

        try:
            wait_for(listens, "the web server listens", within=60)
            yield Served(f"https://localhost:{port}", part, settings, variables)
        finally:
            process.terminate()


def test_cookies_and_headers_are_those_of_https(served: Served) -> None:
    port = served.settings.port("WEB_PORT")
    with httpx.Client(verify=ssl_context(served.variables), trust_env=False, timeout=30) as client:
        answer = client.get(f"{served.url}/sign-in/")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"__Host-lakehouse_csrf_{port}=")
    assert {"Secure", "Path=/"} <= {part.strip() for part in cookie.split(";")}


def test_it_counts_as_healthy_by_its_certificate(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compose.local.health.TIMEOUT_SECONDS", 30.0)
    assert served.part.healthy(0) == ""
    assert served.part.address == served.url


def test_plain_http_is_refused(served: Served) -> None:
    with httpx.Client(trust_env=False, timeout=30) as client, pytest.raises(httpx.RemoteProtocolError):
        client.get(served.url.replace("https:", "http:"))


def test_a_client_that_does_not_know_the_authority_refuses_it(served: Served) -> None:
    with (
        httpx.Client(verify=ssl_context({}), trust_env=False, timeout=30) as client,
        pytest.raises(httpx.ConnectError, match="certificate verify failed"),
    ):
        client.get(served.url)


def test_prometheus_asks_over_https(served: Served) -> None:
    job = next(job for job in monitoring.scrape_jobs(served.settings, served.variables) if "web" not in job)
    assert (job["job_name"], job["scheme"]) == ("controlplane", "https")
    assert job["tls_config"] == {"ca_file": served.variables["TLS_CA_FILE"], "server_name": "localhost"}


def test_the_start_refuses_what_browsers_would(authority: Authority, tmp_path: Path) -> None:
    def refusal(**instead: str) -> str:
        given = {"LAKEHOUSE_DATA": str(tmp_path), **_given(authority, GOOD, 8000), **instead}
        with pytest.raises(InstallationError) as refused:
            check_serving(load(given, root=tmp_path).given)
        return str(refused.value)

    assert (
        refusal(TLS_KEY="") == "TLS_KEY is not set. TLS_CERTIFICATE and TLS_KEY belong together. Set both, or neither."
    )
    assert refusal(PUBLIC_URL="http://localhost:8000") == (
        "TLS_CERTIFICATE is set, but PUBLIC_URL is 'http://localhost:8000'. Set PUBLIC_URL to the public https "
        "address, with the port of WEB_PORT."
    )
    assert refusal(TLS_CERTIFICATE="/nowhere.crt") == (
        "TLS_CERTIFICATE is /nowhere.crt, which is not a file. Set it to the absolute path of a PEM file."
    )
    assert refusal(**_given(authority, NAME, 8000)) == (
        "The host of PUBLIC_URL is localhost, but the certificate in TLS_CERTIFICATE is for elsewhere.example. Set "
        "PUBLIC_URL to a host name of the certificate, or use a certificate for this host name."
    )
    assert refusal(TLS_KEY=str(authority.folder / f"{UNKNOWN}.key")).startswith(
        "TLS_CERTIFICATE and TLS_KEY do not work together (KEY_VALUES_MISMATCH). Set them to a PEM certificate"
    )
    assert refusal(**_given(authority, EXPIRED, 8000)).endswith(" UTC. Renew the certificate.")
    plain = {"TLS_CERTIFICATE": "", "TLS_KEY": "", "PUBLIC_URL": "", "WEB_LISTEN": "0.0.0.0"}  # noqa: S104
    assert refusal(**plain) == (
        "WEB_LISTEN is 0.0.0.0, but TLS_CERTIFICATE is not set: passwords would be sent unencrypted. Set "
        "TLS_CERTIFICATE and TLS_KEY, or remove WEB_LISTEN and use a proxy with TLS."
    )
    assert refusal(WEB_LISTEN="10.0.0.5") == "WEB_LISTEN is '10.0.0.5'. Set it to 127.0.0.1 or 0.0.0.0."


def test_with_a_certificate_it_may_listen_for_other_machines(authority: Authority, tmp_path: Path) -> None:
    given = _given(authority, GOOD, 8000) | {"WEB_LISTEN": "0.0.0.0"}  # noqa: S104
    check_serving(given)
    part, _ = _web(load({"LAKEHOUSE_DATA": str(tmp_path), **given}, root=tmp_path))
    words = list(part.command)
    assert words[words.index("--host") + 1] == "0.0.0.0"  # noqa: S104
    assert words[words.index("--ssl-certfile") + 1 : words.index("--ssl-certfile") + 4] == [
        given["TLS_CERTIFICATE"],
        "--ssl-keyfile",
        given["TLS_KEY"],
    ]
