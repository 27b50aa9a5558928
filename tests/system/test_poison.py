"""Whatever lies on the topic, the stream goes on and every record is accounted for."""

import json
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from pyiceberg.catalog import Catalog

from tests.stack import Stack
from tests.system.api import ControlPlane
from tests.waiting import wait_for

pytestmark = pytest.mark.stack

POISON: dict[str, tuple[bytes | None, str]] = {
    "not JSON": (b"\x00\xff\xfe not json at all", "malformed_json"),
    "empty": (b"", "empty_record"),
    "a tombstone": (None, "empty_record"),
    "900 KB long": (json.dumps({"event_id": str(uuid4()), "query": "x" * 900_000}).encode(), "oversized"),
    "900 KB of opening brackets": (b"[" * 900_000, "oversized"),
    "a JSON null": (b"null", "not_an_object"),
    "a list": (b"[1, 2, 3]", "not_an_object"),
    "cut short": (b'{"event_id": "1", "event_ty', "malformed_json"),
}


def test_poison_is_quarantined_with_its_reason_and_the_stream_goes_on(
    stack: Stack, stack_lake: Catalog, toured: str, control_plane: ControlPlane
) -> None:
    sent: dict[tuple[int, int], str] = {}
    producer = Producer({"bootstrap.servers": stack.connections["kafka"], "message.max.bytes": 1_000_000})

    def delivered(reason: str) -> Any:
        def note(error: Any, message: Any) -> None:
            assert error is None, error
            sent[(message.partition(), message.offset())] = reason

        return note

    for value, reason in POISON.values():
        producer.produce(stack.connections["topic"], value=value, key=b"poison", on_delivery=delivered(reason))
    assert producer.flush(30) == 0
    assert len(sent) == len(POISON)

    def in_bronze() -> bool:
        rows = stack_lake.load_table("bronze.events").scan(selected_fields=("partition", "offset")).to_arrow()
        there = set(zip(rows["partition"].to_pylist(), rows["offset"].to_pylist(), strict=True))
        return set(sent) <= there

    wait_for(in_bronze, "bronze has the poison", within=60, every=1)
    assert control_plane.get("/stream")["state"] == "running"

    run = control_plane.post("/dag-runs", {"dag_id": "medallion"})
    wait_for(
        lambda: control_plane.get(f"/dag-runs/{run['run_id']}")["state"] == "succeeded",
        "the medallion run succeeds",
        within=240,
        every=1,
    )
    rows = stack_lake.load_table("silver.quarantine").scan(selected_fields=("partition", "offset", "reason")).to_arrow()
    reasons = {(row["partition"], row["offset"]): row["reason"] for row in rows.to_pylist()}
    assert {place: reasons.get(place) for place in sent} == sent
    ledger = stack.command("manage.py", "ledger", "--json")
    assert ledger.returncode == 0, ledger.stdout + ledger.stderr
