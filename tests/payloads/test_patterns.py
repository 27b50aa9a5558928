"""Regular expressions: the time of each on a text that it nearly matches grows no faster than the text.

Every pattern of the programs is found by itself. A new one is tried with all texts; one that is only ever given short
texts says so in BOUNDED.
"""

import ast
import re
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[2]
CALLS = {"compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub"}
# The longest text that the code before the pattern lets through.
BOUNDED = {r"(T\S*) (\d\d:?\d\d)$": 64}
# Names of files and outputs of programs that this repository chooses.
OURS = {r"(.+)-\d+(\.\d+)+", r"([\d,]+) delivered, 0 failed.* in ([\d.]+) s", r"([\d.]+) records/sec"}
LONG = 32_000
PUMPS: dict[str, Callable[[int], str]] = {
    "letters": lambda n: "a" * n + "!", "digits": lambda n: "1" * n + "x", "spaces": lambda n: " " * n + "x",
    "dots": lambda n: "." * n + "x", "commas": lambda n: "1,111" * (n // 5) + "x",
    "only commas": lambda n: "," * n + "x",
    "dashes": lambda n: "a-" * (n // 2) + "!", "underscores": lambda n: "_" * n + "!",
    "tags": lambda n: "<time " * (n // 6),
    "open tags": lambda n: "<time>" * (n // 6), "brackets": lambda n: "[1" * (n // 2),
    "words": lambda n: "at least " * (n // 9),
    "numbers after words": lambda n: "at least " + "1," * (n // 2) + "x", "times": lambda n: "T" * n + " 1",
    "T and digits": lambda n: "T1" * (n // 2) + " 11:1", "details": lambda n: 'details = "' * (n // 11),
    "is": lambda n: "is " + "1." * (n // 2), "hexadecimal": lambda n: "0f" * (n // 2) + "g",
    "lines": lambda n: "\n" * n + "x",
    "quotes": lambda n: '"' * n + "x", "versions": lambda n: "-1.1" * (n // 4) + "x", "braces": lambda n: "{" * n,
    "backslashes": lambda n: "\\" * n, "paths": lambda n: "/a" * (n // 2) + "\0",
    "dates": lambda n: "2026-11-29T" * (n // 11),
    "signs": lambda n: "+-" * (n // 2) + "x", "exponents": lambda n: "is 1e" + "1" * n,
    "wide": lambda n: "\u00e9" * n + "!",
}  # fmt: skip


def _patterns() -> dict[str, set[str]]:
    """Pattern -> the files that have it."""
    found: dict[str, set[str]] = {}
    for room in ("controlplane", "bi", "spark_jobs", "dags", "compose"):
        for path in (ROOT / room).rglob("*.py"):
            if "node_modules" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                for pattern in _of(node):
                    found.setdefault(pattern, set()).add(str(path.relative_to(ROOT)))
    return found


def _of(node: ast.AST) -> list[str]:
    if not isinstance(node, ast.Call):
        return []
    of_re = (
        isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in CALLS
    )
    given = [node.args[0]] if of_re and node.args else []
    given += [keyword.value for keyword in node.keywords if keyword.arg == "pattern"]
    return [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]


PATTERNS = sorted(_patterns())


def test_the_patterns_are_found() -> None:
    assert len(PATTERNS) > 25
    assert r"[A-Za-z0-9._-]{8,64}" in PATTERNS


def _seconds(pattern: re.Pattern[str], text: str, times: int = 1) -> float:
    took = []
    for _ in range(times):
        began = time.process_time()
        pattern.fullmatch(text)
        pattern.search(text)
        took.append(time.process_time() - began)
    return median(took)


def _squares(pattern: re.Pattern[str], build: Callable[[int], str], most: int) -> bool:
    """Four times as long takes four times the time, sixteen times if it squares; of 1 ms, more is noise than work."""
    small, large = build(most // 4)[: most // 4], build(most)[:most]
    # What looks slow is measured again.
    return all(_seconds(pattern, large, times) > 8 * max(_seconds(pattern, small, times), 0.001) for times in (1, 3, 9))


@pytest.mark.parametrize("written", sorted(set(PATTERNS) - OURS))
def test_the_time_does_not_square(written: str) -> None:
    pattern = re.compile(written, re.VERBOSE if "\n" in written else 0)
    most = BOUNDED.get(written, LONG)
    assert [name for name, build in PUMPS.items() if _squares(pattern, build, most)] == []


def test_a_pattern_that_squares_is_seen() -> None:
    assert _squares(re.compile(r"(T\S*) (\d\d:?\d\d)$"), PUMPS["times"], 8_000)
