"""Documents: what is wrong is said with the field and the remedy, and nothing wrong gets through."""

from typing import Any

import pytest
import yaml

from controlplane.names import NAME
from controlplane.scenarios.generator import problems
from controlplane.scenarios.generator.document import check, json_schema
from controlplane.scenarios.generator.errors import DocumentError
from controlplane.scenarios.generator.reading import LIBRARY, find, library, parse

GOOD: dict[str, Any] = {
    "name": "Good",
    "duration_seconds": 10,
    "traffic": {"stages": [{"events_per_second": 100}]},
    "faults": [{"kind": "negative_price", "rate": 0.1}],
}


def _with(path: str, value: Any) -> dict[str, Any]:
    document = yaml.safe_load(yaml.safe_dump(GOOD))
    *way, last = path.split(".")
    here = document
    for step in way:
        here = here[int(step)] if step.isdigit() else here.setdefault(step, {})
    here[last] = value
    return document


STAGE = "traffic.stages.0.events_per_second"
WRONG = [
    (_with(STAGE, -5), "traffic.stages[0].events_per_second", "at least 0.01"),
    (_with(STAGE, 0), "traffic.stages[0].events_per_second", "at least 0.01"),
    (_with(STAGE, 1e9), "traffic.stages[0].events_per_second", "at most 1,000,000"),
    (_with(STAGE, float("nan")), "traffic.stages[0].events_per_second", "finite"),
    (_with(STAGE, float("inf")), "traffic.stages[0].events_per_second", "finite"),
    (_with(STAGE, "100"), "traffic.stages[0].events_per_second", "without quotes"),
    (_with(STAGE, True), "traffic.stages[0].events_per_second", "number"),
    (_with("traffic.stages", []), "traffic.stages", "at least one"),
    (_with("traffic.stages.0.shape", "triangle"), "traffic.stages[0].shape", ""),
    (_with("traffic.stages.0.event_per_second", 5), "traffic.stages[0].event_per_second", "events_per_second?"),
    (_with("trafic", {}), "trafic", "Did you mean traffic?"),
    (_with("population.user", 5), "population.user", "Did you mean users?"),
    (_with("population.users", 0), "population.users", "at least 1"),
    (_with("population.users", 1.5), "population.users", "whole number"),
    (_with("population.products", 10**9), "population.products", "at most 200,000"),
    (
        _with("population.categories", [{"name": 'a"b', "median_price": 5}]),
        "population.categories[0].name",
        "lowercase letters",
    ),
    (_with("population.categories", [{"name": "a", "median_price": 5}] * 2), "population.categories", "Keep one"),
    (_with("population.countries", [{"code": "DE", "currency": "DEM"}]), "population.countries[0].currency", "EUR"),
    (_with("population.devices", {}), "population.devices", "at least one"),
    (_with("duration_seconds", 0), "duration_seconds", "at least"),
    (_with("duration_seconds", 1e12), "duration_seconds", "at most"),
    (_with("max_events", 0), "max_events", "at least 1"),
    (_with("seed", -1), "seed", "at least 0"),
    (_with("name", ""), "name", "at least one character"),
    (_with("name", "a\nb"), "name", "one line"),
    (_with("name", "x" * 81), "name", "at most 80"),
    (_with("description", "a\0b"), "description", "without NUL"),
    (_with("teaches", "\0"), "teaches", "without NUL"),
    (
        _with("population.countries", [{"code": "de", "currency": "EUR"}]),
        "population.countries[0].code",
        "two uppercase",
    ),
    (_with("name", 12), "name", "Quote text"),
    (_with("faults.0.kind", "negativ_price"), "faults[0].kind", "Did you mean negative_price?"),
    (_with("faults.0.rate", 1.5), "faults[0].rate", "at most 1"),
    (_with("faults.0.rate", 0), "faults[0].rate", "greater than 0"),
    (_with("faults.0.delay_seconds", 3), "faults[0].delay_seconds", "Remove it"),
    (_with("faults", [{"kind": "truncated", "rate": 0.6}, {"kind": "duplicate", "rate": 0.6}]), "faults", "Lower them"),
    (_with("faults", [{"kind": "truncated", "rate": 0.1}] * 2), "faults[1]", "sum of the rates"),
    (_with("sessions.transitions", {"viw": {"leave": 1}}), "sessions.transitions.viw", "Did you mean view?"),
    (_with("sessions.transitions", {"view": {"viw": 1}}), "sessions.transitions.view.viw", "Did you mean view?"),
    (_with("sessions.transitions", {"view": {"leave": 0.5}}), "sessions.transitions.view", "sum to 1"),
    (_with("sessions.transitions", {"view": {"leave": 1.5}}), "sessions.transitions.view.leave", "at most 1"),
    (
        _with("sessions.transitions", {"start": {"purchase": 1}}),
        "sessions.transitions.start.purchase",
        "Remove purchase",
    ),
    (
        _with("sessions.transitions", {"view": {"purchase": 1}}),
        "sessions.transitions.view.purchase",
        "Remove purchase",
    ),
    (
        _with("sessions.transitions", {"search": {"add_to_cart": 1}}),
        "sessions.transitions.search.add_to_cart",
        "Remove add_to_cart",
    ),
    (
        _with("traffic.stages", [{"events_per_second": 1}, {"events_per_second": 2}]),
        "traffic.stages",
        "Set duration_seconds on every stage except the last",
    ),
    (
        _with("traffic.stages", [{"events_per_second": 1, "duration_seconds": 10}, {"events_per_second": 2}]),
        "duration_seconds",
        "Increase duration_seconds",
    ),
]


