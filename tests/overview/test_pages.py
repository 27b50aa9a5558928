"""The first page: the flow from rows, where it breaks, the first steps; and the same over SSE and the API."""

import asyncio
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.utils import timezone

from controlplane.accounts.models import AuditEntry, User
from controlplane.health import direct
from controlplane.health.adapters.null import NullBroker, NullSupervisor
from controlplane.health.models import Measurement, Observation, PartState
from controlplane.health.parts import PARTS
from controlplane.health.reading import Reading
from controlplane.health.selectors import parts
from controlplane.health.services import observation_record
from controlplane.lakehouse.selectors import tables_now
from controlplane.ledger.selectors import latest
from controlplane.orchestration.models import DagRun
from controlplane.overview.first_steps import first_steps, step_take
from controlplane.overview.flow import Stage
from controlplane.overview.recent_activity import ACTIONS, recent_activity
from controlplane.overview.stages import stations
from controlplane.overview.trust import Sign, signs
from controlplane.quality.models import Validation
from controlplane.quality.selectors import verdicts
from controlplane.scenarios.documents.services import library_sync
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.runs.services import scenario_run_start
from controlplane.streaming.models import Stream
from spark_jobs.pipeline import GOLD, SILVER
from tests.adapters import Adapters
from tests.labels import Lakehouse, Overview
from tests.pages import Visitor
from tests.waiting import PATIENCE

pytestmark = pytest.mark.django_db
TASKS = ("silver_events", "silver_events_gate", "hourly_sales", "hourly_sales_gate", "top_products",
         "top_products_gate", "user_sessions", "user_sessions_gate")  # fmt: skip


@pytest.fixture(autouse=True)
def _everything_up(adapters: Adapters) -> None:
    broker, supervisor = NullBroker(), NullSupervisor()
    adapters.use(broker=broker, process_supervisor=supervisor)
    direct.forget()
    for part in PARTS:
        observation_record(part=part.name, reading=Reading(PartState.UP, "Answers.", {}))
    down("stream", PartState.UP, {"state": "running"})


def down(part: str, state: PartState = PartState.DOWN, detail: dict[str, Any] | None = None) -> None:
    observation_record(part=part, reading=Reading(state, "It is gone.", detail or {}))


def lake(**tables: tuple[int | None, str, str]) -> None:
    """Tables by name with `__` for the dot: rows, snapshot and the input's snapshot."""
    now = timezone.now().isoformat()
    described = {
        name.replace("__", "."): {
            "records": rows, "files": 1, "bytes": 1, "snapshot_id": snapshot or None,
            "snapshot_at": now if snapshot else None, "operation": "append", "input_snapshot": source,
        }
        for name, (rows, snapshot, source) in tables.items()
    }  # fmt: skip
    observation_record(part="lake", reading=Reading(PartState.UP, "", {"tables": described, "seen_at": now}))


BUILT: dict[str, tuple[int | None, str, str]] = {
    "bronze__events": (60_000, "b1", ""),
    "silver__events": (57_000, "s1", "b1"),
    "silver__quarantine": (1_800, "q1", "b1"),
    "gold__hourly_sales": (30, "g1", "s1"),
    "gold__top_products": (100, "g2", "s1"),
    "gold__user_sessions": (9_000, "g3", "s1"),
}


def run(state: str = "succeeded", **tasks: str) -> None:
    states = dict.fromkeys(TASKS, "success") | tasks
    DagRun.objects.create(
        dag_id="medallion",
        run_id=f"manual__{uuid4()}",
        state=state,
        tasks=[{"task_id": task, "state": found} for task, found in states.items()],
    )


def flow() -> dict[str, Stage]:
    return {
        station.key: station
        for station in stations({part.name: part for part in parts()}, tables_now(), verdicts(), latest())
    }


def validation(suite: str, *, success: bool) -> Validation:
    now = timezone.now()
    return Validation.objects.create(
        id=uuid4(), suite=suite, table=f"lake.{suite}", success=success, published=success, started_at=now,
        finished_at=now, expectations_failed=0 if success else 2, path=str(uuid4()), modified_at=now,
    )  # fmt: skip


