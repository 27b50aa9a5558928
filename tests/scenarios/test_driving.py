"""Steered, stopped and repeated runs, from the row to a broker and back.

The broker is the one that librdkafka brings along: it speaks the protocol, keeps records in memory, and starts in a
moment. `test_execution` does what only a real one shows.
"""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Producer
from django.utils import timezone
from pytest_django.fixtures import Settings

from controlplane.accounts.models import User
from controlplane.leases import LeaseLostError, WorkState
from controlplane.scenarios import selectors
from controlplane.scenarios.documents.services import library_sync, scenario_save
from controlplane.scenarios.generator.document import READY
from controlplane.scenarios.generator.kafka import found_in_topic
from controlplane.scenarios.generator.progress import Progress
from controlplane.scenarios.generator.recording.confined import while_a_person_waits
from controlplane.scenarios.generator.recording.store import recording_store
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.runs.driver import Driver
from controlplane.scenarios.runs.execution import run_execute
from controlplane.scenarios.runs.services import scenario_run_start
from controlplane.scenarios.runs.steering import (
    scenario_run_pause,
    scenario_run_replay,
    scenario_run_resume,
    scenario_run_speed,
)
from controlplane.streaming.adapters.null import NullEventTopic
from spark_jobs.kafka_client import GENERATOR, ROLES
from tests.adapters import Adapters
from tests.kafka import nowhere
from tests.scenarios.recorded import rees46

pytestmark = pytest.mark.django_db(transaction=True)

DOCUMENT = """
name: Short
duration_seconds: 4
traffic: {stages: [{events_per_second: 1000}]}
faults:
  - {kind: duplicate, rate: 0.02, delay_seconds: 1}
  - {kind: truncated, rate: 0.02}
  - {kind: dropped, rate: 0.02}
  - {kind: late, rate: 0.02}
"""
LIMITED = DOCUMENT.replace("seconds: 4", "seconds: 60") + (
    "thresholds: [{metric: latency_p99_ms, over: 0.001, for_seconds: 0.6}]\n"
)


@pytest.fixture(autouse=True)
def topic(settings: Settings, adapters: Adapters) -> Iterator[str]:
    """A topic that is there once it has been asked for."""
    broker = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "none", "log_level": 0})
    name = f"test.{uuid.uuid4()}"
    (found,) = broker.list_topics(name, timeout=10).brokers.values()
    settings.KAFKA_CLIENTS, settings.KAFKA_TOPIC = dict.fromkeys(ROLES, nowhere(f"127.0.0.1:{found.port}")), name
    adapters.use(event_topic=NullEventTopic())
    yield name
    del broker


def _asked(operator_user: User, text: str) -> ScenarioRun:
    library_sync()
    slug = scenario_save(actor=operator_user, text=text).scenario.slug
    return scenario_run_start(actor=operator_user, slug=slug, request_id=uuid.uuid4())


def _executed(run: ScenarioRun, on_progress: Callable[[Progress], None] = lambda progress: None) -> ScenarioRun:
    run_execute(run.pk, make_driver=partial(Driver, on_progress=on_progress))
    run.refresh_from_db()
    return run


def _repeated(operator_user: User, run: ScenarioRun) -> ScenarioRun:
    return _executed(scenario_run_replay(actor=operator_user, run_id=run.pk, request_id=uuid.uuid4()))


