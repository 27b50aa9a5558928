"""What people ask of the stream. They set what should be; the reconciler makes it so."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import acting
from controlplane.enqueue import nudge
from controlplane.errors import ActionError, InvalidInputError, UnreachableError
from controlplane.streaming.models import Stream, StreamConfiguration, StreamState
from controlplane.streaming.ports import EventTopicError
from controlplane.streaming.providers import event_topic
from controlplane.streaming.selectors import stream_get
from controlplane.streaming.tasks import reconcile

WHY_ANEW = (
    "Without its checkpoint the stream reads the whole topic again: every record that Kafka still keeps comes into "
    "bronze a second time. Silver keeps one row an event, so silver and gold stay right."
)
# What a new checkpoint means where the old one doesn't fit the topic any more: nothing comes in twice.
WHY_NEW_CHECKPOINT = {
    Stream.Problem.CHECKPOINT_MISSING: WHY_ANEW,
    Stream.Problem.TOPIC_REPLACED: "The stream reads the new topic from its first record. Rows in bronze stay.",
    Stream.Problem.OFFSETS_EXPIRED: "The stream continues with the oldest record that each partition still keeps.",
    Stream.Problem.OFFSETS_BEYOND_END: "The stream continues at the end of each partition that was cut off.",
}


def stream_start(*, actor: User, request_id: UUID | None = None, anew: bool = False) -> Stream:
    """Ask for a running stream. Asking twice changes nothing.

    Args:
        request_id: names the request, so that one that is sent twice is heeded once.
        anew: begin with a new checkpoint. It reads the whole topic again (see WHY_ANEW), unless the old checkpoint no
            longer fits the topic (see WHY_NEW_CHECKPOINT).

    Raises:
        PermissionDenied: the actor is no operator.
        ActionError: `anew` while the stream is neither stopped nor failed.
    """
    with acting(actor=actor, action="stream.start", target="stream") as act:
        act.detail["anew"] = anew
        with transaction.atomic():
            stream = _locked()
            if request_id is not None and stream.last_request == request_id:
                act.detail["repeated"] = True
                return stream
            before = _standing(stream)
            if anew:
                if stream.state not in (StreamState.STOPPED, StreamState.FAILED):
                    raise ActionError(f"The stream is {stream.state}.", "Stop it before you start it anew.")
                stream.checkpoint_number += 1
                stream.may_start_anew = True
                stream.query_id, stream.query_run_id, stream.last_batch_id = "", "", -1
            _ask(stream, Stream.Desired.RUNNING, actor, request_id)
        act.changed(before, _standing(stream))
    nudge(reconcile)
    return stream


def stream_stop(*, actor: User, request_id: UUID | None = None) -> Stream:
    """Ask for a stopped stream. Nothing is lost: the next start goes on where this one ends.

    Raises:
        PermissionDenied: the actor is no operator.
    """
    with acting(actor=actor, action="stream.stop", target="stream") as act, transaction.atomic():
        stream = _locked()
        if request_id is not None and stream.last_request == request_id:
            act.detail["repeated"] = True
            return stream
        before = _standing(stream)
        _ask(stream, Stream.Desired.STOPPED, actor, request_id)
        act.changed(before, _standing(stream))
    nudge(reconcile)
    return stream


def stream_restored(*, new_topic: bool) -> None:
    """Have the stream of a restored installation begin with a new checkpoint: a backup has none.

    A checkpoint older than the tables would lose records: Iceberg's sink skips every batch whose number it has seen.

    Args:
        new_topic: Kafka's topic is lost with the installation, so what bronze has is of an earlier one.
    """
    with transaction.atomic():
        stream = _locked()
        # The folder of checkpoints may be one that outlived the installation: this number was never used in it.
        stream.checkpoint_number = int(timezone.now().timestamp())
        stream.may_start_anew = True
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
    """Make a version of the configuration and put it in force; a running stream is restarted with it.

    What is in force already makes no new version.

    Raises:
        PermissionDenied: the actor is no operator.
        InvalidInputError: a value is out of its bounds; the message names the field.
    """
    with acting(actor=actor, action="stream.configure", target="stream") as act, transaction.atomic():
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
            raise InvalidInputError(named, "Change the named field.") from error
        now = stream.configuration
        if _settings(now) == _settings(wanted):
            return now
        wanted.save()
        act.target = f"stream version {wanted.version}"
        stream.configuration = wanted
        stream.save(update_fields=["configuration"])
        act.changed({"version": now.version, **_settings(now)}, {"version": wanted.version, **_settings(wanted)})
    nudge(reconcile)
    return wanted


def topic_ensure() -> bool:
    """Make the event topic with KAFKA_PARTITIONS partitions unless it is there; whether it was made now.

    Raises:
        UnreachableError: no broker answers, or it refuses.
    """
    try:
        return event_topic().ensure(settings.KAFKA_PARTITIONS)
    except EventTopicError as error:
        raise UnreachableError(
            f"Kafka can't give the topic {settings.KAFKA_TOPIC}: {error}", "See whether the part kafka is up."
        ) from error


def _locked() -> Stream:
    stream_get()
    return Stream.objects.select_for_update(of=("self",)).select_related("configuration").get(pk=1)


def _ask(stream: Stream, desired: Stream.Desired, actor: User, request_id: UUID | None) -> None:
    stream.desired = desired
    stream.asked_by, stream.asked_at, stream.last_request = actor.get_username(), timezone.now(), request_id
    # Somebody looks now: what waited for its next attempt is tried at once.
    stream.next_attempt_at, stream.failures = None, 0
    if desired == Stream.Desired.RUNNING and stream.state in (StreamState.STOPPED, StreamState.FAILED):
        stream.state, stream.state_since = StreamState.WAITING, timezone.now()
        stream.problem, stream.message = "", f"Asked for by {actor.get_username()}."
    stream.save()


def _standing(stream: Stream) -> dict[str, Any]:
    """What people decide about the stream, for the audit."""
    return {"desired": str(stream.desired), "state": str(stream.state), "checkpoint": stream.checkpoint_number}


def _settings(configuration: StreamConfiguration) -> dict[str, int]:
    return {
        "trigger_seconds": configuration.trigger_seconds,
        "max_offsets_per_trigger": configuration.max_offsets_per_trigger,
    }
