"""Containers wait for one another, and the tour not for ever."""

from itertools import chain, repeat

import pytest

from compose.containers import waiting
from compose.containers.waiting import wait_until
from compose.local.errors import InstallationError


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_EVERY_SECONDS", 0.0)


def test_what_is_missing_is_said_until_it_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    answers = chain(repeat("no connection yet", 3), repeat(""))
    wait_until(lambda: next(answers), "PostgreSQL")
    assert capsys.readouterr().out == "Waiting for PostgreSQL: no connection yet.\n"


def test_what_does_not_come_in_time_is_named_with_what_to_look_at() -> None:
    with pytest.raises(InstallationError) as ended:
        wait_until(lambda: "3 migrations not applied", "the tables", within=0)
    assert ended.value.message == "Waited 0 minutes for the tables: 3 migrations not applied."
    assert "docker compose logs" in ended.value.remedy
