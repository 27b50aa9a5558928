"""The dashboards' JSON is what the code makes, and Grafana's own package reads it back."""

import json
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from compose.monitoring.dashboards.all import DASHBOARDS, FOLDER, documents
from compose.monitoring.dashboards.panels import SOURCE
from compose.monitoring.scrape import HERE

register_default_plugins()


def test_the_committed_json_is_what_the_code_makes() -> None:
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert committed == documents(), "Run `python -m compose.monitoring.dashboards`."


@pytest.mark.parametrize("name", sorted(documents()))
def test_grafanas_schema_reads_every_dashboard(name: str) -> None:
    said = json.loads((FOLDER / name).read_text())
    assert _through_the_schema(said) == said
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in said["panels"]]
    assert len(set(places)) == len(places)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in said["panels"])
    assert all(target["expr"] and target["refId"] for panel in said["panels"] for target in panel["targets"])


@pytest.mark.parametrize(
    "place", ["", "panels.0", "panels.0.gridPos", "panels.0.targets.0", "panels.0.fieldConfig.defaults"]
)
def test_a_misspelt_key_would_be_found(place: str) -> None:
    said = json.loads((FOLDER / "lakehouse-stream.json").read_text())
    inner = said
    for step in place.split(".") if place else ():
        inner = inner[int(step) if step.isdigit() else step]
    inner["titel"] = "Misspelt"
    assert _through_the_schema(said) != said


def _through_the_schema(said: dict[str, Any]) -> Any:
    """What Grafana's package makes of a dashboard that it has read: it leaves out what it does not know."""
    return json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(said)))


def test_titles_are_those_of_the_design() -> None:
    titles = [one.TITLE for one in DASHBOARDS]
    assert titles == ["Pipeline at a glance", "Stream", "Spark", "Jobs and quality", "Services"]


def test_the_provisioned_source_is_the_one_that_panels_ask() -> None:
    provisioning = HERE / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "lakehouse.yml").read_text())["datasources"]
    assert (source["type"], source["uid"]) == (SOURCE.type_val, SOURCE.uid)
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "lakehouse.yml").read_text())["providers"]
    assert provider["type"] == "file"
