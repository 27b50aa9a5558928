"""Deleting what has expired, and mailing reset links."""

from celery import shared_task

from controlplane.accounts.invitations import reset_link_send
from controlplane.accounts.services import purge_expired as purge


@shared_task
def purge_expired() -> None:
    """Delete sessions that have ended, counters whose window is over, and links that ended long ago."""
    purge()


@shared_task
def send_reset_link(person_id: int) -> None:
    """Mail a reset link to a person who has asked for one; `person_id` is 0 for a name that nobody has."""
    reset_link_send(person_id)
