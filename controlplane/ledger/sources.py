"""The book that is in no database: what the topic took."""

from controlplane import wiring
from controlplane.ledger.models import Restore
from controlplane.streaming.ports import EventTopicError, TopicMissingError


def earlier_records() -> int:
    """Records of topics that a restore of the installation has left behind, as far as bronze has them."""
    last = Restore.objects.first()
    return last.earlier_records if last else 0


def runs_cut_off() -> set[str]:
    """Scenario runs that a restore has ended: what they sent after the backup was made is not known."""
    return {run for runs in Restore.objects.values_list("runs", flat=True) for run in runs}


def topic_records() -> tuple[int | None, str]:
    """How many records the topic ever took, those that its retention has dropped included; or None and why not."""
    try:
        offsets = wiring.event_topic().offsets()
    except TopicMissingError:
        return 0, ""
    except EventTopicError as error:
        return None, f"Kafka can't be asked: {error}"
    return sum(partition.end for partition in offsets.partitions), ""
