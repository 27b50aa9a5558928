"""The commands that remedies name are those of the place where the application runs."""

import re

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from compose.local.parts.all import NAMES
from controlplane.monitoring import runbooks
from controlplane.web.operator_commands import logs_command, status_command
from tests.containers.composition import services
from tests.pages import Page


def test_an_installation_of_make_up_is_asked_by_make() -> None:
    assert status_command() == "make status"
    assert logs_command("spark") == "make logs PART=spark"


@pytest.mark.parametrize("part", [*NAMES, "storage"])
def test_in_containers_every_part_is_a_service_of_the_file(settings: Settings, part: str) -> None:
    settings.OPERATED_WITH = "compose"
    assert status_command() == "docker compose ps"
    assert logs_command(part).removeprefix("docker compose logs ") in services()


@pytest.mark.django_db
def test_the_sign_in_page_says_where_the_password_is(settings: Settings, client: Client) -> None:
    assert "make up" in Page.of(client.get("/sign-in/"))
    settings.OPERATED_WITH = "compose"
    page = Page.of(client.get("/sign-in/"))
    assert "docker compose exec web cat /var/lib/lakehouse/credentials.json" in page
    assert "make up" not in page.html


def test_a_refused_scrape_is_told_where_the_token_is(settings: Settings, client: Client) -> None:
    assert "`cat $LAKEHOUSE_DATA/metrics.token`" in client.get("/metrics").content.decode()
    settings.OPERATED_WITH = "compose"
    said = re.search(r"`docker compose exec (\S+) cat (\S+)`", client.get("/metrics").content.decode())
    assert said is not None
    places = [mount.split(":")[1] for mount in services()[said[1]]["volumes"]]
    assert any(said[2].startswith(f"{place}/") for place in places)


def test_a_runbook_names_the_command_of_the_containers_beside_that_of_make(settings: Settings) -> None:
    settings.OPERATED_WITH = "compose"
    lines = [
        line for path in runbooks.FOLDER.glob("*.md") for line in path.read_text().splitlines() if "`make " in line
    ]
    assert lines
    for line in lines:
        parts = re.findall(r"`make logs PART=([\w-]+)`", line)
        expected = [f"`{logs_command(part)}`" for part in parts] or ["`docker compose "]
        assert [command for command in expected if command not in line] == [], line
