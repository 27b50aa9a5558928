"""The state of every part over the API."""

import pytest
from django.test import Client

from controlplane.accounts.models import User
from controlplane.accounts.services import token_create
from controlplane.health import direct
from controlplane.health.adapters.null import NullBroker, NullSupervisor
from controlplane.health.models import PartState
from controlplane.health.parts import PARTS
from controlplane.health.reading import Reading
from controlplane.health.services import observation_record
from tests.adapters import Adapters

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _everything_up(adapters: Adapters) -> None:
    adapters.use(broker=NullBroker(), process_supervisor=NullSupervisor())
    direct.forget()
    for part in PARTS:
        observation_record(part=part.name, reading=Reading(PartState.UP, "Answers."))


def test_health_over_the_api(viewer_user: User) -> None:
    observation_record(part="kafka", reading=Reading(PartState.DOWN, "It is gone."))
    _, token = token_create(actor=viewer_user, name="tests")
    found = Client().get("/api/v1/health", headers={"Authorization": f"Bearer {token}"}).json()
    assert (found["state"], [part["part"] for part in found["parts"]]) == ("down", [part.name for part in PARTS])
    kafka = next(part for part in found["parts"] if part["part"] == "kafka")
    assert set(kafka) == {"part", "state", "summary", "since", "observed_at", "address"}
    assert (kafka["state"], kafka["summary"]) == ("down", "It is gone.")
