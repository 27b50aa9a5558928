"""The pages and the API of runs."""

import uuid
from datetime import UTC, datetime

import pytest

from controlplane.accounts.models import User
from controlplane.orchestration.adapters.null import NullJobRunner, NullWorkflowEngine
from controlplane.orchestration.models import AirflowSyncStatus, DagRun, SparkJob
from controlplane.orchestration.syncing import sync
from tests.adapters import Adapters
from tests.labels import Everywhere, Runs
from tests.pages import Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _engine_of_the_pages(engine: NullWorkflowEngine, adapters: Adapters) -> None:
    adapters.use(workflow_engine=engine, job_runner=NullJobRunner())


def test_a_trigger_leads_to_the_run_and_its_double_to_the_same(operator: Visitor) -> None:
    trigger = operator.page("/runs/").action(Runs.TRIGGER_MEDALLION)
    answers = [trigger.press() for _ in range(2)]
    assert {answer["Location"] for answer in answers} == {f"/runs/dag/manual__{trigger.fields['request_id']}/"}
    page = operator.page(answers[0]["Location"])
    assert page.state == "waiting"
    assert DagRun.objects.get().message in page.card(Runs.STATE)


def test_a_viewer_reads_and_may_not_ask(viewer: Visitor) -> None:
    assert viewer.post("/runs/dag/", {"request_id": str(uuid.uuid4())}).status_code == 403
    assert viewer.post("/runs/jobs/", {"request_id": str(uuid.uuid4()), "job": "silver.events"}).status_code == 403
    page = viewer.page("/runs/")
    assert (page.offers(Runs.TRIGGER_MEDALLION), page.offers(Runs.RUN_JOB)) == (False, False)
    assert not DagRun.objects.exists()
    assert not SparkJob.objects.exists()


def test_a_job_leads_to_its_page(operator: Visitor) -> None:
    run_job = operator.page("/runs/").action(Runs.RUN_JOB)
    answer = run_job.press(job="silver.events")
    assert answer["Location"] == f"/runs/jobs/{run_job.fields['request_id']}/"
    assert operator.page(answer["Location"]).heading == "silver.events"


def test_airflow_away_leaves_the_rows_and_says_so(viewer: Visitor) -> None:
    DagRun.objects.create(dag_id="medallion", run_id="manual__x", state="succeeded")
    AirflowSyncStatus.objects.create(pk=1, problem="Connection refused")
    for path in ("/runs/", "/runs/dag/manual__x/"):
        page = viewer.page(path)
        assert "Connection refused" in page.part("airflow-away")
        assert "medallion" in (page.heading if path != "/runs/" else page.table().column(Runs.NAME))


def test_a_run_with_any_id_has_its_page(viewer: Visitor) -> None:
    run = DagRun.objects.create(dag_id="medallion", run_id="scheduled__2026-11-23T17:00:00+00:00")
    assert viewer.get(run.get_absolute_url()).status_code == 200
    found = viewer.get("/api/v1/dag-runs/scheduled__2026-11-23T17:00:00%2B00:00").json()
    assert found["run_id"] == run.run_id
    assert found["airflow_url"].endswith("/dags/medallion/runs/scheduled__2026-11-23T17%3A00%3A00%2B00%3A00")


def test_a_log_is_a_part_of_the_page_or_one_of_its_own(operator: Visitor, engine: NullWorkflowEngine) -> None:
    operator.post("/runs/dag/", {"request_id": str(uuid.uuid4())})
    sync(engine)
    run = DagRun.objects.get()
    part = operator.fragment(f"/runs/dag/{run.run_id}/log/first/1/")
    assert ("did nothing" in part, part.is_whole) == (True, False)
    page = operator.page(f"/runs/dag/{run.run_id}/log/first/1/")
    assert ("did nothing" in page, page.is_whole) == (True, True)
    missing = operator.get(f"/api/v1/dag-runs/{run.run_id}/tasks/second/log")
    assert missing.status_code == 404
    assert missing.json()["error"]["message"] in operator.page(f"/runs/dag/{run.run_id}/log/second/1/")
    engine.reachable = False
    assert operator.get(f"/runs/dag/{run.run_id}/log/first/1/").status_code == 200
    assert operator.get(f"/api/v1/dag-runs/{run.run_id}/tasks/first/log").status_code == 503


