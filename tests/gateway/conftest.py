"""Where the gateway and its upstreams of a test are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from controlplane.gateway.upstreams import Upstream
from tests.gateway.visiting import folder_of_sockets, upstreams_at


@pytest.fixture
def place() -> Iterator[Path]:
    with folder_of_sockets() as folder:
        yield folder


@pytest.fixture
def known(settings: Settings, place: Path) -> list[Upstream]:
    return upstreams_at(place, settings)