def test_a_flow_that_is_well() -> None:
    lake(**BUILT)
    run()
    found = flow()
    assert list(found) == ["generator", "kafka", "bronze", "silver", "silver-gate", "gold", "gold-gate", "bi"]
    assert [found[key].count for key in ("bronze", "silver", "gold")] == [60_000, 57_000, 9_130]
    assert [found[key].state for key in ("bronze", "silver", "gold")] == ["running", "succeeded", "succeeded"]
    assert [found[key].pipe.text for key in ("silver", "gold") if found[key].pipe] == [Overview.UP_TO_DATE] * 2
    assert found["silver"].note == Overview.IN_QUARANTINE.format("1,800")


def test_what_silver_has_not_seen_and_gold_has_not_built_is_behind() -> None:
    lake(**{**BUILT, "bronze__events": (90_000, "b2", ""), "gold__top_products": (100, "g2", "s0")})
    run()
    found = flow()
    assert (found["silver"].pipe, found["gold"].pipe) != (None, None)
    assert [(one.pipe.state, one.pipe.text) for one in (found["silver"], found["gold"]) if one.pipe] == [
        ("behind", Overview.NEW_ROWS),
        ("behind", Overview.TABLES_BEHIND.format(1, 3)),
    ]


@pytest.mark.parametrize(
    ("part", "broken"),
    [
        ("kafka", ["kafka", "bronze"]),
        ("spark", ["bronze", "silver", "gold"]),
        ("airflow", ["silver", "gold"]),
        ("bi", ["bi"]),
    ],
)
def test_a_part_that_is_down_breaks_the_pipes_that_need_it(part: str, broken: list[str]) -> None:
    lake(**BUILT)
    run()
    down(part)
    assert [key for key, station in flow().items() if station.pipe and station.pipe.state == "broken"] == broken


def test_a_failed_task_is_the_break() -> None:
    lake(**BUILT)
    run("failed", top_products_gate="failed")
    found = flow()
    assert (found["silver"].state, found["gold"].state) == ("succeeded", "failed")
    assert found["gold"].pipe is not None
    assert found["gold"].pipe.state == "broken"


def test_a_gate_says_what_was_not_met_and_leads_there() -> None:
    for suite in ("silver.events", "silver.quarantine", "gold.hourly_sales", "gold.top_products"):
        validation(suite, success=True)
    failed = validation("gold.user_sessions", success=False)
    found = flow()
    assert (found["silver-gate"].state, found["gold-gate"].state) == ("succeeded", "failed")
    assert (found["gold-gate"].note, found["gold-gate"].url) == (Overview.FAILED.format(2), f"/quality/{failed.pk}/")


def test_what_nobody_judged_has_not_passed() -> None:
    for suite in ("silver.events", "gold.hourly_sales"):
        validation(suite, success=True)
    found = flow()
    assert [(found[key].state, found[key].note) for key in ("silver-gate", "gold-gate")] == [
        ("unknown", Overview.SUITES.format(1, 2)),
        ("unknown", Overview.SUITES.format(1, 3)),
    ]
    validation("silver.quarantine", success=False)
    assert flow()["silver-gate"].state == "failed"


def test_numbers_of_an_unknown_lake_are_shown_with_their_age() -> None:
    lake(**BUILT)
    then = timezone.now() - timedelta(minutes=3)
    Observation.objects.filter(part="lake").update(observed_at=then)
    silver = flow()["silver"]
    assert (silver.count, silver.since) == (57_000, then)


def test_lag_of_long_ago_is_not_told_as_todays() -> None:
    Measurement.objects.create(name="bronze.lag", at=timezone.now() - timedelta(minutes=5), value=700)
    pipe = flow()["bronze"].pipe
    assert pipe is not None
    assert pipe.text == ""


def strip() -> dict[str, Sign]:
    return {sign.key: sign for sign in signs(tables_now(), verdicts(), latest())}


