"""Delivery to a real broker: every record accounted for, and a killed generator goes on where the topic says."""

import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from controlplane.scenarios.generator.__main__ import main
from controlplane.scenarios.generator.delivery import StreamSink
from controlplane.scenarios.generator.errors import BrokerUnreachableError, PartitionsChangedError, TopicMissingError
from controlplane.scenarios.generator.kafka import KafkaSink, found_in_topic, start_offsets
from controlplane.scenarios.generator.packed import pack
from controlplane.scenarios.generator.records import Block
from spark_jobs.kafka_client import KafkaClient
from tests.kafka import nowhere, variables_of
from tests.waiting import wait_for

PARTITIONS = 4
ANCHOR = "2026-11-23T17:00:00+00:00"
NOWHERE = "127.0.0.1:1"
Record = tuple[int, int, int, bytes, bytes]

SHORT = """
name: Short
duration_seconds: 5
traffic: {stages: [{events_per_second: 2000}]}
faults:
  - {kind: duplicate, rate: 0.02, delay_seconds: 1}
  - {kind: truncated, rate: 0.02}
  - {kind: empty_record, rate: 0.01}
"""


@pytest.fixture
def topic(kafka: KafkaClient) -> Iterator[str]:
    """A topic of the test's own."""
    admin = AdminClient({**kafka.librdkafka()})
    name = f"test.generator.{uuid.uuid4()}"
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result()
    wait_for(lambda: name in admin.list_topics(timeout=10).topics, f"the topic {name}", within=20)
    yield name
    admin.delete_topics([name])[name].result()


@pytest.fixture
def short(tmp_path: Path) -> Path:
    path = tmp_path / "short.yaml"
    path.write_text(SHORT)
    return path


def _read(kafka: KafkaClient, topic: str, run_id: str) -> list[Record]:
    """Every record of a run by partition and offset: (sequence, partition, offset, key, value)."""
    ends = start_offsets(kafka, topic)
    consumer = Consumer({**kafka.librdkafka(), "group.id": "test", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in ends])
    found: list[Record] = []
    while sum(ends.values()) > len(found):
        for message in consumer.consume(10_000, timeout=5):
            assert message.error() is None
            headers: dict[str, Any] = dict(message.headers() or [])
            assert headers["scenario-run"] == run_id.encode()
            place = (message.partition(), message.offset())
            found.append((int(headers["sequence"]), *place, message.key(), message.value()))  # type: ignore[arg-type]
    consumer.close()
    return sorted(found, key=lambda record: record[1:3])


def _generator(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "controlplane.scenarios.generator", *map(str, words), "--anchor", ANCHOR, "--quiet"]


def _environment(kafka: KafkaClient | None) -> dict[str, str]:
    # Without Django's settings: the package must not need them.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
    return plain | (variables_of(kafka) if kafka else {})


def _generate(*words: str | Path, kafka: KafkaClient | None = None) -> subprocess.CompletedProcess[str]:
    environ = _environment(kafka)
    return subprocess.run(_generator(*words), env=environ, capture_output=True, text=True, timeout=600, check=False)


def _block(first: int, partitions: list[int], values: list[bytes]) -> Block:
    """Records with the key `k`."""
    nothing, places = np.zeros(len(values), np.int64), np.array(partitions)
    texts = pack([b"k"] * len(values), values, places)
    return Block(first, nothing, places, *texts, nothing, nothing)


def _digest(said: str) -> str:
    found = re.search(r"Digest (\w+)\.", said)
    assert found, said
    return found[1]


