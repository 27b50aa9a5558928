"""The stream's periodic tasks."""

from celery import shared_task

from controlplane.locks import exclusively
from controlplane.streaming.providers import event_topic, stream_engine
from controlplane.streaming.reconciling import batches_forget, stream_reconcile


@shared_task
def reconcile() -> None:
    """Reconcile the stream. Runs every few seconds and after every change of the desired state."""
    with exclusively("streaming.reconcile") as mine:
        if mine:
            stream_reconcile(stream_engine(), event_topic())


@shared_task
def forget() -> None:
    """Delete expired batches."""
    batches_forget()
