"""Tables for tests that need a catalogue without a lake."""

from datetime import UTC, datetime, timedelta

from controlplane.lakehouse.ports import Field, Ref, Snapshot, Table

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


def snapshot(number: int, *, parent: int | None = None, **summary: str) -> Snapshot:
    """The `number`th snapshot, made `number` minutes after NOW, with `number` * 10 records in all."""
    return Snapshot(
        snapshot_id=str(number),
        parent_id=None if parent is None else str(parent),
        at=NOW + timedelta(minutes=number),
        operation="append",
        summary={
            "operation": "append",
            "total-records": str(number * 10),
            "total-data-files": "2",
            "total-delete-files": "0",
            **summary,
        },
    )


def table(name: str, *snapshots: Snapshot, current: str | None = None, refs: tuple[Ref, ...] = ()) -> Table:
    """A table of one column; `snapshots` in the order of time, the last one current unless `current` says which."""
    head = current or (snapshots[-1].snapshot_id if snapshots else None)
    return Table(
        name=name,
        metadata_location=f"file:///warehouse/{name}/metadata/{len(snapshots)}.metadata.json",
        location=f"file:///warehouse/{name}",
        uuid="6b2f0c0a-6b56-4f5a-9a5e-0f4d8f1b2c3d",
        format_version=2,
        updated_at=NOW,
        fields=(Field(1, "event_id", "string", True, "Unique."),),
        partitioning=("days(kafka_time)",),
        sorting=(),
        properties={"write.format.default": "parquet"},
        refs=refs or ((Ref("main", "branch", head),) if head else ()),
        current_id=head,
        snapshots=tuple(reversed(snapshots)),
    )
