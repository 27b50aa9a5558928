"""Where the warehouse is a bucket, the object storage is a part."""

import pytest
from pytest_django.fixtures import Settings

from controlplane.health import direct, parts, selectors
from controlplane.health.adapters.null import NullBroker, NullSupervisor
from controlplane.health.models import PartState
from controlplane.health.reading import Reading
from controlplane.health.services import observation_record
from spark_jobs.object_store import ObjectStore
from tests.adapters import Adapters

STORE = ObjectStore("http://127.0.0.1:9000", "pipeline", "secret", "us-east-1", "lakehouse")


def test_a_folder_is_no_part(settings: Settings) -> None:
    settings.OBJECT_STORE = None
    assert parts._storage() == ()


def test_the_part_links_to_the_console_where_there_is_one(settings: Settings) -> None:
    settings.OBJECT_STORE, settings.MINIO_CONSOLE_URL = STORE, "http://127.0.0.1:9001"
    (part,) = parts._storage()
    assert (part.name, part.link, part.programs) == ("storage", "http://127.0.0.1:9001", ("minio",))
    settings.MINIO_CONSOLE_URL = ""
    assert parts._storage()[0].address == "http://127.0.0.1:9000"


@pytest.mark.django_db
def test_what_is_wrong_with_it_is_what_the_page_says(settings: Settings, adapters: Adapters) -> None:
    settings.OBJECT_STORE = STORE
    adapters.use(broker=NullBroker(), process_supervisor=NullSupervisor())
    direct.forget()
    observation_record(part="storage", reading=Reading(PartState.DOWN, "There is no bucket lakehouse. Run `make up`."))
    found = selectors.part("storage", known=(*parts.PARTS, *parts._storage()))
    assert (found.state, found.summary) == (PartState.DOWN, "There is no bucket lakehouse. Run `make up`.")
