"""The database of a backup after `make restore`: what has to be told to it, and what the ledger makes of that."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.core.management import call_command

from controlplane.accounts.models import AuditEntry, UserSession
from controlplane.leases import WorkState
from controlplane.ledger.adapters.null import NullLakeCounter
from controlplane.ledger.ports import Block, Counted, LakeCounts
from controlplane.ledger.services import ledger_take
from controlplane.scenarios.models import ScenarioRun
from controlplane.streaming.adapters.null import NullEventTopic
from controlplane.streaming.models import Stream, StreamState
from controlplane.streaming.selectors import stream_get
from tests.adapters import Adapters
from tests.ledger.books import LAKE, NOW, RUN

pytestmark = pytest.mark.django_db

# Of a topic that was lost bronze has rows, and none of the one that is there now.
EARLIER = replace(LAKE, blocks=())
MADE_AT = "2026-11-29T10:00:00+00:00"


@pytest.fixture
def empty_topic(adapters: Adapters) -> NullEventTopic:
    """Kafka's topic as an installation that was restored finds it."""
    found = NullEventTopic()
    found.ensure(2)
    adapters.use(event_topic=found)
    return found


def _cut_off(run: ScenarioRun) -> ScenarioRun:
    """A run that was sending when the backup was made: 120 acknowledged, as far as it had written down."""
    return ScenarioRun.objects.create(
        version=run.version, seed=2, started_at=NOW, state=WorkState.RUNNING, generated=130, acknowledged=120
    )


def _with_rows_of(other: str, rows: int) -> LakeCounts:
    """The lake with rows of another run, all of them in silver."""
    return replace(
        EARLIER,
        bronze=Counted(990 + rows, {RUN: 990, other: rows}),
        silver=Counted(950 + rows, {RUN: 950, other: rows}),
    )


def test_the_ledger_balances_although_the_topic_is_gone(
    counter: NullLakeCounter, empty_topic: NullEventTopic, run: ScenarioRun
) -> None:
    assert ledger_take(actor=None).balanced, "nobody knows yet that these rows are of another topic"
    counter.counts = EARLIER
    assert not ledger_take(actor=None).balanced
    call_command("restored", "--made-at", MADE_AT, "--new-topic")
    statement = ledger_take(actor=None)
    assert statement.balanced
    lines = {line["key"]: line for line in statement.lines}
    assert lines["topic"]["right"] == {"name": "records on the topic + earlier topics", "value": 990}
    assert statement.document["flow"]["on_the_way"] == 0


def test_records_that_come_in_afterwards_are_counted_beside_the_earlier_ones(
    counter: NullLakeCounter, empty_topic: NullEventTopic, run: ScenarioRun
) -> None:
    counter.counts = EARLIER
    call_command("restored", "--made-at", MADE_AT, "--new-topic")
    for _ in range(7):
        empty_topic.append(0, b"{}")
    statement = ledger_take(actor=None)
    assert statement.document["flow"]["on_the_way"] == 7
    counter.counts = replace(_with_rows_of("", 7), blocks=(Block(0, 0, 7, 7),))
    statement = ledger_take(actor=None)
    assert (statement.balanced, statement.document["flow"]["topic"]) == (True, 997)


def test_records_that_never_came_into_bronze_are_missed(
    counter: NullLakeCounter, empty_topic: NullEventTopic, run: ScenarioRun
) -> None:
    """They were acknowledged, and lost with Kafka: no restore makes that balance."""
    counter.counts = replace(EARLIER, bronze=Counted(980, {RUN: 980}), silver=Counted(940, {RUN: 940}))
    call_command("restored", "--made-at", MADE_AT, "--new-topic")
    lines = {line["key"]: line for line in ledger_take(actor=None).lines}
    assert (lines["topic"]["holds"], lines["topic"]["difference"]) == (False, 10)
    assert (lines["bronze"]["holds"], lines["bronze"]["right"]["value"]) == (True, 980)


