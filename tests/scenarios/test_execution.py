"""Runs on a real broker with real rows: to their end, stopped, killed and taken up again, without a broker."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from confluent_kafka.admin import AdminClient
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from controlplane.accounts.models import User
from controlplane.leases import WorkState
from controlplane.scenarios import tasks
from controlplane.scenarios.documents.services import library_sync, scenario_save
from controlplane.scenarios.generator.delivery import Found
from controlplane.scenarios.generator.kafka import found_in_topic, start_offsets
from controlplane.scenarios.generator.progress import Outcome, Progress
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.runs.driver import Driver
from controlplane.scenarios.runs.execution import run_execute
from controlplane.scenarios.runs.reconciling import runs_reconcile
from controlplane.scenarios.runs.services import scenario_run_start, scenario_run_stop
from controlplane.streaming.providers import event_topic
from spark_jobs.kafka_client import ROLES, KafkaClient
from tests.kafka import nowhere, variables_of
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

DOCUMENT = """
name: Short
duration_seconds: 4
traffic: {stages: [{events_per_second: 1000}]}
faults: [{kind: duplicate, rate: 0.02, delay_seconds: 1}, {kind: truncated, rate: 0.02}]
"""
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys, uuid, django
django.setup()
from controlplane.scenarios.runs.execution import run_execute
run_execute(uuid.UUID(sys.argv[1]))
"""


@pytest.fixture
def run(operator_user: User) -> ScenarioRun:
    """A run that has been asked for."""
    library_sync()
    version = scenario_save(actor=operator_user, text=DOCUMENT)
    return scenario_run_start(actor=operator_user, slug=version.scenario.slug, request_id=uuid.uuid4())


@pytest.fixture
def topic(kafka: KafkaClient, settings: Settings) -> Iterator[str]:
    """A topic of the test's own, which the run itself makes."""
    settings.KAFKA_CLIENTS = dict.fromkeys(ROLES, kafka)
    settings.KAFKA_TOPIC = f"test.execution.{uuid.uuid4()}"
    settings.KAFKA_PARTITIONS = 3
    event_topic.reset()
    yield settings.KAFKA_TOPIC
    event_topic.reset()
    admin = AdminClient({**kafka.librdkafka()})
    if settings.KAFKA_TOPIC in admin.list_topics(timeout=10).topics:
        admin.delete_topics([settings.KAFKA_TOPIC])[settings.KAFKA_TOPIC].result()


def _sequences(kafka: KafkaClient, topic: str, run: ScenarioRun) -> tuple[list[int], int]:
    found = found_in_topic(kafka, topic, str(run.pk), dict.fromkeys(range(3), 0))
    return found.sequences.tolist(), found.twice


@pytest.mark.stack
def test_a_run_goes_to_its_end_once(kafka: KafkaClient, topic: str, run: ScenarioRun) -> None:
    run_execute(run.pk)
    run_execute(run.pk)
    run.refresh_from_db()
    assert (run.state, run.message, run.attempts) == (WorkState.SUCCEEDED, "", 1)
    assert (run.generated, run.acknowledged, run.failed) == (4000, 4000, 0)
    assert sum(run.by_type.values()) == 4000
    assert run.truth["expected_reasons"] == {"malformed_json": run.truth["faults"]["truncated"]}
    assert run.truth["duplicates"] > 20
    assert len(run.digest) == 32
    assert (run.partitions, run.start_offsets) == (3, {"0": 0, "1": 0, "2": 0})
    assert run.samples.count() >= 3
    # No faster than the document says; a busy machine may be slower.
    assert (run.finished_at - run.started_at).total_seconds() > 3.5
    assert _sequences(kafka, topic, run) == (list(range(4000)), 0)


