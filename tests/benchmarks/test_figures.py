"""The report of the benchmarks: its lines are read by programs, and a missed goal fails the command."""

import json
import sys
from pathlib import Path

import pytest

from compose.local import cli
from compose.local.errors import InstallationError
from compose.local.settings import ROOT, load
from tests.benchmarks import generator, startup, storage
from tests.benchmarks.figures import Figures
from tests.benchmarks.installation import main


def test_a_figure_is_one_json_line_with_these_fields(capsys: pytest.CaptureFixture[str]) -> None:
    figures = Figures()
    figures.at_most("idle.cpu", 12.34567, "% of one core", 30)
    figures.at_least("storage.tour", 0.75, "of the folder's speed", 0.8, "folder: 60 s, MinIO: 80 s")
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"name": "idle.cpu", "value": 12.346, "unit": "% of one core", "peer": None, "goal": 30, "holds": True},
        {
            "name": "storage.tour",
            "value": 0.75,
            "unit": "of the folder's speed",
            "peer": "folder: 60 s, MinIO: 80 s",
            "goal": 0.8,
            "holds": False,
        },
    ]


@pytest.mark.parametrize(("values", "code"), [((), 0), ((1, 2), 0), ((3, 1), 1), ((1, 3), 1)])
def test_one_missed_goal_fails_the_command(values: tuple[float, ...], code: int) -> None:
    figures = Figures()
    for value in values:
        figures.at_most("some", value, "s", 2)
    assert figures.exit_code() == code


def test_a_value_at_its_goal_holds() -> None:
    figures = Figures()
    figures.at_most("some", 2, "s", 2)
    figures.at_least("some", 2, "s", 2)
    assert figures.exit_code() == 0
    figures.at_least("some", 1.9, "s", 2)
    assert figures.exit_code() == 1


def test_a_benchmark_that_fails_says_why_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def measure(*_: object) -> None:
        raise InstallationError("The broker did not start.")

    assert main("bench-generator", measure) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "make bench-generator: The broker did not start."


@pytest.mark.parametrize(
    ("command", "module"), [("bench-up", startup), ("bench-storage", storage), ("bench-generator", generator)]
)
def test_each_command_runs_its_module(
    command: str, module: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[tuple[str, list[str]]] = []
    monkeypatch.setattr("os.execv", lambda program, words: ran.append((program, words)))
    monkeypatch.chdir(tmp_path)
    cli.main([command])
    python = str(load().python)
    assert ran == [(python, [python, "-m", getattr(module, "__name__", "")])]
    assert Path.cwd() == ROOT
    assert callable(getattr(sys.modules[ran[0][1][2]], "measure", None))