def odd_lake(*names: str, seen: bool, **more: object) -> None:
    """All of BUILT, where these tables can't be read: their numbers are of an earlier look, or none are known."""
    lake(**BUILT)
    row = Observation.objects.get(part="lake")
    for name in names:
        held = row.detail["tables"].get(name) if seen else None
        unknown = dict.fromkeys(("records", "files", "bytes", "snapshot_id", "snapshot_at"))
        row.detail["tables"][name] = {
            **(held or unknown), "problem": f"{name} is odd.", "remedy": "Drop it.", "fault": True, **more,
        }  # fmt: skip
    row.state = PartState.DEGRADED
    row.save()


def test_another_table_that_cannot_be_read_changes_nothing_in_the_flow() -> None:
    run()
    lake(**BUILT)
    before = {key: (one.state, one.count, one.since, one.note) for key, one in flow().items()}
    odd_lake("extra.odd", "extra.vw", seen=False)
    assert {key: (one.state, one.count, one.since, one.note) for key, one in flow().items()} == before
    assert strip()["freshness"].state == "up"


@pytest.mark.parametrize("name", BUILT)
@pytest.mark.parametrize("seen", [True, False])
def test_a_table_of_the_flow_that_cannot_be_read_is_said_at_its_station(name: str, seen: bool, viewer: Visitor) -> None:
    table = name.replace("__", ".")
    odd_lake(table, seen=seen)
    run()
    station = flow()[table.partition(".")[0]]
    assert Overview.UNREADABLE in station.note.lower()
    assert first_steps(tables_now()) == [], "something was built"
    if table in ("silver.events", *GOLD):
        assert strip()["freshness"].state != "up"
        assert strip()["freshness"].headline != Overview.NEVER_BUILT
    assert viewer.get("/").status_code == 200


def test_a_snapshot_of_an_unknown_time_is_no_reason_for_an_error(viewer: Visitor) -> None:
    lake(**BUILT)
    row = Observation.objects.get(part="lake")
    for held in row.detail["tables"].values():
        held |= {"snapshot_at": None, "records": None, "empty": False}
    row.save()
    assert (strip()["freshness"].state, strip()["freshness"].headline) == ("unknown", Overview.BUILT_UNKNOWN)
    assert flow()["gold"].count is None
    for page in ("/", "/lakehouse/", "/bi/"):
        assert viewer.get(page).status_code == 200
    written = viewer.page("/lakehouse/").table().column(Lakehouse.LAST_SNAPSHOT)
    assert (len(written), Lakehouse.NOTHING_WRITTEN in written) == (len(BUILT), False)


def test_gold_is_level_only_when_all_of_it_was_built() -> None:
    lake(**{name: held for name, held in BUILT.items() if name != "gold__top_products"})
    run()
    freshness, pipe = strip()["freshness"], flow()["gold"].pipe
    assert (freshness.state, freshness.headline) == ("unknown", Overview.NOT_BUILT.format("gold.top_products"))
    assert pipe is not None
    assert (pipe.state, pipe.text) == ("behind", Overview.TABLES_BEHIND.format(1, 3))
    lake(**{**BUILT, "gold__top_products": (100, "g2", "s0")})
    assert (strip()["freshness"].state, strip()["freshness"].headline) == (
        "degraded",
        Overview.ONE_BEHIND,
    )


def test_a_verdict_needs_every_suite() -> None:
    for suite in (*SILVER, *GOLD[:2]):
        validation(suite, success=True)
    verdict = strip()["verdict"]
    assert (verdict.state, verdict.headline) == ("unknown", Overview.NOT_VALIDATED.format("gold.user_sessions"))
    validation(GOLD[2], success=True)
    assert (strip()["verdict"].state, strip()["verdict"].headline) == ("up", Overview.SUITES_PASSED.format(5))


