"""`python -m controlplane.scenarios.generator SCENARIO --to kafka|file|stdout`: run a scenario standalone."""

import argparse
import math
import os
import signal
import sys
import threading
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from controlplane.scenarios.generator.ahead import records_for
from controlplane.scenarios.generator.delivery import NOTHING_FOUND, Sink, StreamSink, open_file
from controlplane.scenarios.generator.document import LARGEST_SEED, Scenario
from controlplane.scenarios.generator.engine import Run
from controlplane.scenarios.generator.errors import DeliveryError, DocumentError
from controlplane.scenarios.generator.kafka import KafkaSink, found_in_topic, start_offsets
from controlplane.scenarios.generator.pacing import Pacer
from controlplane.scenarios.generator.progress import Outcome, Progress
from controlplane.scenarios.generator.reading import find
from controlplane.scenarios.generator.schedule import Schedule
from controlplane.scenarios.generator.thresholds import Watcher, measured
from spark_jobs.connections import load_environment
from spark_jobs.kafka_client import GENERATOR, kafka_client

MOST_PARTITIONS = 10_000


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m controlplane.scenarios.generator", description=__doc__)
    parser.add_argument("scenario", help="a YAML or JSON file, or the name of a built-in scenario")
    parser.add_argument("--to", choices=("kafka", "file", "stdout"), default="stdout")
    parser.add_argument("--seed", type=_seed, help="default: the seed of the document")
    parser.add_argument("--anchor", type=_moment, help="event-time origin of the run, ISO 8601; default: now")
    parser.add_argument("--rate", help="records per second, or `max` for unlimited; default: the rate of the document")
    parser.add_argument("--out", type=Path, help="output file (--to file)")
    parser.add_argument(
        "--bootstrap", help="brokers; default: KAFKA_BOOTSTRAP_SERVERS. Credentials are read from KAFKA_…"
    )
    parser.add_argument("--topic", help="default: KAFKA_TOPIC, or ecommerce.events")
    parser.add_argument(
        "--partitions", type=int, default=4, help="number of partitions for files; a topic has its own (default 4)"
    )
    parser.add_argument("--run-id", default=None, help="ID in the header of every record; default: a new one")
    parser.add_argument(
        "--resume", action="store_true",
        help="resume a killed run: finds the records that are already on the topic. Requires --run-id and --anchor",
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="hide the progress bar")
    chosen = parser.parse_args(argv)
    if chosen.to == "file" and chosen.out is None:
        parser.error("--to file requires --out")
    if chosen.resume and (chosen.run_id is None or chosen.anchor is None or chosen.to != "kafka"):
        parser.error("--resume requires --to kafka, --run-id and --anchor (both were printed at the start of the run)")
    if not 1 <= chosen.partitions <= MOST_PARTITIONS:
        parser.error(f"--partitions must be from 1 to {MOST_PARTITIONS:,}")
    return chosen


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST_SEED):
        raise argparse.ArgumentTypeError(f"invalid seed {text!r}; must be a whole number from 0 to {LARGEST_SEED}")
    return int(text)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"invalid time {text!r}; use ISO 8601, for example 2026-11-23T17:00:00Z"
        ) from None
    # Faults are up to ten years ahead of it, and time compression up to a year behind.
    if not 1971 <= moment.year <= 9000:
        raise argparse.ArgumentTypeError(f"{text!r} is out of range; the year must be 1971 to 9000")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def speed_for(rate: str | None, schedule: Schedule) -> float:
    """The speed (scenario seconds per real second) for this average rate.

    Raises:
        DeliveryError: the rate is not a positive number.
    """
    if rate is None:
        return 1.0
    try:
        wanted = math.inf if rate == "max" else float(rate)
    except ValueError:
        wanted = math.nan
    if not wanted > 0 or (math.isinf(wanted) and rate != "max"):
        raise DeliveryError(f"Invalid --rate {rate}.", "Use a number greater than 0, or max.")
    return wanted / schedule.mean


