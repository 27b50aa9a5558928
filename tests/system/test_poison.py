"""Whatever lies on the topic, the stream goes on and every record is accounted for."""

import subprocess

import pytest
from pyiceberg.catalog import Catalog

from tests.stack import Stack

pytestmark = pytest.mark.stack


def test_poison_is_quarantined_with_its_reason_and_the_stream_goes_on(
    stack: Stack,
    stack_lake: Catalog,
    poisoned: dict[tuple[int, int], str],
    toured_again: "subprocess.CompletedProcess[str]",
) -> None:
    assert toured_again.returncode == 0, toured_again.stdout + toured_again.stderr
    rows = stack_lake.load_table("silver.quarantine").scan(selected_fields=("partition", "offset", "reason")).to_arrow()
    reasons = {(row["partition"], row["offset"]): row["reason"] for row in rows.to_pylist()}
    assert {place: reasons.get(place) for place in poisoned} == poisoned
    ledger = stack.command("manage.py", "ledger", "--json")
    assert ledger.returncode == 0, ledger.stdout + ledger.stderr
