"""The tour holds, and can be asked for again; the ledger agrees with what can be counted from outside."""

import json

import pytest
from pyiceberg.catalog import Catalog

from tests.stack import Stack
from tests.system.api import ControlPlane

pytestmark = pytest.mark.stack


def test_the_tour_prints_a_ledger_that_balances(stack: Stack, toured: str) -> None:
    for word in ("generated", "acknowledged", "bronze", "silver", "quarantined", "duplicates", "revenue"):
        assert word in toured.lower(), f"the tour says nothing of {word}"
    ledger = stack.command("manage.py", "ledger", "--json")
    assert ledger.returncode == 0, ledger.stdout + ledger.stderr
    statement = json.loads(ledger.stdout)
    assert statement["balanced"] is True
    assert all(line["holds"] for line in statement["lines"])


def test_the_lake_holds_what_the_ledger_says(stack_lake: Catalog, toured: str, control_plane: ControlPlane) -> None:
    silver = stack_lake.load_table("silver.events").scan().to_pandas()
    bronze = stack_lake.load_table("bronze.events").scan(selected_fields=("partition", "offset")).to_pandas()
    quarantine = stack_lake.load_table("silver.quarantine").scan().to_pandas()
    sales = stack_lake.load_table("gold.hourly_sales").scan().to_pandas()
    runs = control_plane.get("/scenario-runs")["items"]
    first_light = [run for run in runs if run["state"] == "succeeded" and run["scenario"] == "first-light"]
    assert first_light
    assert sum(run["acknowledged"] for run in runs) == sum(run["generated"] for run in runs)
    assert len(bronze) == len(bronze.drop_duplicates()) >= sum(run["acknowledged"] for run in runs)
    assert silver["event_id"].is_unique
    assert 50_000 < sum(run["generated"] for run in first_light) / len(first_light) < 70_000
    kept = set(zip(silver["partition"], silver["offset"], strict=True))
    rejected = set(zip(quarantine["partition"], quarantine["offset"], strict=True))
    assert not kept & rejected
    assert len(quarantine) > 0.02 * len(bronze)
    assert quarantine["reason"].nunique() >= 6
    purchases = silver[silver["event_type"] == "purchase"]
    for currency, revenue in sales.groupby("currency")["revenue"].sum().items():
        bought = purchases[purchases["currency"] == currency]
        assert revenue == (bought["price"] * bought["quantity"].astype(int)).sum(), currency


def test_gold_was_published_by_its_gate(stack: Stack, toured: str, control_plane: ControlPlane) -> None:
    validations = control_plane.get("/validations")["items"]
    published = {validation["table"] for validation in validations if validation["success"] and validation["published"]}
    assert {
        "lake.silver.events", "lake.gold.hourly_sales", "lake.gold.top_products", "lake.gold.user_sessions"
    } <= published  # fmt: skip
    for validation in validations:
        assert len(control_plane.get(f"/validations/{validation['id']}")["expectations"]) >= 4


def test_each_snapshot_says_what_made_it(toured: str, control_plane: ControlPlane) -> None:
    dag_runs = {run["run_id"] for run in control_plane.get("/dag-runs")["items"]}
    for table in ("silver/events", "gold/hourly_sales", "gold/top_products", "gold/user_sessions"):
        snapshots = control_plane.get(f"/tables/{table}/snapshots")["items"]
        assert snapshots, table
        assert snapshots[0]["summary"]["lakehouse.run-id"] in dag_runs