def test_a_run_is_steered_on_its_way_and_repeated_to_the_byte(operator_user: User, settings: Settings) -> None:
    run = _asked(operator_user, DOCUMENT)
    seen = list[Progress]()

    def steer(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == 2:
            scenario_run_pause(actor=operator_user, run_id=run.pk)
        if len(seen) == 5:
            scenario_run_resume(actor=operator_user, run_id=run.pk)
            scenario_run_speed(actor=operator_user, run_id=run.pk, speed=4)

    run = _executed(run, steer)
    assert (run.state, run.message, run.acknowledged, run.failed) == (WorkState.SUCCEEDED, "", 4000, 0)
    assert [progress.paused for progress in seen[2:5]] == [True] * 3
    assert seen[2].generated == seen[4].generated < 2000
    assert seen[5].target_rate == 4 * seen[0].target_rate
    # What was left was due in a quarter of its time: how late this machine sent it does not count.
    left, last = (run.total - seen[4].generated) / seen[0].target_rate, seen[-1]
    assert last.elapsed_seconds - last.behind_seconds - seen[4].elapsed_seconds < 0.75 * left
    assert set(run.latency_ms) == {"p50", "p95", "p99", "max"}
    assert run.samples.count() >= 3

    truth = run.truth
    found = found_in_topic(
        settings.KAFKA_CLIENTS[GENERATOR], settings.KAFKA_TOPIC, str(run.pk), dict.fromkeys(range(4), 0)
    )
    faults = selectors.run_faults(run, size=10_000)
    dropped = [number for number, kind in faults if kind == "dropped"]
    assert len(faults) == sum(truth["faults"].values())
    assert sorted([*found.sequences.tolist(), *dropped]) == list(range(4000))
    (told,) = selectors.run_truths()
    assert told.on_topic == len(found.sequences) == 4000 - truth["missing"]

    again = _repeated(operator_user, run)
    assert (again.state, again.replay_matches, again.digest) == (WorkState.SUCCEEDED, True, run.digest)
    rejected = sum(truth["expected_reasons"].values())
    assert again.truth["duplicates"] == 4000 - rejected - truth["missing"]
    assert again.truth["expected_reasons"] == truth["expected_reasons"]


def test_a_threshold_stops_the_run_with_its_reason_and_the_beginning_can_be_repeated(operator_user: User) -> None:
    run = _executed(_asked(operator_user, LIMITED))
    assert run.state == WorkState.STOPPED
    assert run.message.startswith("Aborted by a threshold. Ack latency p99")
    assert "threshold of 0.001 ms" in run.message
    assert 0 < run.generated < 10_000
    assert run.thresholds[0]["crossed"] is True

    # The replay's own latency would cross the limit too: what counts is where it got to.
    again = scenario_run_replay(actor=operator_user, run_id=run.pk, request_id=uuid.uuid4())
    assert again.total == run.generated
    again = _executed(again)
    assert again.replay_matches is (True if again.generated == run.generated else None)


def test_a_replay_whose_bytes_differ_fails_and_says_so(operator_user: User) -> None:
    run = _executed(_asked(operator_user, DOCUMENT.replace("seconds: 4", "seconds: 1")))
    ScenarioRun.objects.filter(pk=run.pk).update(digest="0" * 32)
    again = _repeated(operator_user, run)
    assert (again.state, again.replay_matches) == (WorkState.FAILED, False)
    assert "differ" in again.message


def test_a_recording_is_played_resumed_and_repeated_to_the_byte(operator_user: User, folder: Path) -> None:
    sha256, _ = recording_store().keep([rees46(3000, seconds=20)])
    summary = recording_store().prepare(sha256, READY["rees46"], while_a_person_waits())
    faults = "faults: [{kind: duplicate, rate: 0.05, delay_seconds: 1}, {kind: truncated, rate: 0.02}]"
    source = f"source: {{recording: {sha256}, mapping: rees46, speed: 10}}"
    run = _asked(operator_user, f"name: Recorded\n{source}\n{faults}\n")
    assert run.total == summary.rows == 2940

    def die(progress: Progress) -> None:
        if progress.acknowledged > 500:
            raise LeaseLostError("by the test")

    run = _executed(run, die)
    assert run.state == WorkState.RUNNING
    ScenarioRun.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=1))
    run = _executed(run)
    assert (run.state, run.attempts, run.failed) == (WorkState.SUCCEEDED, 2, 0)
    assert run.found > 500
    assert run.acknowledged == run.total == 2940 + run.truth["faults"]["duplicate"]
    assert run.truth["duplicates"] == run.truth["faults"]["duplicate"] > 100
    again = _repeated(operator_user, run)
    assert (again.state, again.replay_matches, again.acknowledged) == (WorkState.SUCCEEDED, True, run.total)
    assert again.digest == run.digest