def test_what_is_not_there(viewer: Visitor) -> None:
    nobody = uuid.uuid4()
    for path in (f"/runs/dag/manual__{nobody}/", f"/runs/jobs/{nobody}/"):
        assert viewer.get(path).status_code == 404
    for path in (f"dag-runs/manual__{nobody}", f"spark-jobs/{nobody}"):
        assert viewer.get(f"/api/v1/{path}").status_code == 404


def test_the_api_asks_for_both_kinds(operator: Visitor) -> None:
    key = str(uuid.uuid4())
    for _ in range(2):
        answer = operator.post("/api/v1/dag-runs", {}, "application/json", headers={"Idempotency-Key": key})
        assert (answer.status_code, answer.json()["run_id"]) == (202, f"manual__{key}")
        answer = operator.post(
            "/api/v1/spark-jobs", {"job": "silver.events"}, "application/json", headers={"Idempotency-Key": key}
        )
        assert (answer.status_code, answer.json()["id"]) == (202, key)
    answer = operator.post("/api/v1/spark-jobs", {"job": "gold.rush"}, "application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
    assert [len(operator.get(f"/api/v1/{kind}").json()["items"]) for kind in ("dag-runs", "spark-jobs")] == [1, 1]


def test_filters_live_in_the_address(viewer: Visitor) -> None:
    DagRun.objects.create(dag_id="medallion", run_id="manual__x", state="failed")
    SparkJob.objects.create(job="gold.top_products", state="succeeded")
    assert viewer.page("/runs/?state=failed").table().column(Runs.RUN) == ["manual__x"]
    page = viewer.page("/runs/?kind=spark&state=failed")
    assert (page.is_empty, Everywhere.CLEAR_FILTERS in page.links) == (True, True)
    assert viewer.get("/api/v1/dag-runs?state=succeeded").json()["items"] == []


def test_runs_are_found_by_text_and_time_on_the_page_and_in_the_api(viewer: Visitor, viewer_user: User) -> None:
    for hour in (9, 11):
        at = datetime(2026, 11, 23, hour, tzinfo=UTC)
        DagRun.objects.create(dag_id="medallion", run_id=f"manual__{hour}", requested_at=at, state="failed")
        SparkJob.objects.create(job=f"gold.at_{hour}", requested_at=at)
    User.objects.filter(pk=viewer_user.pk).update(time_zone="Asia/Tokyo")

    # 19:00 in Tokyo is 10:00 UTC.
    page = viewer.page("/runs/?since=2026-11-23T19:00")
    assert page.table().column(Runs.NAME) == ["medallion", "gold.at_11"]
    assert "manual__11" in page.table().column(Runs.RUN)
    assert page.field("since").value == "2026-11-23T19:00"
    runs = viewer.page("/runs/?sort=oldest").table().column(Runs.RUN)
    assert runs.index("manual__9") < runs.index("manual__11")
    page = viewer.page("/runs/?text=nowhere&state=failed")
    assert page.is_empty
    assert page.link(Everywhere.CLEAR_FILTERS) == "/runs/"
    page = viewer.page("/runs/?until=never")
    assert list(page.errors) == ["until"]
    assert "never" in page.errors["until"]
    assert "manual__9" in page.table().column(Runs.RUN)

    def found(query: str) -> list[str]:
        items = viewer.get(f"/api/v1/{query}").json()["items"]
        return [item.get("run_id") or item["job"] for item in items]

    assert found("dag-runs?since=2026-11-23T19:00") == ["manual__11"]
    assert found("dag-runs?sort=oldest&text=MANUAL") == ["manual__9", "manual__11"]
    assert found("dag-runs?text=9&state=succeeded") == []
    assert found("spark-jobs?until=2026-11-23T10:00:00Z") == ["gold.at_9"]
    assert found("spark-jobs?text=at_11&sort=oldest") == ["gold.at_11"]
    for wrong in ("since=never", "sort=sideways", "text=%00", f"text={'x' * 201}"):
        assert viewer.get(f"/api/v1/dag-runs?{wrong}").status_code == 422
