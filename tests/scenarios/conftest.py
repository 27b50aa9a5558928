"""What the tests of scenarios share."""

from pathlib import Path

import pytest

from tests.adapters import Adapters
from tests.scenarios.requests import Requests


@pytest.fixture(autouse=True)
def requests(adapters: Adapters) -> Requests:
    """What was asked of the workers; none of it is done."""
    found = Requests()
    adapters.use(task_sender=found)
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own, in which recordings lie."""
    monkeypatch.setenv("RECORDINGS", str(tmp_path / "recordings"))
    return tmp_path / "recordings"