@pytest.mark.stack
def test_the_topic_holds_each_record_once_as_the_file_does(
    kafka: KafkaClient, topic: str, short: Path, tmp_path: Path
) -> None:
    run_id = str(uuid.uuid4())
    words = ("--to", "kafka", "--topic", topic, "--run-id", run_id, "--rate", "max")
    sent = _generate(short, *words, kafka=kafka)
    assert sent.returncode == 0, sent.stderr
    assert "10,000 delivered, 0 failed" in sent.stderr
    # One in sixteen is timed: percentiles in order, none of them nothing.
    took = [float(n.replace(",", "")) for n in re.findall(r"(?:p50|p95|p99|max) ([\d.,]+) ms", sent.stderr)]
    assert len(took) == 4
    assert took == sorted(took)
    assert took[0] > 0
    written = _generate(short, "--to", "file", "--out", tmp_path / "events", "--rate", "max")
    assert written.returncode == 0, written.stderr
    assert _digest(written.stderr) == _digest(sent.stderr)

    records = _read(kafka, topic, run_id)
    assert sorted(record[0] for record in records) == list(range(10_000))
    for partition in range(PARTITIONS):
        sequences = [record[0] for record in records if record[1] == partition]
        assert sequences == sorted(sequences)
    in_order = [record[4] for record in sorted(records)]
    assert b"\n".join(in_order) + b"\n" == (tmp_path / "events").read_bytes()


@pytest.mark.stack
def test_a_killed_generator_goes_on_with_nothing_skipped_and_nothing_twice(
    kafka: KafkaClient, topic: str, short: Path
) -> None:
    run_id = str(uuid.uuid4())
    words = ("--to", "kafka", "--topic", topic, "--run-id", run_id)
    for sent_before_the_kill in (1500, 5000):
        resume = () if sent_before_the_kill == 1500 else ("--resume",)
        killed = subprocess.Popen(
            _generator(short, *words, *resume), env=_environment(kafka), stderr=subprocess.DEVNULL
        )
        wait_for(
            lambda least=sent_before_the_kill: sum(start_offsets(kafka, topic).values()) >= least,
            f"{sent_before_the_kill} records",
            within=60,
        )
        killed.send_signal(signal.SIGKILL)
        assert killed.wait(10) == -signal.SIGKILL
    resumed = _generate(short, *words, "--resume", "--rate", "max", kafka=kafka)
    assert resumed.returncode == 0, resumed.stderr
    found = re.search(r"10,000 delivered, 0 failed, ([\d,]+) already on the topic", resumed.stderr)
    assert found, resumed.stderr
    assert 5000 <= int(found[1].replace(",", "")) < 10_000
    records = _read(kafka, topic, run_id)
    assert sorted(record[0] for record in records) == list(range(10_000))
    again = found_in_topic(kafka, topic, run_id, dict.fromkeys(range(PARTITIONS), 0))
    assert (len(again.sequences), again.twice) == (10_000, 0)

    other = _generate(short, "--to", "stdout", "--rate", "max")
    assert _digest(other.stderr) == _digest(resumed.stderr)


@pytest.mark.stack
def test_another_run_is_not_mistaken_for_this_one(kafka: KafkaClient, topic: str, short: Path) -> None:
    words = ("--to", "kafka", "--topic", topic, "--rate", "max")
    assert _generate(short, *words, "--run-id", "one", kafka=kafka).returncode == 0
    offsets = start_offsets(kafka, topic)
    assert sum(offsets.values()) == 10_000
    assert len(found_in_topic(kafka, topic, "one", offsets).sequences) == 0
    assert len(found_in_topic(kafka, topic, "two", dict.fromkeys(offsets, 0)).sequences) == 0


@pytest.mark.stack
def test_what_the_broker_refuses_is_counted_by_error(kafka: KafkaClient, topic: str) -> None:
    sink = KafkaSink(kafka, topic, "run", partitions=PARTITIONS)
    values = [b"small", b"x" * 2_000_000, b"small"]
    assert sink.send(_block(10, [0, 1, 2], values), np.arange(3), lambda: True) == 3
    sink.finish(lambda: True)
    assert sink.tally.acknowledged == 2
    assert sink.tally.errors == {"MSG_SIZE_TOO_LARGE": 1}
    assert sink.tally.failed_sequences == [11]


