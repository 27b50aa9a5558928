"""The three databases as `pg_dump` archives, all of nearly one moment, by the programs of PostgreSQL's wheel."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from compose.local.credentials import CATALOG, database_url
from compose.local.errors import InstallationError
from compose.local.parts import postgres
from compose.local.settings import Settings

if TYPE_CHECKING:
    import psycopg

# The Iceberg catalog last: it then has the commits of every run that has finished in the control plane. The control
# plane finds later commits in the catalog itself, as after any crash.
ORDER = ("controlplane", "airflow", CATALOG)
NEVER_ENDING = "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0"


@dataclass(frozen=True)
class Snapshot:
    """A database as of one moment: the address, the snapshot's name, and the transaction that keeps it."""

    address: str
    name: str
    transaction: psycopg.Connection[tuple[Any, ...]]


@contextmanager
def snapshots(settings: Settings, drawn: Mapping[str, str]) -> Iterator[dict[str, Snapshot]]:
    """A snapshot of each database, taken one right after another in `ORDER` and kept for the block."""
    import psycopg

    with ExitStack() as kept:
        taken = {}
        for database in ORDER:
            address = database_url(settings, drawn, database)
            try:
                connection = kept.enter_context(psycopg.connect(address, connect_timeout=10, options=NEVER_ENDING))
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            except psycopg.Error as error:
                raise InstallationError(
                    f"Cannot read the database {database}: {str(error).strip().splitlines()[0]}.",
                    "Run `make up` once to create all databases.",
                ) from error
            assert row is not None, "the function gives one row"
            taken[database] = Snapshot(address, str(row[0]), connection)
        yield taken


def dump(settings: Settings, snapshot: Snapshot, target: Path) -> None:
    """Write the database as of its snapshot to `target`. Owners and rights are left out: a restore has its own."""
    options = ("--format=custom", "--no-owner", "--no-acl", f"--snapshot={snapshot.name}", f"--file={target}")
    _run(settings, "pg_dump", *options, address=snapshot.address)


def check(settings: Settings, file: Path) -> None:
    """Raise `InstallationError` where `pg_restore` can't read the dump's table of contents."""
    _run(settings, "pg_restore", "--list", str(file), address="")


def restore(settings: Settings, address: str, file: Path) -> None:
    """Fill the empty database at `address` as its own role, all or nothing.

    Raises `InstallationError` where it isn't empty: the statements of an archive meet nothing that they could change,
    and run without the rights of a superuser.
    """
    import psycopg

    name = urlsplit(address).path.lstrip("/")
    with psycopg.connect(address, connect_timeout=10) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    if row != (0,):
        raise InstallationError(f"The database {name} is not empty.", "Restore into databases without tables.")
    options = ("--no-owner", "--no-acl", "--exit-on-error", "--single-transaction")
    _run(settings, "pg_restore", *options, str(file), address=address)


def _run(settings: Settings, program: str, *arguments: str, address: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if address:
        # The password is not an argument: arguments are visible in the list of processes.
        parts = urlsplit(address)
        user, _, host = parts.netloc.rpartition("@")
        user = f"{user.split(':')[0]}@" if user else ""
        arguments = (f"--dbname={urlunsplit(parts._replace(netloc=user + host))}", *arguments)
        environment |= {"PGPASSWORD": unquote(parts.password or ""), "PGOPTIONS": NEVER_ENDING}
    command = [str(postgres.binaries(settings.data) / program), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        problem = next((line for line in done.stderr.splitlines() if "error" in line.lower()), "no output")
        raise InstallationError(f"{program} failed: {problem}.")