def test_a_run_in_progress_ends_and_its_rows_are_from_elsewhere(
    counter: NullLakeCounter, empty_topic: NullEventTopic, run: ScenarioRun
) -> None:
    cut_off = _cut_off(run)
    queued = ScenarioRun.objects.create(version=run.version, seed=3, state=WorkState.WAITING)
    counter.counts = _with_rows_of(str(cut_off.pk), 125)
    call_command("restored", "--made-at", MADE_AT, "--new-topic")
    for row in (cut_off, queued, run):
        row.refresh_from_db()
    assert (cut_off.state, cut_off.acknowledged) == (WorkState.FAILED, 120)
    assert cut_off.message == "In progress when the backup of 2026-11-29 10:00 UTC was created. The rest was not sent."
    assert (queued.state, run.state) == (WorkState.WAITING, WorkState.SUCCEEDED)
    statement = ledger_take(actor=None)
    assert statement.balanced
    assert statement.document["flow"]["from_elsewhere"] == 125
    assert list(statement.document["runs"]) == [RUN]


def test_rows_that_were_taken_in_twice_are_one_record(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun, adapters: Adapters
) -> None:
    twice = {
        "bronze": Counted(1080, {RUN: 1080}),
        "copies": Counted(90, {RUN: 90}),
        "duplicates": Counted(105, {RUN: 105}),
    }
    counter.counts = replace(LAKE, **twice)  # type: ignore[arg-type]
    assert ledger_take(actor=None).balanced
    fresh = NullEventTopic()
    fresh.ensure(2)
    adapters.use(event_topic=fresh)
    call_command("restored", "--made-at", MADE_AT, "--new-topic")
    counter.counts = replace(EARLIER, **twice)  # type: ignore[arg-type]
    assert ledger_take(actor=None).balanced


def test_with_a_kafka_of_its_own_the_topic_is_still_there(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun
) -> None:
    call_command("restored", "--made-at", MADE_AT)
    assert stream_get().topic_since is None
    assert ledger_take(actor=None).balanced


def test_a_second_restore_counts_all_earlier_topics_once(
    counter: NullLakeCounter, empty_topic: NullEventTopic, run: ScenarioRun
) -> None:
    counter.counts = EARLIER
    for _ in range(2):
        call_command("restored", "--made-at", MADE_AT, "--new-topic")
    assert ledger_take(actor=None).balanced


def test_the_stream_begins_with_a_checkpoint_that_was_never_there() -> None:
    stream_get()
    Stream.objects.update(
        desired="running", state=StreamState.RUNNING, checkpoint_number=1, query_id=str(uuid4()), query_run_id="x",
        last_batch_id=41, end_offsets={"0": 15_000}, lag_total=3,
    )  # fmt: skip
    before = int(datetime.now(UTC).timestamp())
    call_command("restored", "--made-at", MADE_AT)
    stream = stream_get()
    assert stream.checkpoint_number >= before
    assert (stream.desired, stream.state, stream.may_reset_checkpoint) == ("running", "stopped", True)
    assert (stream.query_id, stream.query_run_id, stream.last_batch_id) == ("", "", -1)
    assert (stream.end_offsets, stream.lag_total) == ({}, None)


@pytest.mark.usefixtures("admin")
def test_sessions_end_and_the_audit_says_what_was_done(run: ScenarioRun) -> None:
    cut_off = _cut_off(run)
    assert UserSession.objects.count() == 1
    call_command("restored", "--made-at", MADE_AT)
    assert UserSession.objects.count() == 0
    entry = AuditEntry.objects.get(action="installation.restore")
    assert (entry.actor_name, entry.target, entry.outcome) == (
        "make restore", "backup of 2026-11-29T10:00:00+00:00", "succeeded",
    )  # fmt: skip
    assert entry.detail == {"sessions_ended": 1, "runs_ended": [str(cut_off.pk)]}
