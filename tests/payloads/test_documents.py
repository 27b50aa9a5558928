"""Documents of scenarios: YAML is read as plain values, and what a person typed comes back as it was typed."""

import json
from typing import Any

import pytest
import yaml

from controlplane.scenarios.generator.document import DocumentError
from controlplane.scenarios.generator.reading import parse
from controlplane.scenarios.models import Scenario
from tests.pages import Visitor
from tests.payloads import texts, yaml_texts

REST = "\nduration_seconds: 60\ntraffic: {stages: [{events_per_second: 1}]}\n"


@pytest.mark.parametrize("written", yaml_texts.REFUSED)
def test_what_is_more_than_keys_and_values_is_refused(written: str, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for text in (f"name: {written}{REST}", f"name: x{REST}population: {written}\n", f"{written}\n"):
        with pytest.raises(DocumentError) as refused:
            parse(text)
        first = refused.value.problems[0]
        assert first.remedy
        assert (
            first.field
            or "not a mapping of keys and values" in first.message
            or "does not match its YAML tag" in first.message
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("written", "text"), yaml_texts.VALUES)
def test_a_name_is_a_text_or_is_refused_at_its_field(written: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(DocumentError) as refused:
            parse(f"name: {written}{REST}")
        assert "name" in {problem.field for problem in refused.value.problems} or "line 1" in str(refused.value)
    else:
        assert parse(f"name: {written}{REST}").name == text


@pytest.mark.django_db
@pytest.mark.parametrize("text", [*texts.TEMPLATES, *texts.SQL, *texts.CELLS, *texts.LINES])
def test_a_text_is_kept_as_it_was_typed_or_refused_at_its_field(text: str, operator: Visitor) -> None:
    document = {"name": "x", "description": text, "teaches": text, "duration_seconds": 60,
                "traffic": {"stages": [{"events_per_second": 1}]}}  # fmt: skip
    body = json.dumps({"document": document})
    answer = operator.post("/api/v1/scenarios", body, content_type="application/json")
    if "\x00" in text or (not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)):
        assert answer.status_code == 422
        assert "description" in answer.content.decode() or "surrogate" in answer.content.decode()
        assert not Scenario.objects.filter(builtin=False).exists()
        return
    assert answer.status_code == 201, answer.content
    slug = answer.json()["slug"]
    kept = operator.get(f"/api/v1/scenarios/{slug}").json()
    assert kept["description"] == text
    # The file that a person takes along says the same.
    written = yaml.safe_load(operator.get(f"/scenarios/{slug}/document.yaml").content)
    assert (written["description"], written["teaches"]) == (text, text)
