"""The input of the ledger that is in no database: the records of the topic."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from controlplane.ledger.models import Restore
from controlplane.ledger.ports import LakeCounts
from controlplane.ledger.selectors import topic_checked
from controlplane.ledger.topic_count import TopicCount, topic_count
from controlplane.scenarios.runs.truth import RunTruth
from controlplane.streaming.models import TopicLoss
from controlplane.streaming.ports import EventTopicError, TopicMissingError
from controlplane.streaming.providers import event_topic
from controlplane.streaming.selectors import stream_get


def earlier_records(lake: LakeCounts) -> int:
    """Records in bronze from earlier topics: before a restore of the installation, or from a deleted topic."""
    if stream_get().topic_since is None:
        return 0
    return lake.bronze.rows - lake.copies.rows - sum(block.offsets for block in lake.blocks)


def runs_cut_off() -> set[str]:
    """Scenario runs that a restore has cut off: what they sent after the backup is unknown."""
    return {run for runs in Restore.objects.values_list("runs", flat=True) for run in runs}


def topic_records(lake: LakeCounts) -> tuple[TopicCount | None, str]:
    """The number of records ever written to the topic; or None and the reason why they can't be counted."""
    topic = event_topic()
    try:
        offsets = topic.offsets()
        return topic_count(topic, offsets, list(lake.blocks), topic_checked(offsets.topic_id)), ""
    except TopicMissingError:
        return TopicCount(sum(block.offsets for block in lake.blocks)), ""
    except EventTopicError as error:
        return None, f"Kafka can't be read: {error}"


@dataclass(frozen=True)
class Lost:
    """Runs that lost records with a topic, and the number of these records."""

    runs: tuple[RunTruth, ...] = ()
    records: int = 0


def lost_with_a_topic(runs: list[RunTruth], started: Mapping[str, datetime], lake: LakeCounts) -> Lost:
    """Runs that started before the stream continued without deleted records, if those records explain what the runs
    lack.

    Args:
        started: when each run started, by its id.
    """
    losses = list(TopicLoss.objects.filter(records__gt=0))
    if not losses:
        return Lost()
    until, allowed = max(loss.at for loss in losses), sum(loss.records for loss in losses)
    before = [run for run in runs if (at := started.get(run.run_id)) is not None and at < until]
    missing = {
        run.run_id: run.on_topic + lake.copies.by_run.get(run.run_id, 0) - lake.bronze.by_run.get(run.run_id, 0)
        for run in before
    }
    found = tuple(run for run in before if missing[run.run_id] > 0)
    records = sum(missing[run.run_id] for run in found)
    # If more records are missing than are known to be lost, there is another reason: the checks must show it.
    return Lost(found, records) if records <= allowed else Lost()
