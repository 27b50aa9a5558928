"""What counts as known of a part, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from controlplane.health import direct
from controlplane.health.adapters.null import NullBroker, NullSupervisor
from controlplane.health.models import Measurement, Observation, PartState
from controlplane.health.parts import PARTS
from controlplane.health.ports import Process
from controlplane.health.reading import Reading
from controlplane.health.selectors import measured, overall, part, parts, rate, rate_series, series
from controlplane.health.services import observation_record
from tests.adapters import Adapters
from tests.labels import Health

pytestmark = pytest.mark.django_db
OLD = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def broker(adapters: Adapters) -> NullBroker:
    broker = NullBroker()
    supervise(adapters)
    adapters.use(broker=broker)
    return broker


def supervise(adapters: Adapters, *processes: Process, problem: str = "") -> None:
    supervisor = NullSupervisor(*processes, problem=problem)
    adapters.use(process_supervisor=supervisor)
    direct.forget()


def all_up() -> None:
    for known in PARTS:
        observation_record(part=known.name, reading=Reading(PartState.UP, "Answers."))


def aged(name: str) -> datetime:
    then = timezone.now() - OLD
    Observation.objects.filter(part=name).update(observed_at=then)
    return then


def process(name: str, *, started: datetime | None, stopped: datetime | None, running: bool = True) -> Process:
    return Process(name, running, not running, started, stopped, -9, "")


def test_what_was_just_seen_is_so() -> None:
    all_up()
    assert {one.state for one in parts()} == {PartState.UP}
    assert overall(parts()) == PartState.UP


def test_what_was_never_seen_is_unknown() -> None:
    all_up()
    Observation.objects.filter(part="kafka").delete()
    now = part("kafka")
    assert (now.state, now.summary, now.since) == (PartState.UNKNOWN, Health.NOT_CHECKED, None)


def test_an_old_look_is_unknown_since_then() -> None:
    all_up()
    then = aged("kafka")
    now = part("kafka")
    assert (now.state, now.since, now.summary) == (PartState.UNKNOWN, then, Health.NOT_CHECKED_SINCE)


@pytest.mark.parametrize("name", ["worker", "generator", "beat"])
def test_no_sign_of_life_is_down(name: str) -> None:
    all_up()
    then = aged(name)
    now = part(name)
    assert (now.state, now.since) == (PartState.DOWN, then)


def test_a_dead_worker_is_why_nothing_else_is_known() -> None:
    all_up()
    for name in ("worker", "kafka", "spark"):
        aged(name)
    assert part("kafka").summary == f"{Health.NOT_CHECKED_SINCE} {Health.CHECKS_STOPPED.format('Worker')}"
    assert overall(parts()) == PartState.DOWN


def test_redis_is_asked_itself_and_is_why_nothing_else_is_known(broker: NullBroker) -> None:
    all_up()
    broker.problem = "refused"
    direct.forget()
    for name in ("worker", "kafka"):
        aged(name)
    redis = part("redis")
    assert redis.state == PartState.DOWN
    assert redis.since is not None
    assert timezone.now() - redis.since < timedelta(seconds=5)
    # The worker may well live; it can't be heard.
    assert [part(name).state for name in ("worker", "kafka")] == [PartState.UNKNOWN] * 2
    assert Health.CHECKS_STOPPED.format("Redis") in part("kafka").summary


def test_a_program_that_is_not_there_is_down_before_any_look_says_so(adapters: Adapters) -> None:
    all_up()
    stopped = timezone.now()
    supervise(adapters, process("kafka", started=stopped - OLD, stopped=stopped, running=False))
    now = part("kafka")
    assert (now.state, now.since, now.summary) == (PartState.DOWN, stopped, f"It {Health.STARTING}")


def test_a_program_that_was_started_again_has_to_answer_first(adapters: Adapters) -> None:
    all_up()
    stopped = timezone.now() + timedelta(seconds=1)
    supervise(adapters, process("worker", started=stopped, stopped=stopped))
    assert (part("worker").state, part("worker").since) == (PartState.DOWN, stopped)
    Observation.objects.filter(part="worker").update(observed_at=stopped + timedelta(seconds=1))
    assert part("worker").state == PartState.UP


def test_one_of_airflows_programs_is_a_part_of_it(adapters: Adapters) -> None:
    all_up()
    stopped = timezone.now()
    supervise(adapters, process("airflow-scheduler", started=None, stopped=stopped, running=False))
    now = part("airflow")
    assert (now.state, now.summary) == (PartState.DEGRADED, f"airflow-scheduler {Health.STARTING}")


def test_a_supervisor_that_says_nothing_changes_nothing(adapters: Adapters) -> None:
    all_up()
    supervise(adapters, problem="gone")
    assert overall(parts()) == PartState.UP


def test_since_when_moves_only_with_the_state() -> None:
    first = observation_record(part="kafka", reading=Reading(PartState.UP, "1"))
    second = observation_record(part="kafka", reading=Reading(PartState.UP, "2"))
    third = observation_record(part="kafka", reading=Reading(PartState.DOWN, "3"))
    assert first.changed_at == second.changed_at < third.changed_at == third.observed_at


def measure(name: str, *points: tuple[float, float]) -> None:
    now = timezone.now()
    Measurement.objects.bulk_create(
        Measurement(name=name, at=now - timedelta(seconds=ago), value=value) for ago, value in points
    )


def test_a_rate_is_growth_over_the_span_that_was_asked_for() -> None:
    measure("a", (100, 0), (35, 1000), (30.1, 2000), (15, 2600), (0.1, 3500))
    assert rate("a", 30) == pytest.approx(50, rel=0.01)


@pytest.mark.parametrize(
    "points", [[], [(1.0, 5.0)], [(90.0, 1.0), (60.0, 100.0)]], ids=["nothing", "one look", "old looks"]
)
def test_a_rate_that_is_not_known_is_none(points: list[tuple[float, float]]) -> None:
    measure("a", *points)
    assert rate("a", 30) is None


def test_a_number_that_starts_anew_does_not_shrink_into_a_negative_rate() -> None:
    measure("a", (20, 1000), (10, 0))
    assert rate("a", 30) == 0


def test_an_old_number_is_still_told_as_old() -> None:
    measure("a", (600, 41), (500, 42))
    now = measured(["a"])["a"]
    assert (now.value, now.stale, now.rate) == (42, True, None)


def test_a_series_has_a_gap_where_nobody_measured() -> None:
    measure("a", (120, 1), (115, 2), (60, 3))
    assert [value for _, value in series("a", 5)] == [1, 2, None, 3]


def test_rates_over_time_stand_at_the_same_moments_for_every_number() -> None:
    start = timezone.now().replace(microsecond=0) - timedelta(minutes=5)
    for name, shift in (("a", 0.0), ("b", 2.4)):
        Measurement.objects.bulk_create(
            Measurement(name=name, at=start + timedelta(seconds=5 * n + shift), value=100 * n) for n in range(24)
        )
    a, b = rate_series("a", 30), rate_series("b", 30)
    assert {value for _, value in a} == {20.0}
    assert {at for at, _ in a} & {at for at, _ in b} >= {at for at, _ in a[1:-1]}
    assert all(datetime.fromisoformat(at).astimezone(UTC).timestamp() % 10 == 0 for at, _ in a)


def test_rates_over_time_have_a_gap_where_nobody_measured() -> None:
    measure("a", (300, 1), (290, 2), (280, 3), (100, 4), (90, 5))
    assert [value for _, value in rate_series("a", 30)].count(None) == 1