def test_each_station_has_a_count_a_rate_and_an_age(operator_user: User) -> None:
    lake(**BUILT)
    run()
    now = timezone.now()
    for name in ("generator.acknowledged", "kafka.records", "bronze.records", "silver.records", "gold.records"):
        for seconds, value in ((30, 100), (1, 390)):
            Measurement.objects.create(name=name, at=now - timedelta(seconds=seconds), value=value)
    sent_at, newest = now - timedelta(minutes=7), now - timedelta(minutes=6)
    library_sync()
    finished = scenario_run_start(actor=operator_user, slug="first-light", request_id=uuid4())
    ScenarioRun.objects.filter(pk=finished.pk).update(state="succeeded", acknowledged=390, heartbeat_at=now)
    finished.samples.create(at=sent_at, rate=40, target_rate=40, acknowledged=390)
    finished.samples.create(at=now, rate=0, target_rate=40, acknowledged=390)
    observation_record(part="kafka", reading=Reading(PartState.UP, "", {"newest_at": newest.isoformat()}))
    found = {key: station for key, station in flow().items() if not station.gate}
    assert {key: station.rate for key, station in found.items()} == {
        **dict.fromkeys(("generator", "kafka", "bronze", "silver", "gold"), pytest.approx(10)),
        "bi": None,
    }
    assert (found["generator"].newest, found["kafka"].newest) == (sent_at, newest)
    assert [key for key, station in found.items() if station.count is None or station.newest is None] == []
    assert (found["bi"].count, found["bi"].unit, found["bi"].newest) == (3, "views", found["gold"].newest)


def test_what_is_not_measured_has_no_rate_and_says_so(viewer: Visitor) -> None:
    lake(**BUILT)
    page = viewer.page("/")
    for station in ("generator", "kafka", "bronze", "silver", "gold"):
        assert Overview.NO_RATE in page.part(f"station-{station}")
    assert page.text.count(Overview.NO_RATE) == 5


def test_rows_that_the_writer_did_not_count_are_unknown() -> None:
    lake(**{**BUILT, "bronze__events": (None, "b1", ""), "gold__top_products": (None, "g2", "s1")})
    assert [flow()[key].count for key in ("bronze", "silver", "gold")] == [None, 57_000, None]


def test_the_page_says_when_all_is_well(viewer: Visitor) -> None:
    lake(**BUILT)
    run()
    for suite in (*SILVER, *GOLD):
        validation(suite, success=True)
    page = viewer.page("/")
    for key in ("freshness", "verdict"):
        sign = strip()[key]
        assert sign.state == "up"
        assert sign.headline in page.part(f"trust-{key}")
    assert strip()["verdict"].headline == Overview.SUITES_PASSED.format(5)
    assert Overview.GUIDE not in page.headings


def test_what_needs_a_look_comes_first_and_says_since_when(viewer: Visitor) -> None:
    lake(**BUILT)
    down("kafka")
    down("spark", PartState.DEGRADED)
    concerns = viewer.page("/").part("attention")
    assert concerns.states[:2] == ["down", "degraded"]
    assert list(concerns.links.values())[:2] == ["#part-kafka", "#part-spark"]
    since = {one.name: one.since.replace(microsecond=0) for one in parts() if one.since}
    assert concerns.moments[:2] == [since["kafka"], since["spark"]]


def test_a_page_asks_the_database_little(viewer: Visitor, django_assert_max_num_queries: Any) -> None:
    lake(**BUILT)
    run()
    viewer.get("/")
    with django_assert_max_num_queries(17):
        viewer.get("/")


def test_a_new_installation_shows_three_steps_to_who_may_do_them(operator: Visitor, viewer: Visitor) -> None:
    library_sync()
    guide = operator.page("/").card(Overview.GUIDE)
    assert [one.url for one in guide.actions] == ["/overview/first-steps/stream/", "/overview/first-steps/scenario/"]
    assert viewer.page("/").card(Overview.GUIDE).actions == []


def test_each_step_does_what_it_says_once_however_often_it_is_pressed(operator: Visitor) -> None:
    library_sync()
    for step in ("stream", "scenario", "scenario", "medallion", "medallion"):
        assert operator.post(f"/overview/first-steps/{step}/").status_code == 302
    assert Stream.objects.get().desired == "running"
    assert [run.version.scenario.slug for run in ScenarioRun.objects.all()] == ["first-light"]
    assert DagRun.objects.count() == 1


