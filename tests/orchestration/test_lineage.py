"""What a run read and wrote, on its page and in the API, with and without the lake."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from controlplane.health.services import observation_record
from controlplane.lakehouse import probe
from controlplane.lakehouse.adapters.null import NullCatalog
from controlplane.lakehouse.ports import Ref
from controlplane.orchestration.models import DagRun, SparkJob
from controlplane.quality.models import Validation
from tests.adapters import Adapters
from tests.labels import Runs
from tests.lakehouse.tables import NOW, snapshot, table
from tests.pages import Table, Visitor

pytestmark = pytest.mark.django_db
JOB = uuid.UUID("8c4ee2ee-6a0c-4b8e-8c1d-1f2c3d4e5f60")


def stamps(job: str, run_id: str, source: str, read: str) -> dict[str, str]:
    return {
        "lakehouse.job": job,
        "lakehouse.run-id": run_id,
        "lakehouse.input-table": f"lake.{source}",
        "lakehouse.input-snapshot": read,
    }


@pytest.fixture
def catalog(adapters: Adapters) -> NullCatalog:
    """A DAG run that wrote silver and gold, and a Spark job that rebuilt gold on the branch audit."""
    silver = table(
        "silver.events",
        snapshot(4, **stamps("silver.events", "manual__0", "bronze.events", "1")),
        snapshot(5, parent=4, **stamps("silver.events", "manual__1", "bronze.events", "2")),
    )
    gold = table(
        "gold.top_products",
        snapshot(8, **stamps("gold.top_products", "manual__1", "silver.events", "none")),
        snapshot(9, parent=8, **stamps("gold.top_products", str(JOB), "silver.events", "5")),
        current="8",
        refs=(Ref("main", "branch", "8"), Ref("audit", "branch", "9")),
    )
    found = NullCatalog(table("bronze.events", snapshot(2, **{"lakehouse.job": "bronze.events"})), silver, gold)
    adapters.use(catalog=found)
    observation_record(part="lake", reading=probe.look())
    return found


@pytest.fixture
def run() -> DagRun:
    return DagRun.objects.create(dag_id="medallion", run_id="manual__1", state="succeeded")


def shown(viewer: Visitor, address: str) -> Table:
    """The snapshots on a run's page."""
    return viewer.page(address).table(Runs.SNAPSHOTS)


def lineage(viewer: Visitor, path: str) -> tuple[list[tuple[Any, ...]], list[str]]:
    said = viewer.get(f"/api/v1/{path}").json()["lineage"]
    rows = []
    for one in said["written"]:
        read = one["read"] and (one["read"]["table"], one["read"]["snapshot_id"], one["read"]["empty"])
        rows.append((one["table"], one["snapshot_id"], one["published"], read))
    return rows, said["problems"]


def test_a_dag_run_has_its_snapshots_with_what_they_were_made_from(
    catalog: NullCatalog, viewer: Visitor, run: DagRun
) -> None:
    assert lineage(viewer, "dag-runs/manual__1") == (
        [
            ("silver.events", "5", True, ("bronze.events", "2", False)),
            ("gold.top_products", "8", True, ("silver.events", None, True)),
        ],
        [],
    )
    for address in ("/runs/dag/manual__1/", "/runs/dag/manual__1/snapshots/"):
        made = shown(viewer, address)
        assert [list(row.part.links.values()) for row in made.rows] == [
            ["/lakehouse/silver/events/?snapshot=5#snapshot", "/lakehouse/bronze/events/?snapshot=2#snapshot"],
            ["/lakehouse/gold/top_products/?snapshot=8#snapshot"],
        ]
        assert made.column(Runs.SOURCE) == ["bronze.events 2", f"silver.events {Runs.EMPTY_THEN}"]


def test_a_spark_job_has_what_it_wrote_and_what_its_report_names(catalog: NullCatalog, viewer: Visitor) -> None:
    build = SparkJob.objects.create(pk=JOB, job="gold.top_products", state="succeeded")
    gate = SparkJob.objects.create(
        job="gold.top_products.gate",
        state="succeeded",
        report={"snapshots": {"lake.gold.top_products": "9", "lake.gold.expired": "77"}},
    )
    silver = ("silver.events", "5", False)
    assert lineage(viewer, f"spark-jobs/{build.pk}") == ([("gold.top_products", "9", False, silver)], [])
    # A snapshot that the lake no longer has keeps its place; what was read for it is unknown.
    assert lineage(viewer, f"spark-jobs/{gate.pk}") == (
        [("gold.top_products", "9", False, silver), ("gold.expired", "77", None, None)],
        [],
    )
    made = shown(viewer, gate.get_absolute_url())
    assert "/lakehouse/silver/events/?snapshot=5#snapshot" in made.row("gold.top_products").part.links.values()
    expired = made.row("gold.expired")
    assert list(expired.part.links.values()) == ["/lakehouse/gold/expired/?snapshot=77#snapshot"]
    assert set(expired.part.states) == {"unknown"}


def test_while_the_lake_is_away_what_is_known_without_it_stays(
    catalog: NullCatalog, viewer: Visitor, run: DagRun
) -> None:
    Validation.objects.create(
        id=uuid.uuid4(),
        suite="silver.quarantine",
        table="lake.silver.quarantine",
        snapshot_id="6",
        run_id="manual__1",
        success=True,
        published=True,
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=1),
        expectations_failed=0,
        path="x.json",
        modified_at=NOW,
    )
    catalog.unreachable = "the database is away"
    rows, problems = lineage(viewer, "dag-runs/manual__1")
    assert problems == ["the database is away"]
    assert rows == [
        ("silver.events", "5", True, ("bronze.events", "2", False)),
        ("silver.quarantine", "6", None, None),
        # The last look did not say whether silver was empty then.
        ("gold.top_products", "8", True, ("silver.events", None, False)),
    ]
    card = viewer.page("/runs/dag/manual__1/").card(Runs.SNAPSHOTS)
    assert "the database is away" in card
    assert card.table().column(Runs.MADE_SNAPSHOT) == ["5", "6", "8"]
    # And once the look at it has failed too, nobody asks again.
    observation_record(part="lake", reading=probe.look())
    catalog.unreachable = ""
    assert lineage(viewer, "dag-runs/manual__1") == (rows, ["the database is away"])


def test_one_table_that_cannot_be_read_leaves_the_others(catalog: NullCatalog, viewer: Visitor, run: DagRun) -> None:
    catalog.unread["silver.events"] = "its metadata is gone"
    rows, problems = lineage(viewer, "dag-runs/manual__1")
    assert problems == ["silver.events: its metadata is gone"]
    assert [row[:2] for row in rows] == [("silver.events", "5"), ("gold.top_products", "8")]


def test_a_run_without_snapshots_says_whether_any_may_come(catalog: NullCatalog, viewer: Visitor) -> None:
    DagRun.objects.create(dag_id="medallion", run_id="manual__2", state="running")
    DagRun.objects.create(dag_id="medallion", run_id="manual__3", state="failed")
    running, failed = (viewer.page(f"/runs/dag/manual__{number}/").card(Runs.SNAPSHOTS) for number in (2, 3))
    assert (running.is_empty, failed.is_empty) == (True, True)
    assert (Runs.NONE_YET in running, Runs.NONE_YET in failed) == (True, False)
    assert (Runs.NONE_KEPT in running, Runs.NONE_KEPT in failed) == (False, True)
    assert lineage(viewer, "dag-runs/manual__3") == ([], [])