@pytest.mark.stack
def test_a_killed_workers_run_goes_on_by_itself(kafka: KafkaClient, topic: str, run: ScenarioRun) -> None:
    environ = {
        **os.environ,
        "DATABASE_URL": _test_database_url(),
        **variables_of(kafka),
        "KAFKA_TOPIC": topic,
        "KAFKA_PARTITIONS": "3",
        "DJANGO_SETTINGS_MODULE": "controlplane.settings",
    }
    worker = subprocess.Popen([sys.executable, "-c", PROGRAM, str(run.pk)], env=environ, cwd=ROOT)
    wait_for(lambda: ScenarioRun.objects.get(pk=run.pk).acknowledged > 800, "some records", within=60)
    worker.send_signal(signal.SIGKILL)
    assert worker.wait(10) == -signal.SIGKILL

    # While it may still be alive nobody else gets it.
    run_execute(run.pk)
    run.refresh_from_db()
    assert (run.state, run.attempts) == (WorkState.RUNNING, 1)
    long_ago = timezone.now() - timedelta(minutes=1)
    ScenarioRun.objects.filter(pk=run.pk).update(heartbeat_at=long_ago, sent_at=long_ago)
    assert runs_reconcile(tasks.generate) == [str(run.pk)]

    run_execute(run.pk)
    run.refresh_from_db()
    assert (run.state, run.attempts, run.sent_twice) == (WorkState.SUCCEEDED, 2, 0)
    assert (run.generated, run.acknowledged, run.failed) == (4000, 4000, 0)
    assert 800 < run.found < 4000
    assert _sequences(kafka, topic, run) == (list(range(4000)), 0)


@pytest.mark.stack
def test_a_run_stops_when_asked_and_counts_what_it_sent(
    kafka: KafkaClient, topic: str, run: ScenarioRun, operator_user: User
) -> None:
    def stop_after_some(progress: Progress) -> None:
        if progress.generated > 500:
            scenario_run_stop(actor=operator_user, run_id=run.pk)

    run_execute(run.pk, make_driver=partial(Driver, on_progress=stop_after_some))
    run.refresh_from_db()
    assert run.state == WorkState.STOPPED
    assert run.generated == run.acknowledged < 4000
    assert f"{run.generated:,} of 4,000" in run.message
    assert _sequences(kafka, topic, run) == (list(range(run.generated)), 0)


@pytest.mark.stack
def test_who_has_lost_the_run_sends_no_more(kafka: KafkaClient, topic: str, run: ScenarioRun) -> None:
    other = uuid.uuid4()

    def lose_it(progress: Progress) -> None:
        ScenarioRun.objects.filter(pk=run.pk).update(holder=other)

    run_execute(run.pk, make_driver=partial(Driver, on_progress=lose_it))
    run.refresh_from_db()
    assert (run.state, run.holder) == (WorkState.RUNNING, other)
    assert sum(start_offsets(kafka, topic).values()) < 2500


def test_without_a_broker_a_run_waits_and_says_so(run: ScenarioRun, settings: Settings) -> None:
    settings.KAFKA_CLIENTS = dict.fromkeys(ROLES, nowhere())
    event_topic.reset()
    run_execute(run.pk)
    event_topic.reset()
    run.refresh_from_db()
    assert (run.state, run.holder, run.finished_at) == (WorkState.WAITING, None, None)
    assert run.message.startswith("Waiting for Kafka.")
    assert run.started_at is None


class Breaking(Driver):
    """Breaks ten seconds after it began, with 1,000 records acknowledged."""

    def __init__(self, run: ScenarioRun) -> None:
        super().__init__(run)
        self.run = run

    def go(self) -> tuple[Outcome, Found]:
        self.run.started_at = timezone.now() - timedelta(seconds=10)
        ScenarioRun.objects.filter(pk=self.run.pk).update(acknowledged=1000, rate=3.0)
        raise ValueError("no such thing")


def test_a_run_that_breaks_keeps_its_figures(run: ScenarioRun) -> None:
    assert run_execute(run.pk, make_driver=Breaking)
    run.refresh_from_db()
    assert (run.state, run.message) == (WorkState.FAILED, "ValueError: no such thing")
    assert run.rate == pytest.approx(100, rel=0.05)


def _test_database_url() -> str:
    database = connection.settings_dict
    login = f"{database['USER']}:{database['PASSWORD']}"
    # The host may be the folder of a socket.
    return f"postgresql://{login}@{quote(database['HOST'], safe='')}:{database['PORT']}/{database['NAME']}"
