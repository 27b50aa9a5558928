"""The pages of the lake, and the same through the API, while it answers and while it doesn't."""

from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.health.models import Measurement, Observation, PartState
from controlplane.health.reading import Reading
from controlplane.health.services import observation_record
from controlplane.lakehouse import probe
from controlplane.lakehouse.adapters.null import NullCatalog
from controlplane.lakehouse.ports import Ref
from controlplane.lakehouse.selectors import tables_now
from tests.adapters import Adapters
from tests.labels import Everywhere, Lakehouse
from tests.lakehouse.tables import snapshot, table
from tests.pages import Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog(adapters: Adapters) -> NullCatalog:
    """Bronze of two snapshots, silver of three, of which the last waits on the branch audit."""
    bronze = table(
        "bronze.events",
        snapshot(1, **{"lakehouse.job": "bronze.events"}),
        snapshot(2, parent=1, **{"total-files-size": "2048"}),
    )
    stamps = {
        "lakehouse.job": "silver.events",
        "lakehouse.run-id": "manual__1",
        "lakehouse.input-table": "lake.bronze.events",
        "lakehouse.input-snapshot": "2",
        "added-records": "1234567",
    }
    silver = table(
        "silver.events",
        snapshot(5),
        snapshot(6, parent=5, **stamps),
        snapshot(7, parent=6),
        current="6",
        refs=(Ref("main", "branch", "6"), Ref("audit", "branch", "7")),
    )
    found = NullCatalog(bronze, silver, table("gold.top_products"))
    adapters.use(catalog=found)
    return found


def _look() -> None:
    observation_record(part="lake", reading=probe.look())


def test_a_look_keeps_what_each_table_holds(catalog: NullCatalog) -> None:
    _look()

    row = Observation.objects.get(part="lake")
    assert row.state == "up"
    assert row.detail["tables"]["bronze.events"]["records"] == 20
    assert row.detail["tables"]["bronze.events"]["bytes"] == 2048
    assert row.detail["tables"]["silver.events"]["snapshot_id"] == "6"
    assert row.detail["tables"]["gold.top_products"]["snapshot_id"] is None
    assert dict(Measurement.objects.values_list("name", "value")) == {"bronze.records": 20, "silver.records": 60}


def test_tables_come_in_the_order_of_the_flow(catalog: NullCatalog) -> None:
    _look()

    lake = tables_now()
    assert [found.name for found in lake.tables] == ["bronze.events", "silver.events", "gold.top_products"]
    silver = lake.table("silver.events")
    assert silver is not None
    assert (silver.writer, silver.run_id, silver.input_table, silver.input_snapshot) == (
        "silver.events",
        "manual__1",
        "bronze.events",
        "2",
    )


def test_while_the_lake_is_down_the_last_tables_stay_with_their_age(catalog: NullCatalog, viewer: Visitor) -> None:
    _look()
    seen_at = tables_now().seen_at
    catalog.unreachable = "the database is away"
    _look()

    lake = tables_now()
    assert (lake.state, lake.seen_at, len(lake.tables)) == ("down", seen_at, 3)
    for address in ("/lakehouse/", "/lakehouse/silver/events/"):
        page = viewer.page(address)
        assert "the database is away" in page.part("lake-away")
        if address == "/lakehouse/":
            assert page.table().column(Lakehouse.TABLE) == ["bronze.events", "silver.events", "gold.top_products"]
        else:
            assert (page.heading, page.fact(Lakehouse.ROWS)) == ("silver.events", "60")
    answer = viewer.get("/api/v1/tables/silver/events")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unreachable")
    assert viewer.get("/api/v1/tables").json()["state"] == "down"


def test_one_table_that_cannot_be_read_leaves_the_others(catalog: NullCatalog) -> None:
    catalog.unread["silver.events"] = "its metadata is gone"
    _look()

    lake = tables_now()
    assert lake.state == "degraded"
    assert [(table.name, table.problem) for table in lake.unread] == [("silver.events", "its metadata is gone")]
    assert (lake.state_of("silver.events"), lake.state_of("bronze.events")) == ("degraded", "up")
    assert lake.table("bronze.events") is not None