def _patterns(part: Any) -> set[str]:
    """Every pattern of a JSON Schema, and those of the keys' names."""
    if isinstance(part, list):
        return set().union(*map(_patterns, part))
    if not isinstance(part, dict):
        return set()
    # `pydantic` writes a map whose keys have a pattern as `patternProperties`.
    own = {part["pattern"]} if "pattern" in part else set()
    return own.union(part.get("patternProperties", {}), *map(_patterns, part.values()))


def test_every_pattern_is_said_in_words() -> None:
    # A name's own check says which character is wrong.
    assert _patterns(json_schema()) - {NAME} == set(problems._ALLOWED)


def test_the_good_one_is_good() -> None:
    assert check(GOOD).faults[0].kind == "negative_price"


@pytest.mark.parametrize(
    ("document", "field", "remedy"), WRONG, ids=[f"{f or 'whole'}-{n}" for n, (_, f, _) in enumerate(WRONG)]
)
def test_wrong_documents_are_refused(document: dict[str, Any], field: str, remedy: str) -> None:
    with pytest.raises(DocumentError) as refused:
        check(document)
    (problem,) = refused.value.problems
    assert problem.field == field
    assert remedy in problem.remedy
    assert problem.message
    assert problem.remedy


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(DocumentError) as refused:
        check({**_with(STAGE, -1), "duration_seconds": "long", "colour": "red"})
    assert {problem.field for problem in refused.value.problems} == {
        "traffic.stages[0].events_per_second", "duration_seconds", "colour",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a mapping"),
        ("- a\n- b", "not a mapping"),
        ("name: [", "Invalid YAML"),
        ("a: &x [1]\nb: *x", "aliases"),
        ("name: a\nname: b", "duplicate key 'name'"),
        ("1: 2", "not a string"),
        ("name: !!python/object/apply:os.system ['true']", "Invalid YAML"),
        ("name: \x00", "Invalid YAML"),
        ("[" * 5000, "nested more than 20 levels deep"),
        ("name: " + "x" * 300_000, "bytes"),
        (b"\xff\xfe\x00", "Invalid YAML"),
        ('x: !!float ""', "does not match its YAML tag"),
        ('x: !!timestamp "soon"', "does not match its YAML tag"),
        ("x: !!bool maybe", "does not match its YAML tag"),
        ("x: !!set [1]", "does not match its YAML tag"),
        ("name: \ud800", "half a character"),
    ],
)
def test_unreadable_texts_are_refused(text: str | bytes, says: str) -> None:
    with pytest.raises(DocumentError, match=says):
        parse(text)


def test_json_is_taken_too() -> None:
    assert parse('{"name": "J", "duration_seconds": 1, "traffic": {"stages": [{"events_per_second": 5}]}}').name == "J"


def test_the_library_teaches() -> None:
    found = dict(library())
    assert {"first-light", "steady-day", "dirty-data"} <= set(found)
    assert all(scenario.teaches.endswith(".") for scenario in found.values())
    assert find("first-light") == found["first-light"] == find(str(LIBRARY / "first-light.yaml"))


def test_what_is_not_there_is_said_with_what_is() -> None:
    with pytest.raises(DocumentError, match="first-light"):
        find("first-ligth")


def test_the_canonical_document_is_the_same_scenario() -> None:
    for _, scenario in library():
        again = parse(scenario.canonical())
        assert again == scenario
        assert again.digest() == scenario.digest()
        assert again.content_digest() == scenario.content_digest()
