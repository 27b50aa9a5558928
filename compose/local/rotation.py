"""`make rotate-secrets`: every secret of the installation is replaced, and no data is lost.

Most parts read their secret when they start. The accounts of PostgreSQL and Kafka are set at every `make up`. Only the
password of PostgreSQL's superuser is changed here. The new secrets are on disk before the first of them is used, so
running the command again completes a rotation that was interrupted.
"""

from __future__ import annotations

import subprocess

from compose.local.checks import stop_everything
from compose.local.credentials import (
    NEXT_SECRETS,
    draw_secrets,
    environment,
    load_secrets,
    read_secrets,
    replace_secrets,
    write_secrets,
)
from compose.local.errors import InstallationError
from compose.local.parts import airflow, postgres
from compose.local.progress import Progress
from compose.local.settings import Settings
from compose.local.startup import UP, Startup
from compose.local.supervision import Supervisor

# The first admin's password belongs to a user and is changed in Settings. Passkeys belong to the host name.
KEPT = ("admin", "own_name")
FERNET = "airflow_fernet"
SECOND_FACTOR = "second_factor"


def rotate(settings: Settings, progress: Progress) -> None:
    """Replace every secret and restart the services that use it.

    Raises `InstallationError` where nothing is installed, or a part does not come back.
    """
    if not (settings.data / "secrets.json").exists():
        raise InstallationError("There are no secrets to rotate.", "Run `make up` first.")
    supervisor = Supervisor(settings)
    running = _running(supervisor)
    old = load_secrets(settings.data)
    new = read_secrets(settings.data, NEXT_SECRETS) or _drawn_again(old)
    write_secrets(settings.data, new, NEXT_SECRETS)
    if "postgres" not in settings.external_parts:
        if "postgres" not in running:
            Startup(settings, progress, ["postgres"], rotating=True).run()
        with progress.step("PostgreSQL's superuser"):
            postgres.change_superuser(settings, old, new)
    replace_secrets(settings.data)
    if running:
        Startup(settings, progress, running).run()
    else:
        # The roles of the databases too, so that only the next start has nothing of this left to do.
        Startup(settings, progress, ["postgres"]).run()
        stop_everything(settings)
    if set(airflow.PROGRAMS) & set(running):
        with progress.step("Encrypted data of Airflow"):
            _encrypt_again(settings, new)


def _running(supervisor: Supervisor) -> list[str]:
    if not supervisor.is_running():
        return []
    return [process.name for process in supervisor.processes() if process.state in UP]


def _drawn_again(old: dict[str, str]) -> dict[str, str]:
    new = draw_secrets()
    # Airflow decrypts with any of its keys and encrypts with the first one.
    new[FERNET] = f"{new[FERNET]},{old[FERNET].split(',')[0]}"
    # With all of its keys of before: what is stored is encrypted again by the next start of the control plane
    # (`manage.py rotate_second_factor_keys`), and a rotation may be repeated before that.
    new[SECOND_FACTOR] = ",".join(filter(None, (new[SECOND_FACTOR], old.get(SECOND_FACTOR))))
    return new | {name: old[name] for name in KEPT}


def _encrypt_again(settings: Settings, drawn: dict[str, str]) -> None:
    log = settings.logs / "airflow-rotate.log"
    with log.open("w") as output:
        done = subprocess.run(
            [str(settings.airflow), "-m", "airflow", "rotate-fernet-key"],
            env=airflow.environment(settings, environment(settings, drawn), drawn) | {"PATH": "/usr/bin:/bin"},
            cwd=settings.data / "airflow",
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise InstallationError("Could not encrypt Airflow's stored connections with the new key.", f"See {log}.")
