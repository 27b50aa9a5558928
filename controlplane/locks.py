"""Doing something in one place at a time, across threads, processes and machines: PostgreSQL's advisory locks."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def exclusively(name: str) -> Iterator[bool]:
    """Hold the lock `name` while the block runs; gives False at once where somebody else holds it.

    The lock belongs to the database session, not to a transaction: nothing that pages write waits for it, and a process
    that dies gives it back. The same database connection may take it again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        (mine,) = cursor.fetchone()
    if not mine:
        yield False
        return
    try:
        yield True
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
