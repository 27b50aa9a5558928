"""Request and response schemas of the stream's operations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import Field

from controlplane.streaming.models import Stream, StreamBatch, StreamConfiguration
from controlplane.streaming.ports import (
    SHOWN_HEADER_VALUE,
    SHOWN_HEADERS,
    SHOWN_HEADERS_SIZE,
    SHOWN_KEY,
    SHOWN_NAME,
    SHOWN_VALUE,
    TopicRecord,
)
from controlplane.streaming.presenters import shown_header
from controlplane.streaming.probes import lag_now
from controlplane.streaming.selectors import rate_now
from controlplane.web.api_input import Body
from controlplane.web.values import real


class ConfigurationIn(Body):
    trigger_seconds: int = Field(ge=1, le=3600)
    max_offsets_per_trigger: int = Field(ge=1_000, le=50_000_000)


class ConfigurationOut(Schema):
    version: int
    trigger_seconds: int
    max_offsets_per_trigger: int
    made_by: str
    made_at: datetime


class ConfigurationList(Schema):
    items: list[ConfigurationOut]
    next: str | None = None


class StartIn(Body):
    reset_checkpoint: bool = Field(
        False,
        description="Start with a new checkpoint. The stream reads the whole topic again, unless `problem` is "
        "topic_replaced (starts at the first record of the new topic), offsets_expired (starts at the oldest retained "
        "records) or offsets_beyond_end (starts at the end of the topic).",
    )


class StreamOut(Schema):
    """The stream: its desired state, its current state and its offsets."""

    desired: str
    state: str
    since: datetime
    problem: str
    message: str
    asked_by: str
    asked_at: datetime | None
    query_id: str
    query_run_id: str
    start_id: UUID | None
    started_at: datetime | None
    configuration: ConfigurationOut
    running_configuration: int | None
    lag: int | None = Field(
        description="Offsets that the stream has not read yet: an upper bound of the lag in records. Null if unknown."
    )
    lost: int | None = Field(
        description="Upper bound of the records that were deleted from the topic before they reached bronze, if "
        "`problem` says that the checkpoint does not match the topic; otherwise null."
    )
    rows_per_second: float | None = Field(description="Current ingest rate into bronze. Null if unknown.")
    end_offsets: dict[str, int]
    next_attempt_at: datetime | None

    @classmethod
    def of(cls, row: Stream) -> "StreamOut":
        return cls(
            desired=row.desired,
            state=row.state,
            since=row.state_since,
            problem=row.problem,
            message=row.message,
            asked_by=row.asked_by,
            asked_at=row.asked_at,
            query_id=row.query_id,
            query_run_id=row.query_run_id,
            start_id=row.start_id,
            started_at=row.started_at,
            configuration=configuration_out(row.configuration),
            running_configuration=row.started_configuration_id,
            lag=lag_now(row),
            lost=row.topic_change.get("lost") if row.needs_new_checkpoint else None,
            rows_per_second=rate_now(),
            end_offsets=row.offsets,
            next_attempt_at=row.next_attempt_at,
        )


class BatchOut(Schema):
    query_id: str
    batch_id: int
    configuration: int | None
    started_at: datetime
    input_rows: int
    rows_per_second: float | None = Field(description="Null if Spark reported none.")
    lag_max: int
    lag_total: int
    durations: dict[str, int] = Field(description="Milliseconds by phase, with Spark's phase names.")
    end_offsets: dict[str, int]


class BatchList(Schema):
    items: list[BatchOut]
    next: str | None


class HeaderOut(Schema):
    name: str = Field(description="Bytes that are not valid UTF-8 are U+FFFD.")
    text: str | None = Field(description="The value if it is valid UTF-8; null if it is not, or if it is null.")
    hex: str | None = Field(description="The bytes of the value in hexadecimal, if they are not valid UTF-8.")


class RecordOut(Schema):
    partition: int
    offset: int
    at: datetime | None = Field(description="The time of the record. Null if its timestamp is not a valid time.")
    timestamp: int = Field(description="The producer's timestamp in milliseconds since 1970; -1 for none.")
    is_committed: bool = Field(description="False behind an open transaction, which the stream does not read yet.")
    key: str | None = Field(description=f"The first {SHOWN_KEY:,} bytes as text.")
    value: str | None = Field(description=f"The first {SHOWN_VALUE:,} bytes as text.")
    size: int = Field(description="Size of the value in bytes.")
    headers: list[HeaderOut] = Field(
        description=f"The first headers in order: at most {SHOWN_HEADERS}, and {SHOWN_HEADERS_SIZE:,} bytes in all. "
        f"They have the first {SHOWN_NAME} characters of a name and the first {SHOWN_HEADER_VALUE:,} bytes of a value."
    )
    header_count: int = Field(description="Number of all headers.")
    header_size: int = Field(description="Size of the names and values of all headers in bytes.")

    @classmethod
    def of(cls, record: TopicRecord) -> "RecordOut":
        return cls(
            partition=record.partition,
            offset=record.offset,
            at=record.at,
            timestamp=record.timestamp,
            is_committed=record.is_committed,
            key=None if record.key is None else record.key.decode(errors="replace"),
            value=None if record.value is None else record.value.decode(errors="replace"),
            size=record.size,
            header_count=record.header_count,
            header_size=record.header_size,
            headers=[
                HeaderOut(name=one.name, text=one.text, hex=one.hex)
                for one in (shown_header(name, value) for name, value in record.headers)
            ],
        )


class RecordList(Schema):
    items: list[RecordOut]
    next: str | None = None


def configuration_out(row: StreamConfiguration) -> ConfigurationOut:
    return ConfigurationOut.model_validate(row, from_attributes=True)


def batch_out(row: StreamBatch) -> BatchOut:
    own = {"configuration", "rows_per_second", "durations", "end_offsets"}
    fields: dict[str, Any] = {name: getattr(row, name) for name in BatchOut.model_fields if name not in own}
    return BatchOut(
        configuration=row.configuration_id,
        rows_per_second=real(row.rows_per_second),
        durations=row.phases,
        end_offsets=row.offsets,
        **fields,
    )
