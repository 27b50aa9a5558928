"""The preview says what a run will be: held against the runs themselves."""

import pytest

from controlplane.scenarios.editor.preview import looked_ahead
from controlplane.scenarios.generator.document import check, json_schema
from controlplane.scenarios.generator.events import EVENT_TYPES
from controlplane.scenarios.generator.preview import preview
from controlplane.scenarios.generator.reading import find, library
from controlplane.scenarios.generator.records import Records
from tests.scenarios.made import ANCHOR


@pytest.mark.parametrize("name", ["first-light", "dirty-data", "duplicate-storm", "poison", "flash-sale"])
def test_expected_totals_are_those_of_the_run(name: str) -> None:
    scenario = find(name)
    expected = preview(scenario)
    records = Records(scenario, seed=scenario.seed, anchor=ANCHOR, partitions=4)
    types, faults = [0] * len(EVENT_TYPES), [0] * len(records.kinds)
    for block in records.blocks():
        for kind in block.types.tolist():
            types[kind] += 1
        for code in block.codes.tolist():
            faults[code] += 1
    assert expected.total == records.total == sum(types)
    for number, event_type in enumerate(EVENT_TYPES):
        assert expected.by_type[event_type] == pytest.approx(types[number], rel=0.15, abs=200)
    for kind, count in zip(records.kinds[1:], faults[1:], strict=True):
        assert expected.by_fault[kind] == pytest.approx(count, rel=0.2, abs=40), kind


def test_twenty_events_are_shown_good_and_bad() -> None:
    found = preview(find("first-light"))
    assert len(found.samples) == 20
    bad = [sample for sample in found.samples if sample.kind]
    assert 4 <= len(bad) <= 8
    assert all(sample.outcome for sample in bad)
    assert [sample.sequence for sample in found.samples] == sorted(sample.sequence for sample in found.samples)
    assert found == preview(find("first-light"))
    assert found.samples != preview(find("first-light"), seed=5).samples


def test_twenty_events_are_shown_where_none_is_good() -> None:
    document = {"name": "Bad", "duration_seconds": 10, "traffic": {"stages": [{"events_per_second": 100}]}}
    found = preview(check({**document, "faults": [{"kind": "truncated", "rate": 1.0}]}))
    assert [sample.kind for sample in found.samples] == ["truncated"] * 20
    assert len({sample.sequence for sample in found.samples}) == 20


def test_every_scenario_of_the_library_can_be_previewed() -> None:
    for _, scenario in library():
        found = preview(scenario)
        assert len(found.rate) <= 802
        assert found.peak_rate >= max(rate for _, rate in found.rate) - 0.001


def test_the_schema_knows_every_word_of_the_document() -> None:
    schema = json_schema()
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert schema["required"] == ["name"]
    # Made-up traffic says how much of it and for how long; a recording says that itself.
    made_up, recorded = schema["oneOf"]
    assert made_up["required"] == ["duration_seconds", "traffic"]
    assert recorded["required"] == ["source"]
    assert [name for name, allowed in recorded["properties"].items() if allowed is False] == [
        *("duration_seconds", "traffic", "population", "sessions")
    ]
    assert schema["additionalProperties"] is False
    fault = schema["$defs"]["Fault"]["properties"]
    assert "negative_price" in fault["kind"]["enum"]
    assert {"rate", "from_seconds", "until_seconds", "delay_seconds"} <= set(fault)


def test_the_same_document_is_looked_at_once_and_another_one_anew() -> None:
    document = {"name": "Once", "duration_seconds": 5, "traffic": {"stages": [{"events_per_second": 100}]}}
    first = looked_ahead(check(document)).found
    assert looked_ahead(check({**document, "description": ""})).found is first
    other = looked_ahead(check({**document, "seed": 2})).found
    assert other.samples != first.samples
    assert first == preview(check(document))
