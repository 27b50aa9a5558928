"""The stream's operations in the REST API."""

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Header, Query, Router

from controlplane.accounts.requests import current_user
from controlplane.streaming.models import StreamConfiguration
from controlplane.streaming.schemas import (
    BatchList,
    ConfigurationIn,
    ConfigurationList,
    ConfigurationOut,
    RecordList,
    RecordOut,
    StartIn,
    StreamOut,
    batch_out,
    configuration_out,
)
from controlplane.streaming.selectors import batches, stream_get
from controlplane.streaming.services import stream_configure, stream_start, stream_stop
from controlplane.streaming.tail import topic_tail
from controlplane.web.api_input import Cursor, Limit
from controlplane.web.filters import ListQuery
from controlplane.web.paging import paginate

router = Router()

Key = Annotated[UUID | None, Header(alias="Idempotency-Key")]


@router.get("/stream", response=StreamOut, summary="Get the desired and the current state of the stream")
def stream_read(request: HttpRequest) -> StreamOut:
    return StreamOut.of(stream_get())


@router.post("/stream/start", response=StreamOut, summary="Start the stream")
def start(request: HttpRequest, wanted: StartIn | None = None, key: Key = None) -> StreamOut:
    stream_start(
        actor=current_user(request), request_id=key, reset_checkpoint=wanted.reset_checkpoint if wanted else False
    )
    return StreamOut.of(stream_get())


@router.post("/stream/stop", response=StreamOut, summary="Stop the stream")
def stop(request: HttpRequest, key: Key = None) -> StreamOut:
    stream_stop(actor=current_user(request), request_id=key)
    return StreamOut.of(stream_get())


@router.get("/stream/batches", response=BatchList, summary="List batches with rows, newest first")
def batches_list(request: HttpRequest, asked: Query[ListQuery], cursor: Cursor = None, limit: Limit = 50) -> BatchList:
    page = batches(wanted=asked.list_filter(current_user(request)), cursor=cursor, size=limit)
    return BatchList(items=[batch_out(row) for row in page.items], next=page.next)


@router.get("/stream/configurations", response=ConfigurationList, summary="List configuration versions")
def configurations(request: HttpRequest, cursor: Cursor = None, limit: Limit = 50) -> ConfigurationList:
    page = paginate(StreamConfiguration.objects.all(), order=("-version",), cursor=cursor, size=limit)
    return ConfigurationList(items=[configuration_out(row) for row in page.items], next=page.next)


@router.post("/stream/configurations", response=ConfigurationOut, summary="Apply a new configuration")
def configure(request: HttpRequest, wanted: ConfigurationIn) -> ConfigurationOut:
    row = stream_configure(
        actor=current_user(request),
        trigger_seconds=wanted.trigger_seconds,
        max_offsets_per_trigger=wanted.max_offsets_per_trigger,
    )
    return configuration_out(row)


@router.get("/stream/records", response=RecordList, summary="List the latest messages on the topic")
def records(request: HttpRequest, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> RecordList:
    return RecordList(items=[RecordOut.of(record) for record in topic_tail(limit)])
