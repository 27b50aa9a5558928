"""The ledger's page, and the same through the API."""

from dataclasses import replace
from uuid import uuid4

import pytest

from controlplane.ledger.adapters.null import NullLakeCounter
from controlplane.ledger.models import Statement
from controlplane.ledger.ports import Counted
from controlplane.ledger.services import ledger_take
from controlplane.ledger.waterfall import WIDTH, waterfall
from controlplane.scenarios.models import ScenarioRun
from controlplane.streaming.adapters.null import NullEventTopic
from tests.labels import Ledger
from tests.ledger.books import LAKE, RUN
from tests.pages import Visitor

pytestmark = pytest.mark.django_db


def test_before_any_count_the_page_says_so(operator: Visitor) -> None:
    page = operator.page("/ledger/")

    assert page.is_empty
    assert page.offers(Ledger.RECOMPUTE)
    assert operator.get("/api/v1/ledger").json()["verdict"] == "unknown"


def test_the_page_shows_the_way_and_every_line(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun, operator: Visitor
) -> None:
    ledger_take(actor=None)
    page = operator.page("/ledger/")

    assert page.state == "succeeded"
    checks = page.table(Ledger.CHECKS)
    assert len(checks.rows) == 13
    assert {row.part.state for row in checks.rows} == {"succeeded"}
    assert "1,234.50 EUR gold" in checks.column(Ledger.SOURCE)
    assert "/lakehouse/silver/quarantine/" in page.links.values()
    assert "malformed_json" in page.table(Ledger.QUARANTINE).column(Ledger.REASON)
    assert RUN in page.field("run").choices


def test_one_run_has_its_own_numbers(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun, operator: Visitor
) -> None:
    ledger_take(actor=None)
    page = operator.page(f"/ledger/?run={RUN}")

    assert f"/scenarios/runs/{RUN}/" in page.links.values()
    assert operator.page(f"/ledger/?run={uuid4()}").is_empty
    assert operator.get("/ledger/?run=%3Cscript%3E").status_code == 200
    said = operator.get(f"/api/v1/ledger?run={RUN}").json()
    assert [line["holds"] for line in said["lines"]] == [True] * len(said["lines"])
    assert page.table(Ledger.CHECKS).column(Ledger.CHECK) == [line["title"] for line in said["lines"]]
    assert "topic" not in [line["key"] for line in said["lines"]]
    assert operator.get(f"/api/v1/ledger?run={uuid4()}").status_code == 404


def test_the_api_tells_every_line(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun, operator: Visitor
) -> None:
    counter.counts = replace(LAKE, unaccounted=Counted(2, {RUN: 2}))
    ledger_take(actor=None)
    said = operator.get("/api/v1/ledger").json()

    assert (said["verdict"], said["balanced"]) == ("off", False)
    (off,) = [line for line in said["lines"] if line["holds"] is False]
    assert (off["key"], off["left"]["value"], off["right"]["value"], off["difference"]) == ("unaccounted", 2, 0, 2)
    assert said["count"]["state"] == "succeeded"


def test_counting_again_is_asked_for_once_and_shows(operator: Visitor, viewer: Visitor) -> None:
    request_id = uuid4()
    for _ in range(2):
        answer = operator.post("/ledger/recount/", {"request_id": request_id, "run": RUN})
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/ledger/?run={RUN}")

    assert Statement.objects.get().pk == request_id
    page = viewer.page("/ledger/")
    assert page.state == "waiting"
    assert not page.offers(Ledger.RECOMPUTE)
    assert viewer.post("/ledger/recount/", {"request_id": uuid4()}).status_code == 403
    assert operator.get("/ledger/recount/").status_code == 405


def test_the_api_counts_again_under_its_key(operator: Visitor, viewer: Visitor) -> None:
    key = uuid4()
    answer = operator.post("/api/v1/ledger/recount", headers={"Idempotency-Key": str(key)})

    assert (answer.status_code, answer.json()["id"], answer.json()["state"]) == (202, str(key), "waiting")
    assert operator.get(f"/api/v1/ledger/counts/{key}").json()["state"] == "waiting"
    assert operator.get(f"/api/v1/ledger/counts/{uuid4()}").status_code == 404
    assert viewer.post("/api/v1/ledger/recount").status_code == 403


def test_a_request_without_an_id_is_refused(operator: Visitor) -> None:
    operator.post("/ledger/recount/", {"request_id": "x"})

    assert not Statement.objects.exists()


def test_the_parts_of_bronze_fill_its_bar() -> None:
    flow = {"generated": 100, "acknowledged": 100, "topic": 100, "bronze": 100}
    parts = {"silver": 70, "quarantined": 20, "duplicates": 10, "pending": 0, "unaccounted": 0}
    steps = {step.key: step for step in waterfall({**flow, **parts})}

    assert (steps["bronze"].start, steps["bronze"].width) == (0, WIDTH)
    assert (steps["silver"].start, steps["silver"].width) == (0, 700)
    assert (steps["quarantined"].start, steps["quarantined"].width) == (700, 200)
    assert (steps["duplicates"].start, steps["duplicates"].width) == (900, 100)
    assert steps["pending"].width == 0


def test_a_single_record_is_seen_and_stays_in_the_picture() -> None:
    flow = {"generated": 1_000_000, "acknowledged": 1_000_000, "topic": 1_000_000, "bronze": 1_000_000}
    steps = {step.key: step for step in waterfall({**flow, "silver": 999_999, "quarantined": 1})}

    assert steps["quarantined"].width > 0
    assert steps["quarantined"].start + steps["quarantined"].width <= WIDTH
    assert {step.width for step in waterfall({})} == {0}