def test_an_old_look_says_nothing_about_now(catalog: NullCatalog) -> None:
    _look()
    Observation.objects.update(observed_at=timezone.now() - timedelta(minutes=1))

    assert tables_now().state == "unknown"


def test_before_the_first_look_nothing_is_known(viewer: Visitor) -> None:
    assert tables_now().state == "unknown"
    page = viewer.page("/lakehouse/")
    assert (page.state, page.is_empty) == ("unknown", True)


def test_the_list_links_tables_and_their_makers(catalog: NullCatalog, viewer: Visitor) -> None:
    _look()

    silver = viewer.page("/lakehouse/").table().row("silver.events")
    assert silver.part.addresses == ["/lakehouse/silver/events/", "/runs/dag/manual__1/"]


def test_a_table_shows_its_snapshots_and_what_they_came_from(catalog: NullCatalog, viewer: Visitor) -> None:
    _look()

    page = viewer.page("/lakehouse/silver/events/")
    snapshots = page.part("snapshots").table()
    assert snapshots.column(Lakehouse.RECORDS) == ["", "+1,234,567", ""]
    on_audit, on_main, before = snapshots.rows
    assert "/lakehouse/bronze/events/?snapshot=2#snapshot" in on_main.part.links.values()
    assert [Lakehouse.NOT_PUBLISHED in row.part for row in (on_audit, on_main, before)] == [True, False, False]
    assert "audit" in on_audit[Lakehouse.OPERATION]
    assert page.table(Lakehouse.SCHEMA).column(Lakehouse.COLUMN) == ["event_id"]
    assert page.fact(Lakehouse.PARTITIONED_BY) == "days(kafka_time)"


def test_a_snapshot_has_an_address(catalog: NullCatalog, viewer: Visitor) -> None:
    _look()

    chosen = viewer.page("/lakehouse/silver/events/?snapshot=6").part("snapshot")
    assert chosen.fact("lakehouse.input-snapshot") == "2"
    assert viewer.page("/lakehouse/silver/events/?snapshot=404").part("snapshot").is_empty


def test_the_chart_follows_main_only(catalog: NullCatalog, viewer: Visitor) -> None:
    (series,) = viewer.get("/lakehouse/silver/events/records.json").json()["series"]

    assert [value for _, value in series["points"]] == [50, 60]


def test_an_unknown_table_is_not_found(catalog: NullCatalog, viewer: Visitor) -> None:
    assert viewer.get("/lakehouse/silver/nothing/").status_code == 404
    assert viewer.get("/api/v1/tables/silver/nothing").status_code == 404


def test_snapshots_are_paged_by_key(viewer: Visitor, adapters: Adapters) -> None:
    many = [snapshot(number, parent=number - 1 or None) for number in range(1, 61)]
    adapters.use(catalog=NullCatalog(table("bronze.events", *many)))

    first = viewer.get("/api/v1/tables/bronze/events/snapshots?limit=40").json()
    second = viewer.get(f"/api/v1/tables/bronze/events/snapshots?limit=40&cursor={first['next']}").json()
    assert [item["snapshot_id"] for item in first["items"] + second["items"]] == [str(n) for n in range(60, 0, -1)]
    assert second["next"] is None
    assert viewer.get("/api/v1/tables/bronze/events/snapshots?cursor=gone").status_code == 422
    assert viewer.get("/lakehouse/bronze/events/?cursor=gone").status_code == 422


def test_the_chart_of_a_long_history_keeps_its_newest_point(viewer: Visitor, adapters: Adapters) -> None:
    many = [snapshot(number, parent=number - 1 or None) for number in range(1, 2_001)]
    adapters.use(catalog=NullCatalog(table("bronze.events", *many)))

    (series,) = viewer.get("/lakehouse/bronze/events/records.json").json()["series"]
    assert 400 <= len(series["points"]) <= 500
    assert series["points"][-1][1] == 20_000