def test_a_step_that_failed_can_be_done_again(operator_user: User) -> None:
    library_sync()
    step_take(actor=operator_user, key="scenario")
    ScenarioRun.objects.update(state="failed")
    step_take(actor=operator_user, key="scenario")
    assert ScenarioRun.objects.count() == 2


def test_a_viewer_does_no_step(viewer: Visitor) -> None:
    assert viewer.post("/overview/first-steps/stream/").status_code == 403
    assert not Stream.objects.filter(desired="running").exists()
    assert AuditEntry.objects.latest("at").outcome == "refused"


def test_the_last_things_are_told_with_who_did_them(operator: Visitor) -> None:
    lake(**BUILT)
    operator.post("/stream/start/", {"request_id": str(uuid4())})
    told, done = operator.page("/").card(Overview.ACTIVITY), ACTIONS["stream.start"]
    assert f"operator {done}" in told
    assert done in told.links


def test_the_chart_has_the_rates_of_the_last_half_hour(viewer: Visitor) -> None:
    now = timezone.now()
    for number in range(20):
        Measurement.objects.create(name="kafka.records", at=now - timedelta(seconds=5 * number), value=-number * 50)
    (found,) = viewer.get("/overview/rates.json").json()["series"]
    assert (found["name"], {value for _, value in found["points"]}) == ("Kafka", {10.0})


@pytest.mark.django_db(transaction=True)
def test_the_live_page_sends_every_part_and_only_to_who_is_signed_in(viewer_user: User) -> None:

    async def events() -> set[str]:
        client = AsyncClient()
        assert (await client.get("/overview/live/")).status_code == 302
        await sync_to_async(client.force_login)(viewer_user)
        answer = await client.get("/overview/live/")
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        seen: set[str] = set()
        async for part in answer.streaming_content:
            seen |= set(re.findall(r"^event: (\w+)", part.decode(), re.MULTILINE))
            if len(seen) == 6:
                break
        return seen

    assert asyncio.run(asyncio.wait_for(events(), 20 * PATIENCE)) == {
        "attention", "guide", "flow", "trust", "parts", "recent_activity"
    }  # fmt: skip


def before_deletes(*names: str) -> None:
    row = Observation.objects.get(part="lake")
    for name in names:
        row.detail["tables"][name]["before_deletes"] = True
    row.save()


@pytest.mark.parametrize("name", BUILT)
def test_rows_under_deletes_are_named_so_wherever_they_are_counted(name: str, viewer: Visitor) -> None:
    lake(**BUILT)
    table = name.replace("__", ".")
    before_deletes(table)
    flow_now = flow()
    station = flow_now[table.partition(".")[0]]
    shown = station.note if table == "silver.quarantine" else station.unit
    assert Lakehouse.BEFORE_DELETES in shown
    others = [one for one in flow_now.values() if one is not station]
    assert not any(Lakehouse.BEFORE_DELETES in f"{one.unit} {one.note}" for one in others)
    odd_lake(table, seen=True, seen_at=timezone.now().isoformat())
    before_deletes(table)
    assert Lakehouse.BEFORE_DELETES in str(viewer.page("/lakehouse/").table().row(f"{table} is odd"))


def test_a_flood_of_suites_and_runs_stays_within_its_cards(viewer: Visitor, operator_user: User) -> None:
    for number in range(40):
        validation(f"suite-{number:03}-{'x' * 100}", success=False)
        DagRun.objects.create(
            dag_id="d" * 250, run_id=f"{number}{'r' * 240}", state="failed", requested_by="x" * 150
        )  # fmt: skip
    page = viewer.page("/")
    assert strip()["verdict"].headline.endswith(" and 37 more")
    assert len(strip()["verdict"].headline) < 400
    assert page.text.count("suite-") == 2 * 3
    assert len(recent_activity()) == 10
    assert "/activity/" in page.links.values()
    assert Overview.VIEW_ALL in page
