"""A tour that does not hold says which part, and what to look at; that one holds is for tests/system."""

import io

import pytest
from django.core.management import call_command

from controlplane.health import direct
from controlplane.health.adapters.null import NullBroker, NullSupervisor
from controlplane.health.models import PartState
from controlplane.health.reading import Reading
from controlplane.health.services import observation_record
from controlplane.ledger.models import Statement
from controlplane.streaming.models import Stream
from controlplane.streaming.selectors import stream_get
from controlplane.tour import steps as journey
from controlplane.tour.errors import TourError
from controlplane.tour.reporters import ProgressReporter, grouped
from tests.adapters import Adapters

pytestmark = pytest.mark.django_db


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def narrator(out: io.StringIO) -> ProgressReporter:
    return ProgressReporter(out)


def test_parts_that_are_away_end_it_with_their_names_and_a_log(out: io.StringIO, adapters: Adapters) -> None:
    adapters.use(broker=NullBroker(), process_supervisor=NullSupervisor())
    direct.forget()
    for part in journey.NEEDED:
        observation_record(part=part, reading=Reading(PartState.UP, "Answers."))
    observation_record(part="spark", reading=Reading(PartState.DOWN, "Connection refused."))
    with pytest.raises(SystemExit) as ended:
        call_command("tour", wait=0, stdout=out)
    assert ended.value.code == 1
    said = out.getvalue()
    assert "spark: Connection refused." in said
    assert "kafka" not in said
    assert "make logs PART=spark" in said


def test_a_missing_checkpoint_is_left_to_people(narrator: ProgressReporter) -> None:
    stream_get()
    Stream.objects.update(
        desired="running",
        state="waiting",
        problem="checkpoint_missing",
        message="Bronze has 5 rows, but no checkpoint.",
    )
    with pytest.raises(TourError, match="Bronze has 5 rows") as ended:
        journey._stream_runs(narrator, journey._guide())
    assert "page Stream" in ended.value.remedy


def test_the_guide_is_one_operator_who_can_not_sign_in() -> None:
    guide = journey._guide()
    assert journey._guide() == guide
    assert (guide.username, guide.role, guide.has_usable_password()) == ("tour", "operator", False)


def line(title: str, left: int | str | None, right: int | str, holds: bool | None, note: str = "") -> dict[str, object]:
    sides = {"left": {"name": "in bronze", "value": left}, "right": {"name": "on the topic", "value": right}}
    return {"key": "x", "title": title, **sides, "difference": None, "holds": holds, "note": note}


def test_the_ledger_is_printed_whole(narrator: ProgressReporter, out: io.StringIO) -> None:
    lines = [
        line("What is on the topic is in bronze", 61234, 61234, True),
        line("Revenue in EUR", "1598367.10", "1598367.11", False),
        line("Everything has been refined", None, 0, None, "Waiting: the next build."),
    ]
    narrator.ledger(Statement(document={"lines": lines}))
    rows = [" ".join(text.split()) for text in out.getvalue().splitlines()]
    assert "balanced What is on the topic is in bronze 61,234 in bronze 61,234 on the topic" in rows
    assert "MISMATCH Revenue in EUR 1,598,367.10 in bronze 1,598,367.11 on the topic" in rows
    assert "waiting Everything has been refined unknown in bronze 0 on the topic" in rows
    assert "Waiting: the next build." in rows


@pytest.mark.parametrize(
    ("value", "text"), [(None, "unknown"), (0, "0"), (1234567, "1,234,567"), ("26463.60", "26,463.60")]
)
def test_numbers(value: int | str | None, text: str) -> None:
    assert grouped(value) == text


def test_what_does_not_balance_is_named() -> None:
    statement = Statement(state="succeeded", document={"lines": [line("Revenue in EUR", "1", "2", False)]})
    assert "Revenue in EUR" in journey._unbalanced(statement).message
