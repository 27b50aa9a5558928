"""`make bench-generator`: the event generator against Kafka's own tool and a plain loop, its pace and its memory.

The broker is one of its own, on ports of its own, and is deleted afterwards. Peer and
generator send events of the same scenario to the same topic in turns, and the median of the pairs' ratios counts.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil

from compose.local import kafka_access
from compose.local.credentials import load_secrets, write_private
from compose.local.errors import InstallationError
from compose.local.java import find_java
from compose.local.settings import Settings
from tests.benchmarks.figures import Figures
from tests.benchmarks.installation import main, new_installation

PORT_OFFSET = 4100
# Of the broker's version.
TOOLS = "org.apache.kafka:kafka-tools:4.1.0"
TOPIC = "bench.generator"
PARTITIONS = 4
PAIRS = 5
RECORDS = 1_000_000
LOOP_RECORDS = 200_000
MEMORY_RECORDS = 10_000_000
WINDOW_SECONDS = 10
LOOP = """
import json, sys, time, uuid
from datetime import datetime, timezone
from confluent_kafka import Producer
topic, count, account = sys.argv[1], int(sys.argv[2]), json.load(sys.stdin)
producer = Producer({**account, "acks": "all", "enable.idempotence": True, "linger.ms": 10})
done = 0
def delivered(error, message):
    global done
    done += error is None
began = time.perf_counter()
for number in range(count):
    event = {"event_id": str(uuid.uuid4()), "event_type": "view",
        "event_time": datetime.now(timezone.utc).isoformat(), "user_id": f"u-{number % 20000:06d}",
        "session_id": str(uuid.uuid4()), "currency": "EUR", "country": "DE", "device": "mobile",
        "product_id": f"p-{number % 2000:05d}", "category": "shoes", "price": 12.34}
    while True:
        try:
            producer.produce(topic, json.dumps(event), event["user_id"], on_delivery=delivered)
            break
        except BufferError:
            producer.poll(0.1)
    producer.poll(0)
producer.flush()
assert done == count
print(count / (time.perf_counter() - began))
"""


def measure(settings: Settings, figures: Figures) -> None:
    """Report the generator's throughput, its pacing and its memory."""
    with new_installation(settings.root, PORT_OFFSET) as measured:
        measured.command("up", "--only", "kafka")
        _Bench(measured.settings, measured.folder).measure(figures)


