"""A recording goes all the way: uploaded, read by a worker, played through Kafka and the stream into silver."""

import subprocess
from collections import Counter
from decimal import Decimal

import pytest
from pyiceberg.catalog import Catalog
from pyiceberg.expressions import EqualTo

from tests.system.api import ControlPlane
from tests.system.recorded import EVENTS, ROWS, Played

pytestmark = pytest.mark.stack


def test_the_file_was_read_and_played_and_the_replay_sent_the_same_bytes(played: Played) -> None:
    (reading,) = played.recording["readings"]
    assert (reading["rows_read"], reading["events"]) == (ROWS, ROWS * 49 // 50)
    assert reading["left_out"] == {"price": ROWS // 50}
    assert (played.run["state"], played.run["acknowledged"], played.run["failed"]) == ("succeeded", EVENTS, 0)
    assert (played.replay["state"], played.replay["replay_matches"]) == ("succeeded", True)
    assert played.replay["digest"] == played.run["digest"] != ""


def test_silver_has_the_events_of_the_file_and_the_ledger_of_the_run_balances(
    played: Played,
    stack_lake: Catalog,
    toured_again: "subprocess.CompletedProcess[str]",
    control_plane: ControlPlane,
) -> None:
    assert toured_again.returncode == 0, toured_again.stdout + toured_again.stderr
    truth, run = played.run["truth"], played.run["id"]
    fields = ("event_id", "event_type", "user_id", "product_id", "price", "currency")
    silver = stack_lake.load_table("silver.events").scan(
        row_filter=EqualTo("scenario_run", run), selected_fields=fields
    )
    rows = silver.to_arrow().to_pylist()
    bad, copies = sum(truth["expected_reasons"].values()), truth["duplicates"]
    assert bad > 20
    assert copies > 50
    assert len({row["event_id"] for row in rows}) == len(rows) == EVENTS - bad - copies
    ours = {"view": "view", "cart": "add_to_cart", "purchase": "purchase"}
    theirs = Counter(
        (ours[row["event_type"]], row["user_id"], row["product_id"], Decimal(row["price"]), "USD")
        for row in played.rows
    )
    found = Counter((r["event_type"], r["user_id"], r["product_id"], r["price"], r["currency"]) for r in rows)
    assert found <= theirs
    for sent in (played.run, played.replay):
        lines = control_plane.get("/ledger", run=sent["id"])["lines"]
        assert lines
        assert [line["title"] for line in lines if line["holds"] is not True] == []
