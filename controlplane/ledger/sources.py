"""The books that are not in the lake: what was sent, and what the topic took."""

from controlplane import wiring
from controlplane.ledger.books import RunTruth
from controlplane.scenarios import selectors as scenarios
from controlplane.streaming.ports import EventTopicError, TopicMissingError


def runs_truth() -> list[RunTruth]:
    """Every scenario run with what it sent and spoiled, newest first."""
    return [
        RunTruth(
            run_id=run.run_id,
            name=run.name,
            in_progress=run.in_progress,
            generated=run.generated,
            acknowledged=run.acknowledged,
            failed=run.failed,
            injected=dict(run.injected),
            duplicates=run.duplicates,
            sent_twice=run.sent_twice,
        )
        for run in scenarios.run_truths()
    ]


def topic_records() -> tuple[int | None, str]:
    """How many records the topic ever took, those that its retention has dropped included; or None and why not."""
    try:
        offsets = wiring.event_topic().offsets()
    except TopicMissingError:
        return 0, ""
    except EventTopicError as error:
        return None, f"Kafka can't be asked: {error}"
    return sum(partition.end for partition in offsets.partitions), ""
