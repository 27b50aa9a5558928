"""What Spark creates in the catalogue beside our tables, on the running installation: names, a view, deleted rows."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from spark_jobs.session import connect
from tests.pages import Page
from tests.stack import Stack
from tests.system.api import ControlPlane
from tests.waiting import wait_for

NAMESPACE = "odd_tables"
NAMES = ("a/b", "it's", "日本語", "50%2F", "a.b", "x y", "~", "events")


@pytest.fixture
def created(stack: Stack, toured: str) -> Iterator[None]:
    """Tables of odd names, a view and a table of format version 3 with a deletion vector, in their own namespace."""
    spark = connect(stack.connections["spark_remote"])
    place = f"lake.{NAMESPACE}"
    spark.sql(f"CREATE NAMESPACE {place}")
    try:
        for name in NAMES:
            spark.sql(f"CREATE TABLE {place}.`{name}` (x int) USING iceberg")
        spark.sql(f"CREATE VIEW {place}.vw AS SELECT 1 AS one")
        spark.sql(
            f"CREATE TABLE {place}.deletes (x int) USING iceberg"
            " TBLPROPERTIES ('format-version' = '3', 'write.delete.mode' = 'merge-on-read')"
        )
        spark.sql("INSERT INTO lake.odd_tables.deletes SELECT /*+ COALESCE(1) */ * FROM VALUES (1), (2), (3)")
        spark.sql("DELETE FROM lake.odd_tables.deletes WHERE x = 2")
        yield
    finally:
        spark.sql(f"DROP VIEW IF EXISTS {place}.vw")
        for name in (*NAMES, "deletes"):
            spark.sql(f"DROP TABLE IF EXISTS {place}.`{name}`")
        spark.sql(f"DROP NAMESPACE {place}")
        spark.stop()


@pytest.mark.stack
def test_what_spark_can_create_is_listed_and_read(
    created: None, control_plane: ControlPlane, pages: httpx.Client
) -> None:
    def listed() -> dict[str, Any] | None:
        items = control_plane.get("/tables", text=NAMESPACE)["items"]
        found = {item["short_name"]: item for item in items if item["namespace"] == NAMESPACE}
        return found if set(found) >= {*NAMES, "deletes", "vw"} and found["deletes"]["records"] else None

    found = wait_for(listed, "every odd table is listed", within=60)
    view = found["vw"]
    assert (view["kind"], view["records"]) == ("view", None)
    assert "Only tables are supported here" in view["problem"]
    page = pages.get("/lakehouse/")
    assert page.status_code == 200
    for name, item in found.items():
        assert pages.get(item["url"]).status_code == 200, name
        assert Page(page.text).element.xpath(".//a[@href=$url]", url=item["url"]), name
        if name == "vw":
            continue
        assert item["problem"] == "", name
        detail = control_plane.get(f"/tables/{item['url'].removeprefix('/lakehouse/').rstrip('/')}")
        assert [field["path"] for field in detail["fields"]] == ["x"], name
        assert detail["problems"] == [], name
    current = control_plane.get(f"/tables/{NAMESPACE}/deletes")["current_snapshot"]
    assert (current["records"], current["before_deletes"], current["deletes"]) == (3, True, 1)
    assert control_plane.part("lake")["state"] == "up"
    assert control_plane.get("/tables", text="bronze.events")["items"][0]["records"] > 0
