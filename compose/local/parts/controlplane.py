"""The control plane itself: the web server, the Celery workers and their clock."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from compose.local import health
from compose.local.credentials import monitoring_certificates
from compose.local.errors import InstallationError
from compose.local.install import browser
from compose.local.parts import Part
from compose.local.settings import SINGLE_SIGN_ON, Settings

WEB, WORKER, GENERATOR, BEAT = PROGRAMS = ("web", "worker", "generator", "beat")
# The variables with a credential, and the programs that use each. All other variables are addresses and limits.
CREDENTIALS: Mapping[str, tuple[str, ...]] = {
    "DATABASE_URL": PROGRAMS,
    "REDIS_URL": PROGRAMS,
    "DJANGO_SECRET_KEY": (WEB,),
    "SECOND_FACTOR_KEYS": (WEB,),
    "METRICS_TOKEN": (WEB,),
    "AIRFLOW_PASSWORD": (WEB, WORKER),
    "SPARK_CONNECT_TOKEN": (WEB, WORKER),
    "SPARK_UI_TOKEN": (WEB,),
    "SPARK_AUTHENTICATE_SECRET": (),
    "ICEBERG_CATALOG_URI": (WEB, WORKER),
    "S3_ACCESS_KEY": (WEB, WORKER),
    "S3_SECRET_KEY": (WEB, WORKER),
    # One account for all programs, on an external Kafka.
    "KAFKA_PASSWORD": (WEB, WORKER, GENERATOR),
    "KAFKA_GENERATOR_PASSWORD": (GENERATOR,),
    "KAFKA_STREAM_PASSWORD": (),
    # The first run creates the topic.
    "KAFKA_CONTROLPLANE_PASSWORD": (WEB, WORKER, GENERATOR),
    "EMAIL_URL": (WEB, WORKER),
    "OIDC_CLIENT_SECRET": (WEB,),
}


def parts(settings: Settings, variables: Mapping[str, str]) -> list[Part]:
    """The web application and everything that works for it in the background."""
    port = settings.port("WEB_PORT")
    encrypted = bool(variables["TLS_CERTIFICATE"])
    here, public = f"http{'s' * encrypted}://127.0.0.1:{port}", urlsplit(variables["PUBLIC_URL"])
    beat_file = settings.data / "controlplane" / "beat"
    celery = ("-m", "celery", "-A", "controlplane.celery")
    quiet = ("--without-mingle", "--without-gossip", "--loglevel", "INFO")

    def program(name: str, title: str, arguments: tuple[str, ...], healthy: Callable[[float], str]) -> Part:
        return Part(
            name=name,
            title=title,
            command=(str(settings.python), *arguments),
            directory=settings.root,
            environment=environment(settings, variables, name),
            healthy=healthy,
            address=(variables["PUBLIC_URL"] if encrypted else here) if name == "web" else "",
            ports={"WEB_PORT": port} if name == "web" else {},
            reads=(
                *(settings.root / name for name in ("controlplane", "spark_jobs", "locks/controlplane.txt")),
                # It shows Prometheus's pages, and reads the certificates for that once.
                *([monitoring_certificates(settings.data).key_store] if name == "web" and settings.monitoring else []),
                # A renewed certificate is served after the next `make up`.
                *(Path(variables[one]) for one in ("TLS_CERTIFICATE", "TLS_KEY") if name == "web" and encrypted),
            ),
            # Celery's warm shutdown waits for running tasks; all of ours can be run again.
            stop_group=name == "web",
            stop_seconds=10,
        )

    return [
        program(
            "web",
            "Web application",
            (
                *("-m", "uvicorn", "controlplane.asgi:application", "--port", str(port)),
                *("--host", variables["WEB_LISTEN"]),
                *(
                    ("--ssl-certfile", variables["TLS_CERTIFICATE"], "--ssl-keyfile", variables["TLS_KEY"])
                    if encrypted
                    else ()
                ),
                # httptools, the default, keeps a request's headers in memory however many come. h11 has a limit.
                *("--http", "h11", "--h11-max-incomplete-event-size", str(2**16)),
                # Live pages hold a connection open for as long as they are looked at.
                # The gateway passes on no larger message of a browser, and tables on loopback are not worth packing.
                *("--ws-max-size", str(2**20), "--ws-per-message-deflate", "false"),
                *("--timeout-graceful-shutdown", "3", "--no-server-header", "--no-access-log"),
                # uvicorn itself would believe any program on this machine: TRUSTED_PROXIES says who is believed.
                "--no-proxy-headers",
            ),
            # Under any other name than people's, pages are elsewhere.
            lambda _: health.answers(
                f"{here}/sign-in/", host=public.netloc, certificate_of=public.hostname or "", trusted=variables
            ),
        ),
        program(
            "worker",
            "Celery worker",
            (*celery, "worker", "-Q", "control", "-P", "threads", "-c", "8", "-n", "worker@%h", *quiet),
            lambda _: health.celery(variables["REDIS_URL"], "worker"),
        ),
        program(
            "generator",
            "Celery worker of the generator",
            (
                *(*celery, "worker", "-Q", "generator", "-P", "prefork", "-n", "generator@%h", *quiet),
                # Takes seconds to load, so it is loaded before the first run asks for it; the children share it.
                *("-I", "controlplane.scenarios.generator.librdkafka"),
                # As many as the pages say.
                *("-c", variables["RUNS_AT_ONCE"]),
            ),
            lambda _: health.celery(variables["REDIS_URL"], "generator"),
        ),
        program(
            "beat",
            "Celery beat",
            (*celery, "beat", "--schedule", str(beat_file), "--pidfile", "", "--loglevel", "INFO"),
            lambda started: health.settled(started),
        ),
    ]


def credentials_of(program: str) -> tuple[str, ...]:
    """The variables with a credential that `program` uses."""
    return tuple(name for name, programs in CREDENTIALS.items() if program in programs)


def environment(settings: Settings, variables: Mapping[str, str], program: str = WEB) -> dict[str, str]:
    """What a program of the control plane gets, or a management command, which gets the same as the web server.

    A credential that it does not use is empty, because one that is not set is read from the installation's file.
    """
    used = credentials_of(program)
    unused = [name for name in CREDENTIALS if name not in used]
    if "OIDC_CLIENT_SECRET" in unused:
        # Without the secret, the other ones would be half of a configuration.
        unused += SINGLE_SIGN_ON
    return {
        **variables,
        **dict.fromkeys(unused, ""),
        # The other programs sign and encrypt nothing: without this, the settings require the keys.
        **({} if "DJANGO_SECRET_KEY" in used else {"DJANGO_WITHOUT_SECRETS": "1"}),
        "DJANGO_SETTINGS_MODULE": "controlplane.settings",
        # Spark's clients here never start a JVM, but pyspark looks at both.
        "PYSPARK_PYTHON": str(settings.python),
        "GX_ANALYTICS_ENABLED": "False",
    }


def manage(settings: Settings, variables: Mapping[str, str], *arguments: str) -> None:
    """Run a management command whose output goes to `logs/manage.log`; raises `InstallationError` when it fails."""
    log = settings.logs / "manage.log"
    with log.open("a") as output:
        done = subprocess.run(
            [str(settings.python), "manage.py", *arguments],
            cwd=settings.root,
            env={**os.environ, **environment(settings, variables)},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
        raise InstallationError(f"manage.py {arguments[0]} failed: {last[0]}.", f"See {log}.")


def prepare(settings: Settings) -> None:
    """Make the folder of beat's schedule and of stamps."""
    (settings.data / "controlplane").mkdir(mode=0o700, exist_ok=True)


def migrate(settings: Settings, variables: Mapping[str, str]) -> None:
    """Bring the database to the code's version, and see to it that the first admin is there."""
    manage(settings, variables, "set_up")


def collect_static(settings: Settings, variables: Mapping[str, str]) -> None:
    """Put the browser's files where the web server serves them from, when one of them has changed."""
    stamp = settings.data / "controlplane" / "static.stamp"
    state = browser.static_state(settings.root, variables)
    if not stamp.exists() or stamp.read_text() != state:
        manage(settings, variables, "collectstatic", "--no-input", "--clear", "--verbosity", "0")
        stamp.write_text(state)
