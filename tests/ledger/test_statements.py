"""Taking statements: what is asked for is counted once, kept, and said again."""

import json
from dataclasses import replace
from datetime import datetime
from io import StringIO
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.utils import timezone

from controlplane.accounts.models import AuditEntry, User
from controlplane.leases import WorkState, claim
from controlplane.ledger.adapters.null import NullLakeCounter
from controlplane.ledger.models import Statement
from controlplane.ledger.ports import Counted, LakeCounts
from controlplane.ledger.selectors import latest, run_lines
from controlplane.ledger.services import ledger_take, recount_ask, statement_make, under_way
from controlplane.scenarios.models import ScenarioRun
from controlplane.streaming.adapters.null import NullEventTopic
from tests.ledger.books import LAKE, NOW, RUN

pytestmark = pytest.mark.django_db


def test_a_statement_joins_what_was_sent_with_what_is_there(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun
) -> None:
    statement = ledger_take(actor=None)

    assert statement.state == "succeeded"
    assert statement.balanced
    assert statement.taken_at == NOW
    assert statement.document["flow"]["generated"] == 1000
    assert statement.document["flow"]["topic"] == 990
    assert statement.document["flow"]["on_the_way"] == 0
    assert statement.document["quarantine"] == [
        {"reason": "malformed_json", "rows": 20, "of_runs": 20, "injected": 20},
        {"reason": "missing_field", "rows": 5, "of_runs": 5, "injected": 5},
    ]
    assert statement.document["runs"][RUN]["name"] == "First light"
    assert statement.document["runs"][RUN]["flow"]["silver"] == 950
    assert all(line["links"] for line in statement.lines)
    assert (latest().verdict, latest().summary) == ("balanced", "13 of 13 checks balanced.")
    assert {line["key"] for line in run_lines(RUN) or []} >= {"generated", "bronze", "silver", "duplicates"}
    assert run_lines(uuid4()) is None


def test_before_any_count_nothing_is_known() -> None:
    now = latest()

    assert (now.verdict, now.at, now.statement) == ("unknown", None, None)


def test_what_is_off_is_named(counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun) -> None:
    counter.counts = replace(LAKE, unaccounted=Counted(3, {RUN: 3}))
    statement = ledger_take(actor=None)

    assert (statement.verdict, statement.balanced) == ("off", False)
    assert latest().summary == "No unaccounted rows: off by 3."


def test_a_run_that_ends_while_counting_is_still_awaited(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun
) -> None:
    ScenarioRun.objects.update(state=WorkState.RUNNING, acknowledged=500, generated=1000)

    class Counting(NullLakeCounter):
        def count(self, topic_since: datetime | None) -> LakeCounts:
            ScenarioRun.objects.update(state=WorkState.SUCCEEDED, acknowledged=980)
            return super().count(topic_since)

    counter.count = Counting(LAKE).count  # type: ignore[method-assign]
    statement = ledger_take(actor=None)

    assert statement.verdict == "waiting"
    assert {line["holds"] for line in statement.lines if line["key"] in ("generated", "topic")} == {None}


def test_spark_being_down_is_said_and_the_last_statement_stays(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun
) -> None:
    ledger_take(actor=None)
    counter.unreachable = "Spark doesn't answer."
    failed = ledger_take(actor=None)

    assert (failed.state, failed.error, failed.balanced) == ("failed", "Spark doesn't answer.", False)
    assert latest().verdict == "balanced"


def test_kafka_being_down_leaves_the_rest_of_the_lines(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun
) -> None:
    topic.reachable = False
    statement = ledger_take(actor=None)

    judged = {line["key"]: line["holds"] for line in statement.lines}
    assert judged["topic"] is judged["bronze"] is None
    assert judged["silver"] is judged["generated"] is True
    assert statement.verdict == "waiting"


def test_only_an_operator_may_count(counter: NullLakeCounter, topic: NullEventTopic, viewer_user: User) -> None:

    with pytest.raises(PermissionDenied):
        ledger_take(actor=viewer_user)
    with pytest.raises(PermissionDenied):
        recount_ask(actor=viewer_user, request_id=uuid4())
    assert counter.asked == 0
    assert not Statement.objects.exists()
    assert set(AuditEntry.objects.values_list("action", "outcome")) == {("ledger.count", "refused")}


def test_asking_twice_counts_once(counter: NullLakeCounter, operator_user: User) -> None:
    request_id = uuid4()

    first = recount_ask(actor=operator_user, request_id=request_id)
    assert recount_ask(actor=operator_user, request_id=request_id) == first
    assert recount_ask(actor=operator_user, request_id=uuid4()) == first, "one is under way already"
    assert Statement.objects.count() == 1
    assert (first.state, first.requested_by) == ("waiting", operator_user)
    assert AuditEntry.objects.filter(action="ledger.count", outcome="succeeded").count() == 3


def test_a_statement_is_made_once(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun, operator_user: User
) -> None:
    row = recount_ask(actor=operator_user, request_id=uuid4())

    statement_make(row)
    assert statement_make(Statement.objects.get()).state == "succeeded"
    assert counter.asked == 1


def test_a_count_whose_process_died_is_made_again(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun
) -> None:
    claim(Statement.objects.all(), Statement.objects.create().pk)
    Statement.objects.update(heartbeat_at=timezone.now() - Statement.LOST_AFTER)
    row = Statement.objects.get()

    assert under_way() == row
    assert statement_make(row).state == "succeeded"
    assert under_way() is None


def test_a_count_that_runs_elsewhere_is_left_alone(counter: NullLakeCounter, topic: NullEventTopic) -> None:
    row = Statement.objects.create(state=WorkState.RUNNING, started_at=timezone.now())
    assert claim(Statement.objects.all(), row.pk) is not None
    assert statement_make(row).state == "running"
    assert counter.asked == 0


def test_the_command_exits_by_the_balance(counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun) -> None:
    out = StringIO()
    call_command("ledger", json=True, stdout=out)
    said = json.loads(out.getvalue())
    assert said["balanced"] is True
    assert {line["holds"] for line in said["lines"]} == {True}

    counter.counts = replace(LAKE, silver=Counted(949, {RUN: 949}))
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("ledger", stdout=out)
    assert ended.value.code == 1
    assert "MISMATCH" in out.getvalue()

    counter.unreachable = "Spark doesn't answer."
    with pytest.raises(CommandError, match="Spark doesn't answer"):
        call_command("ledger", stdout=StringIO())


def test_the_command_tells_one_run(counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun) -> None:
    out = StringIO()
    call_command("ledger", run=RUN, json=True, stdout=out)

    assert json.loads(out.getvalue())["flow"]["acknowledged"] == 990
    with pytest.raises(CommandError, match="does not contain scenario run"):
        call_command("ledger", run=str(uuid4()), stdout=StringIO())
