"""The programs of the project, one per container, with the same command and environment as with `make up`."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
from dotenv import dotenv_values

from compose.containers import installation
from compose.containers.waiting import wait_until
from compose.local.certificate import check_serving
from compose.local.errors import InstallationError
from compose.local.parts import Part, airflow, bi, controlplane, spark
from compose.local.settings import PASSED_ON, ROOT, Settings

NAMES = ("spark", "bi", *airflow.PROGRAMS, *controlplane.PROGRAMS)
FIRST_PROCESS = 1
# A user waits for the tour. After this time it waits for the services itself, equally long.
TOUR_WAITS_SECONDS = 600.0


def run(name: str) -> None:
    """Prepare the program, wait for its dependencies, and replace this process with it."""
    settings = _settings_in_time()
    variables = installation.variables(settings)
    part = part_of(name, settings, variables)
    _prepare(name, settings, variables)
    # The programs read their secrets from the file in their data folder: their environment need not show them too.
    secret = dotenv_values(settings.data / "environment")
    own = {key: value for key, value in part.environment.items() if key not in secret}
    # The part decides which variables of compose.yaml reach the program: Spark would apply SPARK_REMOTE to itself.
    kept = {key: value for key, value in os.environ.items() if key not in PASSED_ON}
    part.directory.mkdir(exist_ok=True)
    os.chdir(part.directory)
    print(f"Starting {part.title}.", flush=True)
    os.execve(part.command[0], part.command, {**kept, **own})


def missing(name: str) -> str:
    """ "" if the program of this container is healthy, otherwise what is missing."""
    settings = installation.settings()
    part = part_of(name, settings, installation.variables(settings))
    return part.healthy(psutil.Process(FIRST_PROCESS).create_time())


def tour() -> int:
    """Run the tour when the control plane is ready, then print where to sign in.

    Raises `InstallationError` when the first start or the setting up does not come to its end.
    """
    settings = _settings_in_time(TOUR_WAITS_SECONDS)
    _wait_for_tables(installation.variables(settings), TOUR_WAITS_SECONDS)
    command = [str(settings.python), "manage.py", "tour"]
    code = os.spawnve(os.P_WAIT, command[0], command, dict(os.environ))
    # Imported here, because a health check needs neither.
    from compose.local import report
    from compose.local.progress import console

    report.show_sign_in(settings, console())
    return code


def _settings_in_time(within: float = math.inf) -> Settings:
    def absent() -> str:
        try:
            installation.settings()
        except InstallationError as problem:
            return problem.message
        return ""

    wait_until(absent, "the secrets of this container", within=within)
    return installation.settings()


def part_of(name: str, settings: Settings, variables: Mapping[str, str]) -> Part:
    """The part `name`, as this container runs it."""
    drawn = installation.secrets(settings.data)
    parts: list[Part] = []
    if name == "spark":
        parts = [spark.part(settings, variables)]
    elif name == "bi":
        parts = [bi.part(settings, variables)]
    elif name in airflow.PROGRAMS:
        parts = airflow.parts(settings, variables, drawn)
    elif name in controlplane.PROGRAMS:
        parts = controlplane.parts(settings, variables)
    return next(part for part in parts if part.name == name)


def _prepare(name: str, settings: Settings, variables: Mapping[str, str]) -> None:
    if name == "spark":
        spark.prepare(settings, variables, installation.secrets(settings.data))
    elif name == "bi":
        bi.prepare(variables)
    elif name in airflow.PROGRAMS:
        wait_until(lambda: _lacks(variables["DATABASE_URL"], "alembic_version", "version_num"), "Airflow's database")
    elif name in controlplane.PROGRAMS:
        check_serving(settings.given)
        controlplane.prepare(settings)
        _wait_for_tables(variables)


def _wait_for_tables(variables: Mapping[str, str], within: float = math.inf) -> None:
    wait_until(lambda: _unapplied(variables["DATABASE_URL"]), "the control plane's tables", within=within)


def _unapplied(address: str) -> str:
    """Whether the service `setup` has applied all migrations of this image."""
    known = {(path.parts[-3], path.stem) for path in Path(ROOT).glob("controlplane/*/migrations/[0-9]*.py")}
    applied: set[tuple[str, str]] = set()
    absent = _lacks(address, "django_migrations", "app, name", lambda rows: applied.update(rows))
    return absent or (f"{len(known - applied)} migrations not applied" if known - applied else "")


def _lacks(
    address: str, table: str, columns: str, take: Callable[[list[tuple[str, str]]], None] = lambda rows: None
) -> str:
    """ "" when the table has rows (whose columns `take` gets), else why not.

    Its existence is checked first: a query for a missing table would be an error in the server's log.
    """
    import psycopg
    from psycopg import sql

    try:
        with psycopg.connect(address, connect_timeout=3) as connection:
            (there,) = connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() or (None,)
            if there is None:
                return f"table {table} does not exist yet"
            names = sql.SQL(", ").join(sql.Identifier(name) for name in columns.split(", "))
            query = sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier(table))
            rows = connection.execute(query).fetchall()
    except psycopg.Error as error:
        return str(error).strip().splitlines()[0]
    take(rows)
    return "" if rows else "no rows yet"
