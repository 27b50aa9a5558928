"""Documents that are made to keep a program busy: each is refused or read in time that is linear in its length."""

import contextlib
import gc
import json
import time
import tracemalloc
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest

from controlplane.scenarios.editor.draft import Draft
from controlplane.scenarios.generator import bounded_yaml, reading
from controlplane.scenarios.generator.document import DocumentError, check
from controlplane.scenarios.generator.document.traffic import Piece, Wave
from controlplane.scenarios.generator.preview import preview
from controlplane.scenarios.generator.problems import MOST
from tests.pages import Visitor

DOCUMENT: dict[str, Any] = {"name": "x", "duration_seconds": 60, "traffic": {"stages": [{"events_per_second": 100}]}}
WAVE = {"shape": "wave", "events_per_second": 1, "peak_events_per_second": 2}

# Of about n bytes each.
SHAPES: dict[str, Callable[[int], str]] = {
    "keys": lambda n: "\n".join(f"k{number:07}: 1" for number in range(n // 12)),
    "keys in one line": lambda n: "{" + ",".join(f"k{number:07}: 1" for number in range(n // 12)) + "}",
    "list": lambda n: "name: [" + "1," * (n // 2) + "1]",
    "lists in lists": lambda n: "a: " + "[" * n,
    "closed lists in lists": lambda n: "[" * (n // 2) + "]" * (n // 2),
    "mappings in mappings": lambda n: "{a: " * (n // 4),
    "block lists": lambda n: "- " * (n // 2),
    "complex keys": lambda n: "? " * (n // 2),
    "decimal digits": lambda n: "seed: " + "9" * n,
    "hexadecimal digits": lambda n: "seed: 0x" + "f" * n,
    "base 60": lambda n: "seed: 1" + ":1" * (n // 2),
    "base 60 with a fraction": lambda n: "seed: 1" + ":1" * (n // 2) + ".5",
    "text": lambda n: "name: " + "x" * n,
    "escapes": lambda n: 'name: "' + "\\u0041" * (n // 6) + '"',
    "lines": lambda n: "name: |\n" + " x\n" * (n // 3),
    "comments": lambda n: "#\n" * (n // 2) + "a: 1",
    "spaces": lambda n: " " * n + "\na: 1",
    "anchor": lambda n: "a: &" + "x" * n + " 1",
    "aliases": lambda n: "a: &b 1\nc: [" + "*b, " * (n // 4) + "1]",
    "tag": lambda n: "a: !<" + "%41" * (n // 3) + "> 1",
    "merges": lambda n: "<<: [" + "{a: 1}, " * (n // 8) + "{b: 2}]",
    "unknown keys": lambda n: json.dumps({f"{group}": {f"k{n}": 1 for n in range(200)} for group in range(n // 2000)}),
    "long keys": lambda n: json.dumps({f"{number:0200}": 1 for number in range(n // 210)}),
    "dots": lambda n: json.dumps({"a." * 99 + f"{number}": 1 for number in range(n // 210)}),
}


def _cpu_seconds(text: str) -> float:
    def once() -> float:
        before = time.process_time()
        with contextlib.suppress(DocumentError):
            reading.parse(text)
        return time.process_time() - before

    return median(once() for _ in range(3))


@pytest.mark.parametrize("shape", SHAPES)
def test_reading_is_linear_in_the_length(shape: str) -> None:
    build = SHAPES[shape]
    small, large = build(bounded_yaml.MAX_BYTES // 5), build(bounded_yaml.MAX_BYTES * 4 // 5)
    # Linear work has the factor 4, quadratic work 16. Below a hundredth of a second there is more noise than work.
    assert _cpu_seconds(large) < 8 * max(_cpu_seconds(small), 0.01)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SHAPES["keys"](250_000), "line 251, column 1: The mapping has more than 250 keys. Shorten it."),
        (SHAPES["list"](2000), "line 1, column 508: The list has more than 250 entries. Shorten it."),
        (SHAPES["lists in lists"](30), "line 1, column 23: The document is nested more than 20 levels deep."),
        (
            SHAPES["hexadecimal digits"](60),
            "line 1, column 7: The number has 62 characters; the maximum is 40. Shorten it",
        ),
        (SHAPES["base 60"](100), "line 1, column 7: The number has 101 characters; the maximum is 40. Shorten it"),
        (SHAPES["text"](9000), "line 1, column 7: The text has 9,000 characters; the maximum is 8,192. Shorten it."),
        ("x" * 201 + ": 1", "line 1, column 1: The key has 201 characters; the maximum is 200. Shorten it."),
        (json.dumps([[[0] * 250] * 10] * 5), "The document has more than 10,000 values. Shorten its lists."),
        ("a: " + "x" * 270_000, "The document has 270,003 bytes; the maximum is 262,144."),
    ],
    ids=["keys", "entries", "depth", "number", "base 60", "text", "key", "values", "bytes"],
)
def test_a_bound_names_the_place_the_value_and_the_remedy(text: str, says: str) -> None:
    with pytest.raises(DocumentError) as refused:
        reading.parse(text)
    assert says in str(refused.value)


def test_of_thousands_of_errors_the_first_are_explained() -> None:
    faults = [{f"key{number}": 1 for number in range(20)}] * 100
    with pytest.raises(DocumentError) as refused:
        check({**DOCUMENT, "faults": faults})
    assert len(refused.value.problems) == MOST + 1
    assert str(refused.value.problems[-1]) == "2,100 more errors are not shown. Fix the errors above first."


@pytest.mark.parametrize("stage", [WAVE, {"shape": "spike", "events_per_second": 1, "peak_events_per_second": 2}])
def test_stages_too_short_for_a_piece_end(stage: dict[str, Any]) -> None:
    traffic = {"loop": True, "stages": [{**stage, "duration_seconds": 0.000_000_000_1}]}
    with pytest.raises(DocumentError, match=r"traffic\.stages: The stages repeat too often.*20,000 segments"):
        check({**DOCUMENT, "traffic": traffic})


def test_stages_behind_the_end_are_not_drawn() -> None:
    waves = [{**WAVE, "duration_seconds": 400, "period_seconds": 1}] * 100
    scenario = check({**DOCUMENT, "duration_seconds": 0.1, "traffic": {"loop": True, "stages": waves}})
    drawn: list[float] = []

    class Drawn(Wave):
        def pieces(self, seconds: float, compression: float) -> list[Piece]:
            drawn.append(seconds)
            return super().pieces(seconds, compression)

    stages = [Drawn.model_validate(stage.model_dump()) for stage in scenario.traffic.stages]
    scenario.traffic.model_copy(update={"stages": stages}).pieces(scenario.duration_seconds)
    assert drawn == [400]


def test_a_preview_of_large_records_is_small() -> None:
    """Each record has 300 KiB, and a preview makes 8,192 of them to choose its samples from."""
    traffic = {"stages": [{"events_per_second": 10_000}]}
    scenario = check({**DOCUMENT, "traffic": traffic, "faults": [{"kind": "oversized", "rate": 1.0}]})
    gc.collect()
    tracemalloc.start()
    try:
        found = preview(scenario)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 150 << 20
    assert found.by_fault == {"oversized": found.total}
    assert all(sample.cut and len(sample.value) == 2000 for sample in found.samples)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("faults[0].rate", "1e999999999999"),
        ("faults[0].rate", "9" * 1_000_000),
        ("seed", "9" * 1_000_000),
        ("duration_seconds", "1" + "0" * 400),
        ("traffic.stages[0].events_per_second", "1,000" * 10_000),
    ],
    ids=["exponent", "percent", "seed", "over a double", "grouped"],
)
def test_numbers_without_bounds_are_refused_at_their_field(name: str, typed: str) -> None:
    text = reading_text(faults=[{"kind": "late", "rate": 0.5}])
    draft = Draft.posted({"document": text, "base": text, name: typed})
    assert {problem.field for problem in draft.problems} <= {name, "document"}
    assert draft.problems


def test_the_number_of_an_entry_is_bounded() -> None:
    text = reading_text(faults=[{"kind": "late", "rate": 0.5}])
    for act in (f"remove:faults[{'9' * 5000}]", f"up:faults[{'9' * 5000}]"):
        assert Draft.posted({"document": text, "base": text}, act).document["faults"] == [{"kind": "late", "rate": 0.5}]


def test_a_source_is_as_bounded_as_a_document() -> None:
    text = reading_text()
    source = json.dumps({"recording": "a" * 64, "columns": [[1] * 200] * 2000})
    draft = Draft.posted({"document": text, "base": text, "new-source": source}, "add:source")
    assert "source" not in draft.document


@pytest.mark.django_db
@pytest.mark.parametrize(
    "document",
    ['{"a":' * 400 + "1" + "}" * 400, '{"a":' * 100_000 + "1" + "}" * 100_000, '{"seed": ' + "9" * 5000 + "}"],
    ids=["deep", "deeper than the parser", "digits"],
)
def test_the_api_refuses_what_is_nested_too_deeply(document: str, viewer: Visitor) -> None:
    answer = viewer.post("/api/v1/scenario-preview", f'{{"document": {document}}}', content_type="application/json")
    assert answer.status_code in (200, 400, 422)
    if answer.status_code == 200:
        assert "nested more than 20 levels deep" in answer.json()["problems"][0]["message"]


def reading_text(**more: Any) -> str:
    return json.dumps({**DOCUMENT, **more})
