"""The search of every page: what it finds, in which order, over the page and the API."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import token_create
from controlplane.health.models import PartState
from controlplane.health.reading import Reading
from controlplane.health.services import observation_record
from controlplane.orchestration.models import DagRun, SparkJob
from controlplane.quality.models import Validation
from controlplane.scenarios.documents.services import library_sync
from controlplane.scenarios.runs.services import scenario_run_start
from controlplane.search.queries import SHOWN, find
from tests.pages import Visitor

pytestmark = pytest.mark.django_db


def _tables(*names: str) -> None:
    now = timezone.now().isoformat()
    held = {"records": 12, "files": 1, "bytes": 1, "snapshot_id": "1", "snapshot_at": now}
    tables = dict.fromkeys(names, held)
    observation_record(part="lake", reading=Reading(PartState.UP, "", {"tables": tables, "seen_at": now}))


def test_a_name_finds_what_has_it_of_every_kind() -> None:
    _tables("bronze.events", "silver.events", "silver.quarantine")
    now = timezone.now()
    validation = Validation.objects.create(
        id=uuid4(), suite="silver.events", table="lake.silver.events", success=True, published=True, started_at=now,
        finished_at=now, expectations_failed=0, path="a", modified_at=now,
    )  # fmt: skip
    job = SparkJob.objects.create(job="silver.events", state="running", requested_at=now)
    assert [(hit.kind, hit.title, hit.url, hit.state) for hit in find(" Silver ")] == [
        ("Table", "silver.events", "/lakehouse/silver/events/", ""),
        ("Table", "silver.quarantine", "/lakehouse/silver/quarantine/", ""),
        ("Spark job", "silver.events", f"/runs/jobs/{job.pk}/", "running"),
        ("Suite", "silver.events", f"/quality/{validation.pk}/", "succeeded"),
    ]


def test_an_id_is_found_by_its_beginning(operator_user: User) -> None:
    library_sync()
    run = scenario_run_start(actor=operator_user, slug="first-light", request_id=uuid4())
    (found,) = find(str(run.pk)[:9].upper())
    assert (found.kind, found.title, found.url) == ("Scenario run", "First light", f"/scenarios/runs/{run.pk}/")
    made = DagRun.objects.create(dag_id="medallion", run_id="manual__9f1", state="failed", requested_at=timezone.now())
    assert [(hit.title, hit.url) for hit in find("9f1")] == [("medallion", made.get_absolute_url())]
    assert [hit.kind for hit in find("first")] == ["Scenario", "Scenario run"]


def test_of_many_the_newest_are_shown() -> None:
    now = timezone.now()
    for number in range(SHOWN + 3):
        DagRun.objects.create(
            dag_id="medallion", run_id=f"manual__{number}", state="succeeded",
            requested_at=now - timedelta(minutes=number),
        )  # fmt: skip
    assert [hit.note for hit in find("medallion")] == [f"manual__{number}" for number in range(SHOWN)]


@pytest.mark.parametrize("text", ["", "  ", "no such thing", "%", "\\", "'", "<script>"])
def test_what_is_not_there_is_not_found(text: str) -> None:
    _tables("silver.events")
    library_sync()
    assert find(text) == []


def test_the_page_says_what_it_found_and_what_it_did_not(client: Client, viewer: Visitor) -> None:
    assert client.get("/search/?q=a").status_code == 302
    _tables("gold.hourly_sales")
    page = viewer.page("/search/?q=hourly")
    assert page.addresses == ["/lakehouse/gold/hourly_sales/"]
    assert page.field("q").value == "hourly"
    alone = viewer.fragment("/search/?q=<b>")
    assert (alone.is_whole, alone.addresses, "<b>" in alone) == (False, [], True)
    assert "<b>" not in alone.html
    # What can be looked for is said only where nothing was.
    nothing = viewer.page("/search/")
    assert (nothing.addresses, "silver" in nothing, "silver" in alone) == ([], True, False)


def test_the_api_finds_the_same(client: Client, viewer_user: User) -> None:
    _tables("gold.hourly_sales")
    token = token_create(actor=viewer_user, name="search")[1]
    said = client.get("/api/v1/search?q=hourly", headers={"Authorization": f"Bearer {token}"}).json()
    assert [(hit["kind"], hit["title"], hit["url"]) for hit in said["items"]] == [
        ("Table", "gold.hourly_sales", "/lakehouse/gold/hourly_sales/")
    ]
