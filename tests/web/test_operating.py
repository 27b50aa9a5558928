"""The commands that remedies name are those of the place where the application runs."""

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from compose.local.parts.all import NAMES
from controlplane.web.operating import logs_command, status_command
from tests.containers.composition import services


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
    assert "make up" in client.get("/sign-in/").content.decode()
    settings.OPERATED_WITH = "compose"
    said = client.get("/sign-in/").content.decode()
    assert "docker compose exec web cat /var/lib/lakehouse/credentials.json" in said
    assert "make up" not in said
