"""Mutual exclusion across threads, processes and machines, with PostgreSQL's advisory locks."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def exclusively(name: str) -> Iterator[bool]:
    """Hold the lock `name` during the block; yields False at once if it is held elsewhere.

    The lock belongs to the database session, not to a transaction: no write of a page waits for it, and it is released
    when a process dies. The same database connection may acquire it again.
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