def anchor_for(schedule: Schedule, speed: float, now: datetime) -> datetime:
    """The anchor of a run that starts now. A run faster than real time starts in the past, so that it does not end in
    the future; a slower run starts now."""
    ahead = schedule.duration - (0 if math.isinf(speed) else schedule.duration / speed)
    return now - timedelta(seconds=max(ahead, 0))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one scenario. Exit code 0: all delivered; 1: some failed; 2: could not start; 3: aborted by a threshold of
    the document; 130: stopped."""
    load_environment()
    console = Console(stderr=True)
    chosen = _arguments(argv)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        scenario = find(chosen.scenario)
        outcome, reason = _run(scenario, chosen, stop, console)
    except (DocumentError, DeliveryError) as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 2
    except BrokenPipeError:
        # The reader of standard output closed it.
        sys.stderr.close()
        return 130
    progress = outcome.progress
    console.print(
        f"{progress.acknowledged:,} delivered, {progress.failed:,} failed, {progress.found:,} already on the topic. "
        f"Truth: {outcome.truth}. Digest {outcome.digest}.",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
    seconds = max(progress.elapsed_seconds, 1e-6)
    took = ", ".join(f"{name} {value:,.1f} ms" for name, value in progress.latency_ms.items())
    sent = progress.generated - progress.found
    console.print(
        f"{sent:,} sent in {seconds:.3f} s: {sent / seconds:,.0f}/s. "
        f"Ack latency: {took or 'not measured'}.",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
    if reason is not None:
        console.print(f"Aborted by a threshold. {reason}", markup=False, highlight=False, soft_wrap=True)
        return 3
    if outcome.stopped:
        return 130
    return 1 if progress.failed else 0


def _run(
    scenario: Scenario, chosen: argparse.Namespace, stop: threading.Event, console: Console
) -> tuple[Outcome, str | None]:
    """The outcome of the run, and the threshold that aborted it, if any. Downstream metrics are not measured."""
    seed = scenario.seed if chosen.seed is None else chosen.seed
    run_id = chosen.run_id or str(uuid.uuid4())
    schedule = Schedule(scenario)
    speed = speed_for(chosen.rate, schedule)
    anchor = chosen.anchor or anchor_for(schedule, speed, datetime.now(UTC))
    found, look = NOTHING_FOUND, None
    with ExitStack() as closing:
        sink: Sink
        if chosen.to == "kafka":
            kafka = kafka_client(GENERATOR)
            if chosen.bootstrap:
                kafka = replace(kafka, bootstrap_servers=chosen.bootstrap)
            topic = chosen.topic or os.environ.get("KAFKA_TOPIC") or "ecommerce.events"
            offsets = start_offsets(kafka, topic)
            partitions = len(offsets)
            since = dict.fromkeys(offsets, 0) if chosen.resume else offsets
            look = partial(found_in_topic, kafka, topic, run_id, since)
            if chosen.resume:
                found = look()
            sink = KafkaSink(kafka, topic, run_id, partitions=partitions)
        else:
            partitions = chosen.partitions
            out = sys.stdout.buffer if chosen.to == "stdout" else closing.enter_context(open_file(chosen.out))
            sink = StreamSink(out)
        console.print(
            f"{scenario.name}: run {run_id}, seed {seed}, anchor {anchor.isoformat()}, {partitions} partitions",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
        bar = Bar(
            TextColumn("{task.percentage:>3.0f}%"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:,.0f}/s"), TimeRemainingColumn(),
            console=console, disable=chosen.quiet or not console.is_terminal,
        )  # fmt: skip
        closing.enter_context(bar)
        shown = bar.add_task("run", total=schedule.total, rate=0.0)

        watcher, reasons = Watcher(scenario.thresholds), list[str]()

        def show(progress: Progress) -> None:
            bar.update(shown, completed=progress.acknowledged, total=progress.total, rate=progress.rate)
            reason = watcher.look(measured(progress), progress.elapsed_seconds)
            if reason is not None and not stop.is_set():
                reasons.append(reason)
                stop.set()

        outcome = Run(
            lambda: records_for(scenario, speed=speed, seed=seed, anchor=anchor, partitions=partitions),
            sink, partitions=partitions, pacer=Pacer(speed), found=found, on_progress=show, look=look,
            stop=stop,
        ).run()  # fmt: skip
        return outcome, reasons[0] if reasons else None


if __name__ == "__main__":
    sys.exit(main())
