"""The page and the API of the stream: who may do what, and what they see."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.accounts.models import AuditEntry
from controlplane.health.models import Measurement
from controlplane.streaming.adapters.null import NullEventTopic
from controlplane.streaming.models import Stream, StreamBatch, StreamConfiguration
from controlplane.streaming.selectors import lag_series, phase_series, range_of, stream_get
from controlplane.streaming.services import WHY_NEW_CHECKPOINT
from tests.adapters import Adapters
from tests.labels import Everywhere
from tests.labels import Stream as Labels
from tests.pages import Page, Visitor

pytestmark = pytest.mark.django_db


def batch(number: int, rows: int = 100) -> StreamBatch:
    return StreamBatch.objects.create(
        query_id="q",
        run_id="r",
        batch_id=number,
        started_at=datetime(2026, 11, 23, 12, 0, number, tzinfo=UTC),
        input_rows=rows,
        rows_per_second=50,
        lag_max=0,
        lag_total=0,
        durations={"triggerExecution": 1500},
        end_offsets={"0": rows},
    )


def test_a_stream_that_never_ran_offers_the_start_to_who_may(operator: Visitor) -> None:
    page = operator.page("/stream/")
    assert page.state == "stopped"
    assert page.action(Labels.START).url == "/stream/start/"
    assert not page.offers(Labels.STOP)


def test_a_viewer_sees_it_and_no_buttons(viewer: Visitor) -> None:
    page = viewer.page("/stream/")
    assert page.state == "stopped"
    assert [one.label for one in page.actions if one.method == "post"] == []


def test_a_start_from_the_page_and_its_double(operator: Visitor) -> None:
    start = operator.page("/stream/").action(Labels.START)
    for _ in range(2):
        assert start.press().status_code == 302
    assert stream_get().desired == "running"
    assert [entry.detail.get("repeated", False) for entry in AuditEntry.objects.order_by("at")] == [False, True]
    page = operator.page("/stream/")
    assert page.action(Labels.STOP).url == "/stream/stop/"
    assert "operator" in page.card(Labels.STATE)


@pytest.mark.parametrize("path", ["start", "stop", "configure"])
def test_a_viewer_who_posts_is_refused(viewer: Visitor, path: str) -> None:
    values = {"request_id": str(uuid.uuid4()), "trigger_seconds": 9, "max_offsets_per_trigger": 9000}
    assert viewer.post(f"/stream/{path}/", values).status_code == 403
    assert stream_get().desired == "stopped"
    assert StreamConfiguration.objects.count() == 1


@pytest.mark.parametrize("path", ["start", "stop", "configure"])
def test_a_get_changes_nothing(operator: Visitor, path: str) -> None:
    assert operator.get(f"/stream/{path}/").status_code == 405


def test_the_choice_to_start_anew_is_explained(operator: Visitor) -> None:
    stream_get()
    Stream.objects.update(
        desired="running", state="failed", problem="checkpoint_missing", bronze_rows=1234, message="It is not there."
    )
    page = operator.page("/stream/")
    why, anew = WHY_NEW_CHECKPOINT[Stream.Problem.CHECKPOINT_MISSING], page.action(Labels.RESTART)
    assert "It is not there." in page
    assert why in page
    assert (why in anew.question, "1,234" in anew.question) == (True, True)
    assert (anew.url, anew.fields["reset_checkpoint"]) == ("/stream/start/", "1")


def test_a_wrong_configuration_is_shown_with_its_field(operator: Visitor) -> None:
    put = operator.page("/stream/").card(Labels.CONFIGURATION).action(Labels.APPLY)
    answer = put.press(trigger_seconds=0, max_offsets_per_trigger=50_000)
    assert answer.status_code == 422
    page = Page.of(answer)
    assert list(page.errors) == ["trigger_seconds"]
    assert "1" in page.errors["trigger_seconds"]
    assert StreamConfiguration.objects.count() == 1


def test_what_was_done_to_the_stream_is_undone_with_one_click(operator: Visitor) -> None:
    operator.page("/stream/").action(Labels.START).press()
    operator.page("/stream/").action(Labels.STOP).press()
    assert stream_get().desired == "stopped"
    assert operator.page("/stream/").action(Everywhere.UNDO).press().status_code == 302
    assert stream_get().desired == "running"
    before = stream_get().configuration
    put = operator.page("/stream/").card(Labels.CONFIGURATION).action(Labels.APPLY)
    put.press(trigger_seconds=60, max_offsets_per_trigger=5000)
    assert stream_get().configuration.trigger_seconds == 60
    (undo,) = operator.page("/stream/").actions_named(Everywhere.UNDO)
    assert undo.press().status_code == 302
    now = stream_get().configuration
    assert (now.trigger_seconds, now.max_offsets_per_trigger) == (
        before.trigger_seconds,
        before.max_offsets_per_trigger,
    )
    operator.get("/stream/")  # It offers to take that back too, and says so once.
    assert not operator.page("/stream/").offers(Everywhere.UNDO)


def test_a_new_configuration_is_in_force(operator: Visitor) -> None:
    operator.post("/stream/configure/", {"trigger_seconds": 9, "max_offsets_per_trigger": 50_000})
    assert stream_get().configuration.trigger_seconds == 9
    assert operator.get("/api/v1/stream/configurations").json()["items"][0]["made_by"] == "operator"


def test_configurations_are_paged_and_the_page_says_that_there_are_more(viewer: Visitor) -> None:
    stream_get()
    for seconds in range(1, 12):
        StreamConfiguration.objects.create(trigger_seconds=seconds)
    card = viewer.page("/stream/").card(Labels.CONFIGURATION)
    assert (len(card.table().rows), "10 of 12" in card) == (10, True)
    assert "/api/v1/stream/configurations" in card.links.values()
    first = viewer.get("/api/v1/stream/configurations?limit=10").json()
    second = viewer.get(f"/api/v1/stream/configurations?limit=10&cursor={first['next']}").json()
    versions = [one["version"] for page in (first, second) for one in page["items"]]
    assert (len(versions), versions) == (12, sorted(versions, reverse=True))
    assert second["next"] is None


def test_batches_are_paged_newest_first(viewer: Visitor) -> None:
    for number in range(5):
        batch(number)
    first = viewer.get("/api/v1/stream/batches?limit=3").json()
    second = viewer.get(f"/api/v1/stream/batches?limit=3&cursor={first['next']}").json()
    assert [row["batch_id"] for row in first["items"] + second["items"]] == [4, 3, 2, 1, 0]
    assert second["next"] is None
    assert viewer.get("/api/v1/stream/batches?cursor=nonsense").status_code == 422


def test_the_api_starts_and_stops_with_the_same_rights(operator: Visitor) -> None:
    assert operator.post("/api/v1/stream/start", {}, "application/json").json()["desired"] == "running"
    assert operator.post("/api/v1/stream/stop", {}, "application/json").json()["desired"] == "stopped"


def test_the_api_refuses_a_viewer(viewer: Visitor) -> None:
    answer = viewer.post("/api/v1/stream/start", {}, "application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


def test_without_signing_in_there_is_nothing() -> None:
    assert Client().get("/stream/").status_code == 302
    assert Client().get("/api/v1/stream").status_code == 401


def test_a_record_is_text_whatever_it_is(viewer: Visitor, adapters: Adapters) -> None:
    topic = NullEventTopic()
    topic.ensure(1)
    topic.append(0, b"\xff<script>alert(1)</script>")
    adapters.use(event_topic=topic)
    assert "<script>alert" not in viewer.page("/stream/records/").html
    [record] = viewer.get("/api/v1/stream/records").json()["items"]
    assert record["value"] == "\ufffd<script>alert(1)</script>"


def test_without_kafka_the_rest_of_the_page_stays(viewer: Visitor, adapters: Adapters) -> None:
    topic = NullEventTopic()
    topic.reachable = False
    adapters.use(event_topic=topic)
    answer = viewer.get("/api/v1/stream/records")
    assert answer.status_code == 503
    records = viewer.fragment("/stream/records/")
    assert (records.tables, records.is_empty) == ([], False)
    assert answer.json()["error"]["message"] in records
    assert viewer.get("/stream/").status_code == 200


def measured(name: str, *points: tuple[float, float]) -> None:
    """Values by how many seconds ago they were measured."""
    now = timezone.now()
    for seconds, value in points:
        Measurement.objects.create(name=name, at=now - timedelta(seconds=seconds), value=value)


def test_a_rate_that_nobody_measures_is_unknown_everywhere(viewer: Visitor) -> None:
    measured("bronze.records", (300, 0), (290, 900))
    assert viewer.get("/api/v1/stream").json()["rows_per_second"] is None
    assert "rows/s" not in viewer.page("/stream/").fact(Labels.RATE)
    measured("bronze.records", (35, 1000), (1, 1340))
    assert viewer.get("/api/v1/stream").json()["rows_per_second"] == pytest.approx(10)
    assert "rows/s" in viewer.page("/stream/").fact(Labels.RATE)


def test_a_chart_has_a_gap_where_nobody_looked_and_none_where_nothing_came(viewer: Visitor) -> None:
    measured("bronze.records", (400, 0), (390, 100), (380, 100), (370, 100), (40, 900), (30, 900))
    measured("bronze.lag", (400, 5), (395, 6), (40, 7))
    (rates,), (lag,) = (viewer.get(f"/stream/{name}.json").json()["series"] for name in ("rates", "lag"))
    values = [value for _, value in rates["points"]]
    assert values.count(None) == 1
    assert 0 in values[: values.index(None)]
    assert [value for _, value in lag["points"]] == [5, 6, None, 7]


def test_phases_have_a_gap_between_batches_that_lie_far_apart(viewer: Visitor) -> None:
    now = timezone.now()
    for number, seconds in enumerate((300, 295, 60)):
        StreamBatch.objects.filter(pk=batch(number).pk).update(
            started_at=now - timedelta(seconds=seconds), durations={"triggerExecution": 2000, "addBatch": 1500}
        )
    found = {line["name"]: line["points"] for line in viewer.get("/stream/phases.json").json()["series"]}
    assert [value for _, value in found[Labels.PROCESSING]] == [1.5, 1.5, None, 1.5]


def test_batches_are_narrowed_and_turned_round_by_the_address(viewer: Visitor) -> None:
    for number in (1, 2, 3):
        batch(number, rows=number * 1111)

    def listed(query: str) -> list[int]:
        items = viewer.get(f"/api/v1/stream/batches?{query}").json()["items"]
        card = viewer.page(f"/stream/?{query}").card(Labels.BATCHES)
        shown = [] if card.is_empty else card.table().column(Labels.BATCH_ROWS)
        found = [int(rows.replace(",", "")) // 1111 for rows in shown]
        assert found == [item["batch_id"] for item in items], "the page and the API differ"
        return found

    assert listed("sort=oldest") == [1, 2, 3]
    assert listed("since=2026-11-23T12:00:02Z") == [3, 2]
    assert listed("until=2026-11-23T12:00:02Z&sort=oldest") == [1, 2]
    assert listed("text=q") == [3, 2, 1]
    assert listed("text=nothing") == []
    card = viewer.page("/stream/?text=nothing").card(Labels.BATCHES)
    assert card.is_empty
    assert card.link(Everywhere.CLEAR_FILTERS) == "/stream/"
    cursor = viewer.get("/api/v1/stream/batches?sort=oldest&limit=1").json()["next"]
    assert listed(f"sort=oldest&cursor={cursor}") == [2, 3]


def test_the_charts_offer_their_ranges_in_the_address(viewer: Visitor) -> None:
    page = viewer.page("/stream/?range=2h&text=abc")
    assert [chart.address for chart in page.charts.values()] == [
        "/stream/rates.json?range=2h",
        "/stream/lag.json?range=2h",
        "/stream/phases.json?range=2h",
    ]
    named = range_of("2h").label
    assert [chart.label for chart in page.charts.values() if named not in chart.label] == []
    ranges = page.part("charts")
    assert list(ranges.links.values()) == [
        "?range=30m&text=abc#charts",
        "?range=2h&text=abc#charts",
        "?range=24h&text=abc#charts",
    ]
    assert ranges.chosen == [named]
    # A filter of the batches leaves the range as it is, and the range is no filter.
    assert page.field("range").value == "2h"
    card = viewer.page("/stream/?range=2h").card(Labels.BATCHES)
    assert (card.is_empty, Everywhere.CLEAR_FILTERS in card.links) == (True, False)
    charts = viewer.page("/stream/?range=9y").charts
    assert {chart.address.partition("?")[2] for chart in charts.values()} == {"range=30m"}


def test_a_longer_range_reaches_further_back(viewer: Visitor) -> None:
    now = timezone.now()
    for number, minutes in enumerate((5, 90, 600)):
        durations = {"triggerExecution": 1500, "addBatch": minutes * 1000}
        StreamBatch.objects.filter(pk=batch(number).pk).update(
            started_at=now - timedelta(minutes=minutes), durations=durations
        )
        measured("bronze.lag", (minutes * 60, minutes))
        # Two rows a second for the twenty minutes before.
        looks = [(minutes * 60 + ago, 10_000 - 2.0 * ago) for ago in range(1200, -1, -15)]
        measured("bronze.records", *looks)

    def values(name: str, key: str, line: int = 0) -> list[float]:
        series = viewer.get(f"/stream/{name}.json?range={key}").json()["series"][line]
        return [value for _, value in series["points"] if value]

    assert [values("lag", key) for key in ("30m", "2h", "24h", "nonsense")] == [[5], [90, 5], [600, 90, 5], [5]]
    assert [values("phases", key, 1) for key in ("30m", "2h", "24h")] == [[5], [90, 5], [600, 90, 5]]
    for key, minutes in (("30m", 5), ("2h", 90), ("24h", 600)):
        points = viewer.get(f"/stream/rates.json?range={key}").json()["series"][0]["points"]
        first = (now - datetime.fromisoformat(points[0][0])).total_seconds() / 60
        assert minutes <= first <= minutes + 20, key
        assert 2.0 in [value for _, value in points]


def test_a_point_of_a_long_range_stands_for_all_of_its_width() -> None:
    day = range_of("24h")
    width = day.width.total_seconds()
    # The beginning of a point, an hour ago.
    begin = datetime.fromtimestamp((timezone.now().timestamp() - 3600) // width * width, UTC)
    for number in range(4):
        at = begin + timedelta(seconds=number * 10 if number < 3 else width)
        durations = {"triggerExecution": 1500, "addBatch": (number + 1) * 100}
        StreamBatch.objects.filter(pk=batch(number).pk).update(started_at=at, durations=durations)
        Measurement.objects.create(name="bronze.lag", at=at, value=[7, 9, 8, 1][number])
    second = (begin + day.width).isoformat()
    [phases] = [line["points"] for line in phase_series(day) if line["name"] == Labels.PROCESSING]
    assert [point for point in phases if point[1] is not None] == [(begin.isoformat(), 0.2), (second, 0.4)]
    [lag] = lag_series(day)
    assert [value for _, value in lag["points"]] == [9, None, 1]
    assert [value for _, value in lag_series(range_of("2h"))[0]["points"]] == [9, 8, None, 1]