@pytest.mark.stack
def test_what_a_stopped_run_gives_up_is_counted_with_its_number(kafka: KafkaClient, topic: str) -> None:
    sink = KafkaSink(kafka, topic, "run", partitions=PARTITIONS)
    # A partition that isn't there: such records wait for it until they are given up.
    sink.send(_block(7, [0, PARTITIONS + 5], [b"a", b"b"]), np.arange(2), lambda: True)
    sink.abandon()
    assert sink.tally.acknowledged + sink.tally.failed == 2
    assert 8 in sink.tally.failed_sequences


@pytest.mark.stack
def test_a_missing_topic_is_said_and_not_made(kafka: KafkaClient) -> None:
    name = f"test.missing.{uuid.uuid4()}"
    with pytest.raises(TopicMissingError, match=name):
        start_offsets(kafka, name)
    sent = _generate("first-light", "--to", "kafka", "--topic", name, kafka=kafka)
    assert sent.returncode == 2
    assert name in sent.stderr
    assert "Traceback" not in sent.stderr
    assert name not in AdminClient({**kafka.librdkafka()}).list_topics(timeout=10).topics


@pytest.mark.stack
def test_a_topic_with_other_partitions_is_refused(kafka: KafkaClient, topic: str) -> None:
    with pytest.raises(PartitionsChangedError, match="4 partitions"):
        KafkaSink(kafka, topic, "run", partitions=PARTITIONS + 1)


@pytest.mark.stack
def test_a_refused_account_is_said_by_name(kafka: KafkaClient, topic: str) -> None:
    with pytest.raises(
        BrokerUnreachableError, match="rejected the credentials of 'stranger'\\. Set KAFKA_GENERATOR_USERNAME"
    ):
        start_offsets(replace(kafka, username="stranger"), topic)


def test_a_broker_that_is_away_is_said() -> None:
    with pytest.raises(BrokerUnreachableError, match=NOWHERE):
        start_offsets(nowhere(NOWHERE), "any")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("first-lihgt",), "not a built-in scenario"),
        (("first-light", "--rate", "-3"), "Invalid --rate -3"),
        (("first-light", "--rate", "fast"), "Invalid --rate fast"),
        (("first-light", "--to", "file", "--out", "/nowhere/at/all"), "can't be written"),
        (("first-light", "--to", "file"), "requires --out"),
        (("first-light", "--resume"), "--run-id"),
        (("first-light", "--seed", "-5"), "must be a whole number from 0 to"),
        (("first-light", "--seed", "9" * 25), "must be a whole number from 0 to"),
        (("first-light", "--partitions", "1000000000"), "from 1 to 10,000"),
    ],
)
def test_what_can_not_begin_says_why(words: tuple[str, ...], says: str) -> None:
    refused = _generate(*words)
    assert refused.returncode == 2
    assert says in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(("anchor", "says"), [("soon", "use ISO 8601"), ("0001-01-01", "out of range")])
def test_an_anchor_that_is_none_is_said(anchor: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["first-light", "--anchor", anchor])
    assert says in capsys.readouterr().err


def test_a_stopped_generator_ends_what_it_began(short: Path, tmp_path: Path) -> None:
    out = tmp_path / "events"
    running = subprocess.Popen(_generator(short, "--to", "file", "--out", out), stderr=subprocess.PIPE, text=True)
    wait_for(lambda: out.exists() and out.stat().st_size > 0, "the first records", within=30)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=20)
    assert running.returncode == 130, said
    found = re.search(r"([\d,]+) delivered, 0 failed", said)
    assert found, said
    delivered = int(found[1].replace(",", ""))
    assert out.read_bytes().count(b"\n") == delivered < 10_000


def test_a_stream_counts_what_it_writes(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        sink = StreamSink(out)
        block = _block(0, [0, 0, 0], [b"one", b"not this one", b""])
        assert sink.send(block, np.array([0, 2]), lambda: True) == 2
        assert sink.send(block, np.array([], np.int64), lambda: True) == 0
        sink.finish(lambda: True)
    assert sink.tally.acknowledged == 2
    assert (tmp_path / "out").read_bytes() == b"one\n\n"
