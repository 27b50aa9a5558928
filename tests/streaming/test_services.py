"""Asking for things: roles, audit, doubles, bounds."""

import uuid

import pytest
from django.core.exceptions import PermissionDenied

from controlplane.accounts.models import AuditEntry, User
from controlplane.errors import ActionError, InvalidInputError
from controlplane.streaming.models import Stream, StreamConfiguration
from controlplane.streaming.selectors import stream_get
from controlplane.streaming.services import stream_configure, stream_start, stream_stop

pytestmark = pytest.mark.django_db


def test_a_viewer_may_not_start_and_the_refusal_is_kept(viewer_user: User) -> None:
    with pytest.raises(PermissionDenied):
        stream_start(actor=viewer_user)
    assert stream_get().desired == "stopped"
    entry = AuditEntry.objects.get()
    assert (entry.actor_name, entry.action, entry.outcome) == ("viewer", "stream.start", "refused")


def test_a_start_says_who_asked_and_shows_at_once(operator_user: User) -> None:
    stream_start(actor=operator_user)
    stream = stream_get()
    assert (stream.desired, stream.state, stream.asked_by) == ("running", "waiting", "operator")
    assert AuditEntry.objects.get().outcome == "succeeded"


def test_a_request_that_is_sent_twice_is_heeded_once(operator_user: User) -> None:
    request = uuid.uuid4()
    stream_start(actor=operator_user, reset_checkpoint=True, request_id=request)
    stream_start(actor=operator_user, reset_checkpoint=True, request_id=request)
    assert stream_get().checkpoint_number == 1


def test_a_running_stream_is_not_started_anew(operator_user: User) -> None:
    stream_get()
    Stream.objects.update(state="running")
    with pytest.raises(ActionError, match="Stop it before"):
        stream_start(actor=operator_user, reset_checkpoint=True)
    assert stream_get().checkpoint_number == 0


def test_a_stop_is_audited(operator_user: User) -> None:
    stream_stop(actor=operator_user)
    assert AuditEntry.objects.get().action == "stream.stop"


def test_a_configuration_is_a_new_version_and_the_old_one_stays(operator_user: User) -> None:
    first = stream_get().configuration
    second = stream_configure(actor=operator_user, trigger_seconds=10, max_offsets_per_trigger=50_000)
    assert stream_get().configuration == second
    assert second.made_by == "operator"
    first.refresh_from_db()
    assert (first.trigger_seconds, first.max_offsets_per_trigger) == (5, 200_000)
    entry = AuditEntry.objects.get()
    assert (entry.before, entry.after) == (
        {"version": first.version, "trigger_seconds": 5, "max_offsets_per_trigger": 200_000},
        {"version": second.version, "trigger_seconds": 10, "max_offsets_per_trigger": 50_000},
    )


def test_the_same_configuration_makes_no_version(operator_user: User) -> None:
    stream_configure(actor=operator_user, trigger_seconds=5, max_offsets_per_trigger=200_000)
    assert StreamConfiguration.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "seconds", "offsets"),
    [
        ("trigger_seconds", 0, 200_000),
        ("trigger_seconds", 3601, 200_000),
        ("max_offsets_per_trigger", 5, 999),
        ("max_offsets_per_trigger", 5, 50_000_001),
    ],
)
def test_a_value_out_of_bounds_is_named(field: str, seconds: int, offsets: int, operator_user: User) -> None:
    stream_get()
    with pytest.raises(InvalidInputError) as refused:
        stream_configure(actor=operator_user, trigger_seconds=seconds, max_offsets_per_trigger=offsets)
    assert refused.value.message.startswith(f"{field}:")
    assert StreamConfiguration.objects.count() == 1
