"""The pages and the API of runs."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.orchestration.adapters.null import NullJobRunner, NullWorkflowEngine
from controlplane.orchestration.models import DagRun, Mirror, SparkJob
from controlplane.orchestration.syncing import sync
from tests.adapters import Adapters
from tests.people import person

pytestmark = pytest.mark.django_db
As = Callable[[Role], Client]


@pytest.fixture
def signed_in() -> As:
    def sign_in(role: Role) -> Client:
        client = Client()
        client.force_login(person(role))
        return client

    return sign_in


@pytest.fixture(autouse=True)
def engine(adapters: Adapters) -> NullWorkflowEngine:
    null = NullWorkflowEngine()
    adapters.use(workflow_engine=null, job_runner=NullJobRunner())
    return null


def test_a_trigger_leads_to_the_run_and_its_double_to_the_same(signed_in: As) -> None:
    client = signed_in(Role.OPERATOR)
    request = {"request_id": str(uuid.uuid4())}
    answers = [client.post("/runs/dag/", request) for _ in range(2)]
    assert {answer["Location"] for answer in answers} == {f"/runs/dag/manual__{request['request_id']}/"}
    page = client.get(answers[0]["Location"]).content.decode()
    assert 'data-state="waiting"' in page
    assert "On its way to Airflow." in page


def test_a_viewer_reads_and_may_not_ask(signed_in: As) -> None:
    client = signed_in(Role.VIEWER)
    assert client.post("/runs/dag/", {"request_id": str(uuid.uuid4())}).status_code == 403
    assert client.post("/runs/jobs/", {"request_id": str(uuid.uuid4()), "job": "silver.events"}).status_code == 403
    assert 'action="/runs/dag/"' not in client.get("/runs/").content.decode()
    assert not DagRun.objects.exists()
    assert not SparkJob.objects.exists()


def test_a_job_leads_to_its_page(signed_in: As) -> None:
    client = signed_in(Role.OPERATOR)
    request = uuid.uuid4()
    answer = client.post("/runs/jobs/", {"request_id": str(request), "job": "silver.events"})
    assert answer["Location"] == f"/runs/jobs/{request}/"
    assert "silver.events" in client.get(answer["Location"]).content.decode()


def test_airflow_away_leaves_the_rows_and_says_so(signed_in: As) -> None:
    DagRun.objects.create(dag_id="medallion", run_id="manual__x", state="succeeded")
    Mirror.objects.create(pk=1, problem="Connection refused")
    for path in ("/runs/", "/runs/dag/manual__x/"):
        page = signed_in(Role.VIEWER).get(path).content.decode() if path == "/runs/" else page_again(path)
        assert "Airflow was last seen" in page
        assert "Connection refused" in page
        assert "medallion" in page


def page_again(path: str) -> str:
    from controlplane.accounts.models import User

    client = Client()
    client.force_login(User.objects.get())
    return client.get(path).content.decode()


def test_a_run_with_any_id_has_its_page(signed_in: As) -> None:
    run = DagRun.objects.create(dag_id="medallion", run_id="scheduled__2026-11-23T17:00:00+00:00")
    client = signed_in(Role.VIEWER)
    assert client.get(run.get_absolute_url()).status_code == 200
    found = client.get("/api/v1/dag-runs/scheduled__2026-11-23T17:00:00%2B00:00").json()
    assert found["run_id"] == run.run_id
    assert found["airflow_url"].endswith("/dags/medallion/runs/scheduled__2026-11-23T17%3A00%3A00%2B00%3A00")


def test_a_log_is_a_part_of_the_page_or_one_of_its_own(signed_in: As, engine: NullWorkflowEngine) -> None:
    client = signed_in(Role.OPERATOR)
    client.post("/runs/dag/", {"request_id": str(uuid.uuid4())})
    sync(engine)
    run = DagRun.objects.get()
    part = client.get(f"/runs/dag/{run.run_id}/log/first/1/", headers={"HX-Request": "true"}).content.decode()
    assert "did nothing" in part
    assert "<html" not in part
    assert "<html" in client.get(f"/runs/dag/{run.run_id}/log/first/1/").content.decode()
    assert "There is no log" in client.get(f"/runs/dag/{run.run_id}/log/second/1/").content.decode()
    assert client.get(f"/api/v1/dag-runs/{run.run_id}/tasks/second/log").status_code == 404
    engine.reachable = False
    assert client.get(f"/runs/dag/{run.run_id}/log/first/1/").status_code == 200
    assert client.get(f"/api/v1/dag-runs/{run.run_id}/tasks/first/log").status_code == 503


def test_what_is_not_there(signed_in: As) -> None:
    client = signed_in(Role.VIEWER)
    nobody = uuid.uuid4()
    for path in (f"/runs/dag/manual__{nobody}/", f"/runs/jobs/{nobody}/"):
        assert client.get(path).status_code == 404
    for path in (f"dag-runs/manual__{nobody}", f"spark-jobs/{nobody}"):
        assert client.get(f"/api/v1/{path}").status_code == 404


def test_the_api_asks_for_both_kinds(signed_in: As) -> None:
    client = signed_in(Role.OPERATOR)
    key = str(uuid.uuid4())
    for _ in range(2):
        answer = client.post("/api/v1/dag-runs", {}, "application/json", headers={"Idempotency-Key": key})
        assert (answer.status_code, answer.json()["run_id"]) == (202, f"manual__{key}")
        answer = client.post(
            "/api/v1/spark-jobs", {"job": "silver.events"}, "application/json", headers={"Idempotency-Key": key}
        )
        assert (answer.status_code, answer.json()["id"]) == (202, key)
    answer = client.post("/api/v1/spark-jobs", {"job": "gold.rush"}, "application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
    assert [len(client.get(f"/api/v1/{kind}").json()["items"]) for kind in ("dag-runs", "spark-jobs")] == [1, 1]


def test_filters_live_in_the_address(signed_in: As) -> None:
    DagRun.objects.create(dag_id="medallion", run_id="manual__x", state="failed")
    SparkJob.objects.create(job="gold.top_products", state="succeeded")
    client = signed_in(Role.VIEWER)
    page = client.get("/runs/?state=failed").content.decode()
    assert "manual__x" in page
    assert "No run matches" in client.get("/runs/?kind=spark&state=failed").content.decode()
    assert client.get("/api/v1/dag-runs?state=succeeded").json()["items"] == []


def test_runs_are_found_by_text_and_time_on_the_page_and_in_the_api(signed_in: As) -> None:
    for hour in (9, 11):
        at = datetime(2026, 11, 23, hour, tzinfo=UTC)
        DagRun.objects.create(dag_id="medallion", run_id=f"manual__{hour}", requested_at=at, state="failed")
        SparkJob.objects.create(job=f"gold.at_{hour}", requested_at=at)
    person(Role.ADMIN)
    client = signed_in(Role.VIEWER)
    User.objects.filter(username="viewer").update(time_zone="Asia/Tokyo")

    # 19:00 in Tokyo is 10:00 UTC.
    page = client.get("/runs/?since=2026-11-23T19:00").content.decode()
    assert ("manual__11" in page, "manual__9" in page, "gold.at_9" in page) == (True, False, False)
    assert 'value="2026-11-23T19:00"' in page
    page = client.get("/runs/?sort=oldest").content.decode()
    assert page.index("manual__9") < page.index("manual__11")
    page = client.get("/runs/?text=nowhere&state=failed").content.decode()
    assert "No run matches" in page
    assert re.search(r'href="/runs/">Clear the filters', page)
    page = client.get("/runs/?until=never").content.decode()
    assert "never is no moment" in page
    assert "manual__9" in page

    def found(query: str) -> list[str]:
        items = client.get(f"/api/v1/{query}").json()["items"]
        return [item.get("run_id") or item["job"] for item in items]

    assert found("dag-runs?since=2026-11-23T19:00") == ["manual__11"]
    assert found("dag-runs?sort=oldest&text=MANUAL") == ["manual__9", "manual__11"]
    assert found("dag-runs?text=9&state=succeeded") == []
    assert found("spark-jobs?until=2026-11-23T10:00:00Z") == ["gold.at_9"]
    assert found("spark-jobs?text=at_11&sort=oldest") == ["gold.at_11"]
    for wrong in ("since=never", "sort=sideways", "text=%00", f"text={'x' * 201}"):
        assert client.get(f"/api/v1/dag-runs?{wrong}").status_code == 422
