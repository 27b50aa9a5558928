"""The page that frames the gold views and says whether they can be trusted."""

import httpx
import pytest
from django.conf import settings
from django.test import Client

from controlplane.accounts.roles import Role
from controlplane.bi import probe
from controlplane.overview.models import PartState
from controlplane.overview.reading import Reading
from controlplane.overview.services import observation_record
from tests.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(person(Role.VIEWER))
    return client


def _lake(gold_input: str) -> None:
    held = {"records": 60, "files": 1, "bytes": 1000, "snapshot_at": "2026-11-23T17:00:00+00:00"}
    tables = {
        "silver.events": {**held, "snapshot_id": "2"},
        "gold.hourly_sales": {**held, "snapshot_id": "3", "input_snapshot": gold_input},
    }
    observation_record(part="lake", reading=Reading(PartState.UP, "", {"tables": tables}))


def test_the_first_view_stands_in_a_frame_that_the_policy_allows(viewer: Client) -> None:
    answer = viewer.get("/bi/")

    assert f'src="{settings.BI_URL}/hourly_sales?embed=true"' in answer.content.decode()
    assert f"frame-src {settings.BI_URL}" in answer.headers["Content-Security-Policy"]


def test_a_view_has_an_address_and_an_unknown_one_is_the_first(viewer: Client) -> None:
    assert f'src="{settings.BI_URL}/user_sessions?embed=true"' in viewer.get("/bi/?view=user_sessions").content.decode()
    assert f'src="{settings.BI_URL}/hourly_sales?embed=true"' in viewer.get("/bi/?view=nope").content.decode()


def test_gold_behind_silver_is_said(viewer: Client) -> None:
    _lake(gold_input="2")
    assert "silver is newer" not in viewer.get("/bi/").content.decode()
    _lake(gold_input="1")
    assert "silver is newer" in viewer.get("/bi/").content.decode()


def test_streamlit_being_down_is_said_instead_of_an_empty_frame(viewer: Client) -> None:
    observation_record(part="bi", reading=Reading(PartState.DOWN, "Connection refused"))
    page = viewer.get("/bi/").content.decode()

    assert "Streamlit doesn't answer" in page
    assert "Connection refused" in page
    assert "<iframe" not in page


def test_a_look_at_nothing_is_down(settings: object) -> None:
    settings.BI_INTERNAL_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]

    assert probe.look().state == PartState.DOWN


@pytest.mark.stack
def test_the_stacks_streamlit_answers(stack: object, settings: object) -> None:
    settings.BI_URL = settings.BI_INTERNAL_URL = stack.connections["bi"]  # type: ignore[attr-defined]

    assert probe.look().state == PartState.UP
    assert httpx.get(f"{settings.BI_URL}/hourly_sales?embed=true").status_code == 200  # type: ignore[attr-defined]