def test_the_api_tells_a_table(catalog: NullCatalog, viewer: Visitor) -> None:
    said = viewer.get("/api/v1/tables/silver/events").json()

    assert said["current_snapshot"]["snapshot_id"] == "6"
    assert said["current_snapshot"]["run_url"] == "/runs/dag/manual__1/"
    assert said["refs"] == [
        {"name": "main", "kind": "branch", "snapshot_id": "6"},
        {"name": "audit", "kind": "branch", "snapshot_id": "7"},
    ]
    assert said["fields"][0]["path"] == "event_id"


def test_a_storage_that_is_known_to_be_down_is_not_waited_for(viewer: Visitor, catalog: NullCatalog) -> None:
    _look()
    catalog.unreachable = "asked all the same"
    observation_record(part="storage", reading=Reading(PartState.DOWN, "The disk is full. Free some space."))
    page = viewer.page("/lakehouse/silver/events/")
    assert "The disk is full. Free some space." in page
    assert "asked all the same" not in page.html
    answer = viewer.get("/api/v1/tables/silver/events")
    assert answer.status_code == 503
    assert "silver.events can't be read now: The disk is full." in answer.json()["error"]["message"]


def test_tables_are_narrowed_and_sorted_on_the_page_and_in_the_api(catalog: NullCatalog, viewer: Visitor) -> None:
    _look()

    def listed(query: str) -> list[str]:
        items = [item["name"] for item in viewer.get(f"/api/v1/tables?{query}").json()["items"]]
        page = viewer.page(f"/lakehouse/?{query}")
        rows = [] if page.is_empty else page.table().rows
        assert [row[Lakehouse.TABLE] for row in rows] == items
        assert [row.part.link(row[Lakehouse.TABLE]) for row in rows] == [
            f"/lakehouse/{name.replace('.', '/')}/" for name in items
        ]
        return items

    assert listed("text=SILVER") == ["silver.events"]
    assert listed("text=manual__1") == ["silver.events"]
    # Bronze was written at 17:02, silver at 17:06, gold never.
    assert listed("sort=newest") == ["silver.events", "bronze.events", "gold.top_products"]
    assert listed("sort=oldest") == ["bronze.events", "silver.events", "gold.top_products"]
    assert listed("until=2026-11-23T17:02:00Z") == ["bronze.events"]
    assert listed("since=2026-11-24") == []
    page = viewer.page("/lakehouse/?since=2026-11-24")
    assert page.is_empty
    assert page.link(Everywhere.CLEAR_FILTERS) == "/lakehouse/"
    totals = viewer.page("/lakehouse/?text=silver").table().totals
    assert totals is not None
    assert totals[Lakehouse.ROWS] == "60"


def test_snapshots_are_narrowed_and_turned_round_page_by_page(catalog: NullCatalog, viewer: Visitor) -> None:
    _look()
    address = "/api/v1/tables/silver/events/snapshots"

    def listed(query: str) -> list[str]:
        return [item["snapshot_id"] for item in viewer.get(f"{address}?{query}").json()["items"]]

    assert listed("sort=oldest") == ["5", "6", "7"]
    assert listed("text=bronze.events") == ["6"]
    assert listed("text=manual") == ["6"]
    assert listed("since=2026-11-23T17:06:00Z") == ["7", "6"]
    first = viewer.get(f"{address}?sort=oldest&until=2026-11-23T17:06:00Z&limit=1").json()
    assert [item["snapshot_id"] for item in first["items"]] == ["5"]
    second = viewer.get(f"{address}?sort=oldest&until=2026-11-23T17:06:00Z&limit=1&cursor={first['next']}").json()
    assert ([item["snapshot_id"] for item in second["items"]], second["next"]) == (["6"], None)
    card = viewer.page("/lakehouse/silver/events/?text=nothing").part("snapshots")
    assert card.is_empty
    assert card.link(Everywhere.CLEAR_FILTERS) == "/lakehouse/silver/events/"
    card = viewer.page("/lakehouse/silver/events/?text=manual").part("snapshots")
    assert [row.part.link("6") for row in card.table().rows] == ["?snapshot=6#snapshot"]
