"""Modules that are imported without being run until something of them is used."""

import subprocess
import sys
from pathlib import Path

import pytest

from spark_jobs.lazy_imports import lazily

RUN = """
with open({place!r}, "a") as ran:
    ran.write("{name} ")
ANSWER = 42
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "heavy_one").mkdir()
    (tmp_path / "heavy_one" / "__init__.py").write_text("")
    for name in ("heavy_one/part.py", "heavy_two.py"):
        (tmp_path / name).write_text(RUN.format(place=str(tmp_path / "ran"), name=name))
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("heavy_one", "heavy_one.part", "heavy_two"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def test_a_deferred_module_runs_when_it_is_used(modules: Path) -> None:
    ran = modules / "ran"
    with lazily("heavy_one.part", "heavy_two"):
        import heavy_two  # type: ignore[import-not-found]
        from heavy_one import part  # type: ignore[import-not-found]
    assert not ran.exists()
    assert (part.ANSWER, ran.read_text()) == (42, "heavy_one/part.py ")
    assert (heavy_two.ANSWER, heavy_two.ANSWER, ran.read_text()) == (42, 42, "heavy_one/part.py heavy_two.py ")


def test_others_are_imported_as_ever(modules: Path) -> None:
    finders = list(sys.meta_path)
    with pytest.raises(ModuleNotFoundError), lazily("no_such_module"):
        import no_such_module  # type: ignore[import-not-found]  # noqa: F401
    with lazily("heavy_one.part"):
        import heavy_two  # type: ignore[import-not-found]  # noqa: F401
    assert (modules / "ran").exists()
    assert sys.meta_path == finders


def test_a_gate_runs_neither_charts_nor_statistics() -> None:
    # In a process of its own: another test may have used them here.
    code = """
import sys
from spark_jobs.validation import expectation_classes
assert expectation_classes().ExpectColumnValuesToNotBeNull(column="a").column == "a"
print([name for name in ("altair.vegalite", "scipy.stats._stats_py") if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert (ran.stdout.strip(), ran.returncode) == ("[]", 0), ran.stderr
