"""The stream becomes what it should be, whatever happened to it meanwhile."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.health.models import Observation, PartState
from controlplane.health.reading import Reading
from controlplane.health.services import observation_record
from controlplane.streaming.adapters.null import NullEventTopic, NullStreamEngine
from controlplane.streaming.models import Stream, StreamBatch
from controlplane.streaming.ports import ActiveQuery, StartPreconditions, StartRequest
from controlplane.streaming.reconciling import stream_reconcile
from controlplane.streaming.selectors import stream_get
from controlplane.streaming.services import stream_configure, stream_start, stream_stop

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine() -> NullStreamEngine:
    return NullStreamEngine()


@pytest.fixture
def topic() -> NullEventTopic:
    return NullEventTopic()


@pytest.fixture
def reconciled(engine: NullStreamEngine, topic: NullEventTopic) -> Callable[[], Stream]:
    """Run one pass, and give the row that it leaves."""

    def run() -> Stream:
        stream_reconcile(engine, topic)
        return stream_get()

    return run


@pytest.fixture
def asked(operator_user: User) -> None:
    stream_start(actor=operator_user)


def due_now() -> None:
    Stream.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def test_nothing_starts_that_nobody_asked_for(reconciled: Callable[[], Stream], engine: NullStreamEngine) -> None:
    assert reconciled().state == "stopped"
    assert engine.started == []


@pytest.mark.usefixtures("asked")
def test_a_start_makes_the_topic_and_runs_with_the_configuration(
    reconciled: Callable[[], Stream], engine: NullStreamEngine, topic: NullEventTopic
) -> None:
    stream = reconciled()
    assert (stream.state, stream.problem) == ("running", "")
    assert len(topic.offsets().partitions) == 4
    [order] = engine.started
    assert order.run_id == stream.start_id
    assert order.checkpoint.endswith("/bronze.events")
    assert (order.trigger_seconds, order.max_offsets_per_trigger) == (5, 200_000)
    assert order.configuration == stream.configuration.version


@pytest.mark.usefixtures("asked")
def test_a_second_pass_changes_nothing(reconciled: Callable[[], Stream], engine: NullStreamEngine) -> None:
    before = reconciled()
    after = reconciled()
    assert len(engine.started) == 1
    assert (after.query_run_id, after.start_id, after.state_since) == (
        before.query_run_id,
        before.start_id,
        before.state_since,
    )


@pytest.mark.usefixtures("asked")
def test_batches_are_kept_once_and_idle_reports_only_move_the_lag(
    reconciled: Callable[[], Stream], engine: NullStreamEngine
) -> None:
    reconciled()
    engine.report(0, 500, {"0": 300, "1": 200}, lag=70)
    engine.report(1, 70, {"0": 340, "1": 230})
    engine.report(2, 0, {"0": 340, "1": 230})
    reconciled()
    stream = reconciled()
    assert list(StreamBatch.objects.order_by("batch_id").values_list("batch_id", "input_rows", "lag_total")) == [
        (0, 500, 70),
        (1, 70, 0),
    ]
    assert (stream.last_batch_id, stream.lag_total, stream.end_offsets) == (1, 0, {"0": 340, "1": 230})


@pytest.mark.usefixtures("asked")
def test_after_the_engine_restarted_the_query_is_started_again_with_its_checkpoint(
    reconciled: Callable[[], Stream], engine: NullStreamEngine
) -> None:
    before = reconciled()
    engine.ground = StartPreconditions(bronze_rows=570, checkpoint_found=False)
    engine.restart()
    after = reconciled()
    assert after.state == "running"
    assert after.query_id == before.query_id
    assert after.query_run_id != before.query_run_id
    assert [order.checkpoint for order in engine.started] == [engine.started[0].checkpoint] * 2


@pytest.mark.usefixtures("asked")
def test_an_engine_that_does_not_answer_makes_the_state_unknown_and_no_more(
    reconciled: Callable[[], Stream], engine: NullStreamEngine
) -> None:
    before = reconciled()
    engine.reachable = False
    stream = reconciled()
    assert (stream.state, stream.problem, stream.query_run_id) == ("unknown", "unreachable", before.query_run_id)
    engine.reachable = True
    assert reconciled().state == "running"
    assert len(engine.started) == 1


@pytest.mark.usefixtures("asked")
def test_a_failed_query_says_why_waits_and_is_tried_again_ever_later(
    reconciled: Callable[[], Stream], engine: NullStreamEngine
) -> None:
    reconciled()
    pauses = []
    for failures in (1, 2, 3):
        engine.fail("Offsets were lost.")
        stream = reconciled()
        assert (stream.state, stream.problem, stream.message) == ("failed", "query_failed", "Offsets were lost.")
        assert stream.failures == failures
        assert stream.next_attempt_at is not None
        pauses.append(stream.next_attempt_at - timezone.now())
        assert reconciled().state == "failed"  # not due yet
        due_now()
        assert reconciled().state == "running"
    assert pauses[0] < pauses[1] < pauses[2]


@pytest.mark.usefixtures("asked")
def test_what_is_known_to_be_behind_a_failure_comes_first(
    reconciled: Callable[[], Stream], engine: NullStreamEngine
) -> None:
    reconciled()
    observation_record(part="storage", reading=Reading(PartState.DOWN, "There is no bucket."))
    engine.fail("S3Exception: 404")
    assert reconciled().message == "There is no bucket. S3Exception: 404"
    Observation.objects.update(observed_at=timezone.now() - timedelta(minutes=1))
    due_now()
    reconciled()
    engine.fail("S3Exception: 404")
    assert reconciled().message == "S3Exception: 404", "a look of long ago explains nothing"


@pytest.mark.usefixtures("asked")
def test_a_batch_that_works_ends_the_row_of_failures(
    reconciled: Callable[[], Stream], engine: NullStreamEngine
) -> None:
    reconciled()
    engine.fail("Once.")
    reconciled()
    due_now()
    assert reconciled().failures == 1
    engine.report(0, 5, {"0": 5})
    assert reconciled().failures == 0


@pytest.mark.usefixtures("asked")
def test_a_start_that_is_refused_says_why(reconciled: Callable[[], Stream], engine: NullStreamEngine) -> None:
    engine.refuses = "No such catalogue."
    stream = reconciled()
    assert (stream.state, stream.problem, stream.message) == ("failed", "start_failed", "No such catalogue.")


@pytest.mark.usefixtures("asked")
def test_without_kafka_the_start_waits(
    reconciled: Callable[[], Stream], engine: NullStreamEngine, topic: NullEventTopic
) -> None:
    topic.reachable = False
    stream = reconciled()
    assert (stream.state, stream.problem) == ("waiting", "unreachable")
    assert engine.started == []
    topic.reachable = True
    assert reconciled().state == "running"


def test_rows_without_their_checkpoint_need_a_choice(
    reconciled: Callable[[], Stream], engine: NullStreamEngine, operator_user: User
) -> None:
    engine.ground = StartPreconditions(bronze_rows=1234, checkpoint_found=False)
    stream_start(actor=operator_user)
    stream = reconciled()
    assert (stream.state, stream.problem, stream.bronze_rows) == ("failed", "checkpoint_missing", 1234)
    assert "1,234 rows" in stream.message
    assert engine.started == []

    stream_start(actor=operator_user, reset_checkpoint=True)
    stream = reconciled()
    assert (stream.state, stream.problem, stream.may_reset_checkpoint) == ("running", "", False)
    assert engine.started[0].checkpoint.endswith("/bronze.events-1")


def test_a_stop_ends_the_query_and_the_next_start_goes_on(
    reconciled: Callable[[], Stream], engine: NullStreamEngine, operator_user: User
) -> None:
    stream_start(actor=operator_user)
    before = reconciled()
    stream_stop(actor=operator_user)
    assert reconciled().state == "stopped"
    assert engine.active() is None
    stream_start(actor=operator_user)
    assert reconciled().query_id == before.query_id


def test_a_new_configuration_restarts_the_query(
    reconciled: Callable[[], Stream], engine: NullStreamEngine, operator_user: User
) -> None:
    stream_start(actor=operator_user)
    reconciled()
    stream_configure(actor=operator_user, trigger_seconds=2, max_offsets_per_trigger=5_000)
    stream = reconciled()
    assert stream.state == "running"
    assert [order.trigger_seconds for order in engine.started] == [5, 2]
    assert stream.started_configuration == stream.configuration


@pytest.mark.usefixtures("asked")
def test_a_query_whose_start_was_never_heard_of_is_found_and_kept(
    reconciled: Callable[[], Stream], engine: NullStreamEngine
) -> None:
    reconciled()
    Stream.objects.update(query_id="", query_run_id="", state="waiting")
    stream = reconciled()
    active = engine.active()
    assert active is not None
    assert (stream.state, stream.query_run_id) == ("running", active.ref.run_id)
    assert len(engine.started) == 1


class SlowToStart(NullStreamEngine):
    """Something happens while a query is being started."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def start(self, order: StartRequest) -> ActiveQuery:
        self._meanwhile()
        return super().start(order)


@pytest.mark.usefixtures("asked")
def test_what_people_ask_for_meanwhile_is_not_overwritten(topic: NullEventTopic, admin_user: User) -> None:
    engine = SlowToStart(lambda: stream_stop(actor=admin_user))
    for _ in range(2):
        stream_reconcile(engine, topic)
        assert stream_get().desired == "stopped"
    assert stream_get().state == "stopped"
    assert len(engine.started) == 1
    assert engine.active() is None
