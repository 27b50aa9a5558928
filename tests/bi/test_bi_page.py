"""The page that frames the gold views and says whether they can be trusted."""

import os
import subprocess
from pathlib import Path

import httpx
import psutil
import pytest
from dotenv import dotenv_values
from pytest_django.fixtures import Settings

from controlplane.bi import probe
from controlplane.health.models import PartState
from controlplane.health.reading import Reading
from controlplane.health.services import observation_record
from tests.labels import Bi
from tests.pages import Page, Visitor
from tests.stack import Stack

pytestmark = pytest.mark.django_db
HOURLY_SALES = "/bi/app/hourly_sales?embed=true"


def _lake(gold_input: str) -> None:
    held = {"records": 60, "files": 1, "bytes": 1000, "snapshot_at": "2026-11-23T17:00:00+00:00"}
    tables = {
        "silver.events": {**held, "snapshot_id": "2"},
        "gold.hourly_sales": {**held, "snapshot_id": "3", "input_snapshot": gold_input},
    }
    observation_record(part="lake", reading=Reading(PartState.UP, "", {"tables": tables}))


def test_the_first_view_stands_in_a_frame_that_the_policy_allows(viewer: Visitor) -> None:
    answer = viewer.get("/bi/")

    assert list(Page.of(answer).frames.values()) == [HOURLY_SALES]
    assert "frame-src 'self'" in answer.headers["Content-Security-Policy"]


def test_a_view_has_an_address_and_an_unknown_one_is_the_first(viewer: Visitor) -> None:
    assert list(viewer.page("/bi/?view=user_sessions").frames.values()) == ["/bi/app/user_sessions?embed=true"]
    assert list(viewer.page("/bi/?view=nope").frames.values()) == [HOURLY_SALES]


def test_gold_behind_silver_is_said(viewer: Visitor) -> None:
    _lake(gold_input="2")
    assert Bi.BEHIND not in viewer.page("/bi/").card(Bi.TRUST)
    _lake(gold_input="1")
    assert Bi.BEHIND in viewer.page("/bi/").card(Bi.TRUST)


def test_streamlit_being_down_is_said_instead_of_an_empty_frame(viewer: Visitor) -> None:
    observation_record(part="bi", reading=Reading(PartState.DOWN, "Connection refused"))
    page = viewer.page("/bi/")

    assert page.is_empty
    assert "Connection refused" in page
    assert page.frames == {}


def test_dashboards_elsewhere_are_linked_to_and_not_framed(viewer: Visitor, settings: Settings) -> None:
    settings.BI_URL = "https://bi.example/sales"
    page = viewer.page("/bi/")

    assert "https://bi.example/sales" in page.links.values()
    assert page.frames == {}
    assert [address for address in page.links.values() if "?view=" in address] == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "unix:///nowhere/bi.sock"])
def test_a_look_at_nothing_is_down(settings: Settings, address: str) -> None:
    settings.BI_URL = address

    assert probe.look().state == PartState.DOWN


@pytest.mark.stack
def test_the_stacks_streamlit_answers_who_has_signed_in_and_nobody_else(
    stack: Stack, pages: httpx.Client, settings: Settings
) -> None:
    settings.BI_URL = dotenv_values(stack.data / "environment")["BI_URL"] or ""

    assert probe.look().state == PartState.UP
    answer = pages.get("/bi/app/hourly_sales?embed=true")
    assert answer.status_code == 200
    assert "<title>Streamlit</title>" in answer.text
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    with httpx.Client(base_url=stack.credentials["url"], trust_env=False) as stranger:
        for path in ("", "hourly_sales", "_stcore/health", "static/js/index.js"):
            assert stranger.get(f"/bi/app/{path}").status_code == 401


@pytest.mark.stack
def test_the_stacks_streamlit_listens_on_no_port_and_for_no_other_account(stack: Stack) -> None:
    pid = stack.pids()["bi"]
    listening = {found.laddr for found in psutil.Process(pid).net_connections() if found.status == psutil.CONN_LISTEN}
    assert listening == set()
    socket = Path((dotenv_values(stack.data / "environment")["BI_URL"] or "").removeprefix("unix://"))
    assert socket.is_socket()
    assert socket.parent.stat().st_mode & 0o777 == 0o700
    if os.geteuid() != 0:
        pytest.skip("Only root may start a program as another account.")
    program = f"import socket; socket.socket(socket.AF_UNIX).connect({str(socket)!r})"
    stranger = subprocess.run(
        ["/usr/bin/python3", "-c", program], user=65534, capture_output=True, text=True, check=False
    )
    assert "PermissionError" in stranger.stderr


@pytest.mark.stack
def test_sparks_pages_are_below_their_path_and_kill_nothing(stack: Stack, pages: httpx.Client) -> None:
    answer = pages.get("/spark/")
    assert answer.status_code == 200
    assert answer.url.path == "/spark/jobs/"
    assert 'href="/spark/stages/"' in answer.text
    assert pages.get("/spark/api/v1/version").json()["spark"]
    assert pages.get("/spark/jobs/job/kill/?id=0").status_code == 404
    assert pages.post("/spark/jobs/job/kill/", data={"id": "0"}).status_code == 405
