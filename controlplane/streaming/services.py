"""Writes of the stream. They set the desired state; the reconciler applies it."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import audited
from controlplane.enqueue import enqueue_on_commit
from controlplane.errors import ActionError, InvalidInputError, UnreachableError
from controlplane.streaming.models import Stream, StreamConfiguration, StreamState
from controlplane.streaming.ports import EventTopicError
from controlplane.streaming.providers import event_topic
from controlplane.streaming.selectors import stream_get
from controlplane.streaming.tasks import reconcile

REREAD_WARNING = (
    "Without its checkpoint the stream reads the whole topic again: every record that Kafka still retains is written "
    "to bronze a second time. Silver keeps one row per event, so silver and gold stay correct."
)
# The effect of a new checkpoint when the old one does not match the topic: no record is ingested twice.
WHY_NEW_CHECKPOINT = {
    Stream.Problem.CHECKPOINT_MISSING: REREAD_WARNING,
    Stream.Problem.TOPIC_REPLACED: "The stream reads the new topic from its first record. Rows in bronze are kept.",
    Stream.Problem.OFFSETS_EXPIRED: "The stream continues with the oldest retained record of each partition.",
    Stream.Problem.OFFSETS_BEYOND_END: "The stream continues at the end of each truncated partition.",
}


def stream_start(*, actor: User, request_id: UUID | None = None, reset_checkpoint: bool = False) -> Stream:
    """Set the desired state to running. Idempotent.

    Args:
        request_id: the idempotency key of the request.
        reset_checkpoint: start with a new checkpoint. It reads the whole topic again (see REREAD_WARNING), unless the
            old checkpoint no longer matches the topic (see WHY_NEW_CHECKPOINT).

    Raises:
        PermissionDenied: the actor is not an operator.
        ActionError: `reset_checkpoint` is set while the stream is neither stopped nor failed.
    """
    with audited(actor=actor, action="stream.start", target="stream") as act:
        act.detail["reset_checkpoint"] = reset_checkpoint
        with transaction.atomic():
            stream = _locked()
            if request_id is not None and stream.last_request == request_id:
                act.detail["repeated"] = True
                return stream
            before = _standing(stream)
            if reset_checkpoint:
                if stream.state not in (StreamState.STOPPED, StreamState.FAILED):
                    raise ActionError(
                        f"The stream is {stream.state}.", "Stop it before you restart with a new checkpoint."
                    )
                stream.checkpoint_number += 1
                stream.may_reset_checkpoint = True
                stream.query_id, stream.query_run_id, stream.last_batch_id = "", "", -1
            _ask(stream, Stream.Desired.RUNNING, actor, request_id)
        act.changed(before, _standing(stream))
    enqueue_on_commit(reconcile)
    return stream


def stream_stop(*, actor: User, request_id: UUID | None = None) -> Stream:
    """Set the desired state to stopped. No data is lost: the next start continues from the last committed offsets.

    Raises:
        PermissionDenied: the actor is not an operator.
    """
    with audited(actor=actor, action="stream.stop", target="stream") as act, transaction.atomic():
        stream = _locked()
        if request_id is not None and stream.last_request == request_id:
            act.detail["repeated"] = True
            return stream
        before = _standing(stream)
        _ask(stream, Stream.Desired.STOPPED, actor, request_id)
        act.changed(before, _standing(stream))
    enqueue_on_commit(reconcile)
    return stream


def stream_restored(*, new_topic: bool) -> None:
    """Make the stream of a restored installation start with a new checkpoint: a backup contains none.

    A checkpoint older than the tables would lose records: Iceberg's sink skips batch numbers that it has seen.

    Args:
        new_topic: Kafka's topic was lost with the installation, so the rows in bronze belong to an earlier topic.
    """
    with transaction.atomic():
        stream = _locked()
        # The checkpoint folder may have outlived the installation: use a number that was never used in it.
        stream.checkpoint_number = int(timezone.now().timestamp())
        stream.may_reset_checkpoint = True
        stream.query_id, stream.query_run_id, stream.last_batch_id = "", "", -1
        stream.end_offsets, stream.lag_total, stream.last_report_at = {}, None, None
        stream.topic_ends, stream.topic_change, stream.starts = {}, {}, {}
        if new_topic:
            stream.topic_id, stream.topic_since = "", timezone.now()
        stream.state, stream.state_since = StreamState.STOPPED, timezone.now()
        stream.problem, stream.message = "", "Restored from a backup."
        stream.next_attempt_at, stream.failures = None, 0
        stream.save()


def stream_configure(*, actor: User, trigger_seconds: int, max_offsets_per_trigger: int) -> StreamConfiguration:
    """Create a configuration version and apply it; a running stream is restarted.

    Values equal to the active version create no new version.

    Raises:
        PermissionDenied: the actor is not an operator.
        InvalidInputError: a value is out of its bounds; the message names the field.
    """
    with audited(actor=actor, action="stream.configure", target="stream") as act, transaction.atomic():
        stream = _locked()
        wanted = StreamConfiguration(
            trigger_seconds=trigger_seconds,
            max_offsets_per_trigger=max_offsets_per_trigger,
            made_by=actor.get_username(),
        )
        try:
            wanted.clean_fields(exclude=["version"])
        except ValidationError as error:
            named = "; ".join(f"{field}: {' '.join(said)}" for field, said in error.message_dict.items())
            raise InvalidInputError(named, "Correct the named field.") from error
        now = stream.configuration
        if _settings(now) == _settings(wanted):
            return now
        wanted.save()
        act.target = f"stream version {wanted.version}"
        stream.configuration = wanted
        stream.save(update_fields=["configuration"])
        act.changed({"version": now.version, **_settings(now)}, {"version": wanted.version, **_settings(wanted)})
    enqueue_on_commit(reconcile)
    return wanted


def topic_ensure() -> bool:
    """Create the event topic with KAFKA_PARTITIONS partitions unless it exists. Returns whether it was created.

    Raises:
        UnreachableError: no broker responds, or it rejects the request.
    """
    try:
        return event_topic().ensure(settings.KAFKA_PARTITIONS)
    except EventTopicError as error:
        raise UnreachableError(
            f"Topic {settings.KAFKA_TOPIC} is unavailable: {error}", "Check the status of Kafka on the Overview page."
        ) from error


def _locked() -> Stream:
    stream_get()
    return Stream.objects.select_for_update(of=("self",)).select_related("configuration").get(pk=1)


def _ask(stream: Stream, desired: Stream.Desired, actor: User, request_id: UUID | None) -> None:
    stream.desired = desired
    stream.asked_by, stream.asked_at, stream.last_request = actor.get_username(), timezone.now(), request_id
    # A user requested this: retry at once instead of waiting for the next attempt.
    stream.next_attempt_at, stream.failures = None, 0
    if desired == Stream.Desired.RUNNING and stream.state in (StreamState.STOPPED, StreamState.FAILED):
        stream.state, stream.state_since = StreamState.WAITING, timezone.now()
        stream.problem, stream.message = "", f"Requested by {actor.get_username()}."
    stream.save()


def _standing(stream: Stream) -> dict[str, Any]:
    """The state that the audit records of the stream."""
    return {"desired": str(stream.desired), "state": str(stream.state), "checkpoint": stream.checkpoint_number}


def _settings(configuration: StreamConfiguration) -> dict[str, int]:
    return {
        "trigger_seconds": configuration.trigger_seconds,
        "max_offsets_per_trigger": configuration.max_offsets_per_trigger,
    }
