"""The dashboards, run as Streamlit runs them, on a small lake."""

import re
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pytest
from pyiceberg.catalog import Catalog
from streamlit.testing.v1 import AppTest

from bi import trust
from bi.exports import as_csv
from bi.lake import Published
from controlplane.links import producer
from spark_jobs import documents
from tests.bi.gold_rows import HOUR, HOURLY_SALES, MONEY
from tests.bi.opening import APP, opened, words
from tests.labels import Bi

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def figures(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_an_empty_lake_says_what_belongs_here_and_how_to_get_it(warehouse: str) -> None:
    page = opened()
    assert f"**Hourly sales** {Bi.NOT_PUBLISHED}" in words(page)
    assert "http://127.0.0.1:8000/stream/" in words(page)
    assert not page.dataframe


def test_the_first_page_leads_to_every_view(gold: dict[str, int]) -> None:
    page = AppTest.from_file(str(APP), default_timeout=30).run()
    assert [one.value for one in page.subheader] == ["Hourly sales", "Top products", "User sessions"]
    assert all(str(snapshot) in words(page) for snapshot in gold.values())
    assert len(page.get("page_link")) == 3


def test_a_table_without_rows_says_so(catalog: Catalog) -> None:
    catalog.create_namespace("gold")
    table = catalog.create_table("gold.hourly_sales", schema=HOURLY_SALES)
    table.append(pa.Table.from_pylist([], schema=HOURLY_SALES))
    assert Bi.NO_ROWS in words(opened())


def test_a_catalogue_that_is_down_says_so(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICEBERG_CATALOG_URI", "postgresql+psycopg://nobody@127.0.0.1:1/lake")
    assert Bi.CATALOG_AWAY in words(opened())


def test_a_warehouse_that_is_away_says_so(gold: dict[str, int], warehouse: str) -> None:
    Path(warehouse.removeprefix("file://")).rename(Path(warehouse.removeprefix("file://")).with_name("away"))
    assert Bi.WAREHOUSE_AWAY in words(opened())


def test_hourly_sales(gold: dict[str, int]) -> None:
    page = opened()
    assert page.selectbox(key="currency").value == "EUR"
    assert figures(page) == {
        Bi.REVENUE.format("EUR"): "179.97", Bi.UNITS: "5", Bi.UNIT_REVENUE.format("EUR"): "35.99",
    }  # fmt: skip
    shown = page.dataframe[0].value
    assert list(shown["category"]) == ["bags", "shoes", "shoes"]

    page.selectbox(key="period").select("Last 24 hours").run()
    page.multiselect(key="category").select("shoes").run()
    assert figures(page)[Bi.REVENUE.format("EUR")] == "59.97"


def test_a_link_opens_what_it_was_copied_from(gold: dict[str, int]) -> None:
    page = opened(currency="SEK")
    assert figures(page) == {
        Bi.REVENUE.format("SEK"): "400.00", Bi.UNITS: "2", Bi.UNIT_REVENUE.format("SEK"): "200.00",
    }  # fmt: skip
    assert "nonsense" not in words(opened(currency="nonsense"))


def test_top_products(gold: dict[str, int]) -> None:
    page = opened("top_products", places="25")
    shown = page.dataframe[0].value
    assert list(shown["rank"]) == list(range(1, 26))
    assert shown["product_id"].iloc[0] == "p-00001"


def test_user_sessions(gold: dict[str, int]) -> None:
    page = opened("user_sessions")
    assert figures(page) == {
        Bi.SESSIONS: "3", Bi.CONVERSION: "33.3%", Bi.REVENUE.format("EUR"): "19.99", Bi.DURATION: "20",
    }  # fmt: skip
    page.selectbox(key="outcome").select("Not converted").run()
    page.multiselect(key="country").select("AT").run()
    page.multiselect(key="device").select("mobile").run()
    assert list(page.dataframe[0].value["session_id"]) == ["s-3"]


def test_the_strip_names_snapshot_run_and_verdict(gold: dict[str, int], warehouse: str) -> None:
    assert Bi.NOT_VALIDATED in words(opened())
    passed, failed = (str(UUID(int=number)) for number in (11, 22))
    for number, success in ((passed, True), (failed, False)):
        documents.write(
            warehouse,
            {
                "validation_id": number,
                "table": "lake.gold.top_products" if success else "lake.gold.hourly_sales",
                "snapshot_id": str(gold["top_products"] if success else gold["hourly_sales"] + 1),
                "success": success,
                "expectations": [{"success": True}, {"success": success}],
            },
        )
    page = opened("top_products")
    assert f"[{gold['top_products']}](http://127.0.0.1:8000/lakehouse/gold/top_products/)" in words(page)
    assert "[manual\\_\\_1](http://127.0.0.1:8000/runs/dag/manual__1/)" in words(page)
    assert f"[2 of 2 expectations passed](http://127.0.0.1:8000/quality/{passed}/)" in words(page)


def test_the_file_has_the_rows_of_the_screen_to_the_cent(gold: dict[str, int]) -> None:
    page = opened(currency="EUR", category="shoes")
    assert Bi.DOWNLOAD.format(2) in [button.label for button in page.get("download_button")]
    assert as_csv(page.dataframe[0].value).decode().splitlines() == [
        "hour,currency,category,orders,units,revenue,buyers",
        "2026-11-23T17:00:00.000000+0000,EUR,shoes,2,3,59.97,2",
        "2026-11-20T09:00:00.000000+0000,EUR,shoes,1,1,19.99,1",
    ]


def test_new_figures_show_as_soon_as_they_are_published(gold: dict[str, int], catalog: Catalog) -> None:
    page = opened(currency="SEK")
    table = catalog.load_table("gold.hourly_sales")
    row = {"hour": HOUR, "currency": "SEK", "category": "bags", "orders": 1, "units": 1, "buyers": 1}
    money = pa.array(["0.50"]).cast(MONEY)
    more = pa.Table.from_pylist([row], schema=HOURLY_SALES).set_column(5, HOURLY_SALES.field("revenue"), money)
    table.append(more)
    page.run()
    assert figures(page)[Bi.REVENUE.format("SEK")] == "400.50"


@pytest.mark.parametrize(
    "text",
    ["manual__1", "](//evil.example)", "![x](//evil.example/x.png)", ":red[x]", "$x$", "<b>", "**x**", "a_", "`x`"],
)  # fmt: skip
def test_a_runs_name_is_shown_as_it_is_and_leads_to_its_page(text: str) -> None:
    run = f"x__{text}"
    shown = trust._run(Published("gold.hourly_sales", 1, None, run), "http://lakehouse.example")
    label, _, address = shown.rpartition("](")
    assert re.sub(r"\\(.)", r"\1", label) == f"[{run}"
    assert re.search(r"(?<!\\)[!-/:-@\[\]^_`{-~]", label[1:]) is None
    assert address == f"http://lakehouse.example{producer('', run).url})"
    assert not set("()[]<> ") & set(address[:-1])
