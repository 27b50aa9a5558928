"""Deleting what has expired."""

from celery import shared_task

from controlplane.accounts.services import purge_expired as purge


@shared_task
def purge_expired() -> None:
    """Delete sessions that have ended and counters whose window is over."""
    purge()
