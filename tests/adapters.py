"""Adapters that a test puts in place of the real ones.

def test_a_lake_that_does_not_answer(adapters: Adapters, viewer: Visitor) -> None:
    adapters.use(catalog=NullCatalog())
"""

from typing import Any

import pytest

from controlplane import enqueue
from controlplane.health import providers as health
from controlplane.lakehouse import providers as lakehouse
from controlplane.ledger import providers as ledger
from controlplane.monitoring import providers as monitoring
from controlplane.orchestration import providers as orchestration
from controlplane.provider import Provider
from controlplane.quality import providers as quality
from controlplane.streaming import providers as streaming
from controlplane.web import database as web

ROOMS = (enqueue, health, lakehouse, ledger, monitoring, orchestration, quality, streaming, web)
PROVIDERS: dict[str, Provider[Any]] = {
    name: value for room in ROOMS for name, value in vars(room).items() if isinstance(value, Provider)
}


class Adapters:
    """Every provider of every room by its name; what was put in is taken out again with `monkeypatch`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def use(self, **adapters: object) -> None:
        """Let each named provider return this adapter."""
        for name, adapter in adapters.items():
            self._monkeypatch.setattr(PROVIDERS[name], "adapter", adapter)


@pytest.fixture
def adapters(monkeypatch: pytest.MonkeyPatch) -> Adapters:
    return Adapters(monkeypatch)