class _Bench:
    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        # An admin's account: programs have no rights on the benchmark's topic.
        servers = f"127.0.0.1:{settings.port('KAFKA_PORT')}"
        self._client = kafka_access.account(servers, load_secrets(settings.data), kafka_access.ADMIN)
        self._account = self._client.librdkafka()

    def measure(self, figures: Figures) -> None:
        payload = self._payload()
        ratios, loop_ratios, rates = [], [], []
        for number in range(PAIRS):
            self._make_topic()
            peer = self._perf_test(payload)
            own = self._generate(RECORDS, seed=number + 1)
            loop = self._plain_loop()
            ratios.append(own / peer)
            loop_ratios.append(own / loop)
            rates.append((own, peer, loop))
        own, peer, loop = (statistics.median(column) for column in zip(*rates, strict=True))
        generator = f"generator: {own:,.0f} records/s"
        figures.at_least(
            *("generator.to_kafka", statistics.median(ratios), "of kafka-producer-perf-test", 0.8),
            f"kafka-producer-perf-test: {peer:,.0f} records/s, {generator}",
        )
        figures.at_least(
            *("generator.over_plain_loop", statistics.median(loop_ratios), "times", 5),
            f"plain loop: {loop:,.0f} records/s, {generator}",
        )
        for rate in (1_000, 20_000):
            figures.at_most(f"generator.pace_error_at_{rate}", 100 * self._pace_error(rate), "%", 1)
        growth, peak = self._memory()
        figures.at_most("generator.memory_growth", 100 * growth, "%", 5)
        figures.at_most("generator.memory_peak", peak / 1024**2, "MiB", 400)

    def _document(self, rate: float, count: int) -> Path:
        path = self._folder / f"bench-{rate:g}-{count}.yaml"
        path.write_text(
            f"name: Bench\nduration_seconds: {count / rate}\n"
            f"traffic: {{stages: [{{events_per_second: {rate}}}]}}\nsessions: {{think_seconds: 1}}\n"
        )
        return path

    def _command(self, *words: str | Path) -> list[str]:
        program = [str(self._settings.python), "-m", "controlplane.scenarios.generator"]
        return [*program, *map(str, words), "--quiet"]

    def _run(self, command: list[str], given: str = "") -> str:
        """What the command printed; it reads `given` from its standard input."""
        account = {
            "LAKEHOUSE_DATA": str(self._settings.data),
            "KAFKA_GENERATOR_USERNAME": self._account["sasl.username"],
            "KAFKA_GENERATOR_PASSWORD": self._account["sasl.password"],
        }
        done = subprocess.run(
            command, cwd=self._settings.root, env={**os.environ, **account}, input=given, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise InstallationError(f"{' '.join(command[:4])} failed: {done.stderr[-500:] or done.stdout[-500:]}")
        return done.stdout + done.stderr

    def _payload(self) -> Path:
        path = self._folder / "payload"
        self._run(self._command(self._document(50_000, 200_000), "--to", "file", "--out", path, "--rate", "max"))
        return path

    def _make_topic(self) -> None:
        """The topic, empty: each pair begins alike, and the disk does not fill."""
        from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

        admin = AdminClient({**self._account})
        if TOPIC in admin.list_topics(timeout=10).topics:
            admin.delete_topics([TOPIC])[TOPIC].result()
        until = time.monotonic() + 30
        while TOPIC in admin.list_topics(timeout=10).topics and time.monotonic() < until:
            time.sleep(0.2)
        admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result()
        while TOPIC not in admin.list_topics(timeout=10).topics and time.monotonic() < until:
            time.sleep(0.2)

    def _perf_test(self, payload: Path) -> float:
        properties = self._folder / "client.properties"
        told = {name: self._account[name] for name in ("bootstrap.servers", "security.protocol", "sasl.mechanism")}
        told |= {"sasl.jaas.config": self._client.login(), "acks": "all"}
        write_private(properties, "".join(f"{name}={value}\n" for name, value in told.items()))
        command = [
            *(find_java(), "-Xmx512m", "-cp", self._tools()),
            *("org.apache.kafka.tools.ProducerPerformance", "--topic", TOPIC, "--num-records", str(RECORDS)),
            *("--throughput", "-1", "--payload-file", str(payload)),
            *("--producer.config", str(properties)),
        ]
        found = re.findall(r"([\d.]+) records/sec", self._run(command))
        if not found:
            raise InstallationError("kafka-producer-perf-test printed no rate.")
        return float(found[-1])

    def _tools(self) -> str:
        """The class path of Kafka's tools, which the broker itself does not need: fetched for this measurement."""
        import jgo

        paths = [str(artifact.resolve()) for artifact in jgo.resolve(TOOLS)]
        return ":".join([f"{self._settings.jars / 'kafka'}/*", *paths])

    def _generate(self, count: int, *, seed: int) -> float:
        words = ("--to", "kafka", "--topic", TOPIC, "--rate", "max")
        said = self._run(self._command(self._document(50_000, count), *words, "--seed", str(seed)))
        found = re.search(r"([\d,]+) delivered, 0 failed.* in ([\d.]+) s", said, re.DOTALL)
        if not found or int(found[1].replace(",", "")) != count:
            raise InstallationError(f"The generator did not deliver everything: {said[-300:]}")
        return count / float(found[2])

    def _plain_loop(self) -> float:
        command = [str(self._settings.python), "-c", LOOP, TOPIC, str(LOOP_RECORDS)]
        return float(self._run(command, json.dumps(self._account)))

    def _pace_error(self, rate: int) -> float:
        """The largest error of the rate over any ten seconds, by the records' own timestamps in the topic."""
        from confluent_kafka import Consumer, TopicPartition

        self._make_topic()
        count = rate * 30
        words = ("--to", "kafka", "--topic", TOPIC)
        self._run(self._command(self._document(rate, count), *words))
        consumer = Consumer({**self._account, "group.id": "bench", "enable.auto.commit": False})
        consumer.assign([TopicPartition(TOPIC, partition, 0) for partition in range(PARTITIONS)])
        sent: list[int] = []
        while len(sent) < count:
            found = consumer.consume(10_000, timeout=10)
            if not found:
                raise InstallationError(f"Only {len(sent):,} of {count:,} records of the paced run are in the topic.")
            sent += [message.timestamp()[1] for message in found]
        consumer.close()
        return worst_error(sorted(sent), rate)

    def _memory(self) -> tuple[float, int]:
        """How much the memory grows after the first million of ten million events, as a share; and its peak."""
        document = self._document(50_000, MEMORY_RECORDS)
        command = self._command(document, "--to", "file", "--out", "/dev/null", "--rate", "max")
        began = time.monotonic()
        running = subprocess.Popen(command, cwd=self._settings.root, stderr=subprocess.DEVNULL)
        process, samples = psutil.Process(running.pid), list[tuple[float, int]]()
        while running.poll() is None:
            try:
                samples.append((time.monotonic() - began, process.memory_info().rss))
            except psutil.Error:
                break
            time.sleep(0.2)
        if running.wait():
            raise InstallationError("The generator did not finish.")
        # It goes evenly as fast as it can: a tenth of the time is the first million.
        whole = samples[-1][0]
        later = [rss for at, rss in samples if whole / 10 <= at <= whole * 0.99]
        return max(later) / later[0] - 1, max(rss for _, rss in samples)


def worst_error(sent: list[int], rate: int) -> float:
    """The largest relative error of a rate over windows of ten seconds that begin at every tenth of a second.

    Args:
        sent: ascending milliseconds.
    """
    import bisect

    first, last = sent[0], sent[-1]
    errors = []
    for start in range(first, last - WINDOW_SECONDS * 1000, 100):
        within = bisect.bisect_left(sent, start + WINDOW_SECONDS * 1000) - bisect.bisect_left(sent, start)
        errors.append(abs(within / (rate * WINDOW_SECONDS) - 1))
    return max(errors)


if __name__ == "__main__":
    sys.exit(main("bench-generator", measure))
