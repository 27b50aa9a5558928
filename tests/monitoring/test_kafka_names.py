"""Kafka's beans under names as Prometheus has them: what a dashboard draws is told, and promtool finds nothing."""

import re
from typing import Any

import pytest
import yaml

from compose.monitoring.dashboards.all import FOLDER
from compose.monitoring.scrape import HERE
from tests.monitoring.linting import linted
from tests.monitoring.linting import promtool as promtool

RULES: list[dict[str, Any]] = yaml.safe_load((HERE / "kafka-jmx.yml").read_text())["rules"]
NAMES = {rule["name"] for rule in RULES}


def test_each_name_is_written_out() -> None:
    assert [name for name in NAMES if not re.fullmatch(r"kafka(_[a-z]+)+", name)] == []


def test_dashboards_ask_for_what_is_told() -> None:
    asked = {name for path in FOLDER.glob("*.json") for name in re.findall(r"\bkafka_\w+", path.read_text())}
    assert asked
    assert asked - NAMES == set()


def test_promtool_has_nothing_against_them(promtool: str) -> None:
    told = []
    for name in sorted(NAMES):
        rules = [rule for rule in RULES if rule["name"] == name]
        (kind,) = {rule.get("type", "UNTYPED").lower() for rule in rules}
        told += [f"# HELP {name} A bean.", f"# TYPE {name} {kind}"]
        for number, rule in enumerate(rules):
            labels = ",".join(f'{label}="{value}"' for label, value in rule.get("labels", {}).items())
            told.append(f"{name}{{{labels}}} {number}")
    assert linted(promtool, "\n".join(told)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["pattern"]))
def test_seconds_are_made_of_milliseconds(rule: dict[str, Any]) -> None:
    assert rule.get("valueFactor", 1) == (0.001 if "Ms," in rule["pattern"] else 1)
    assert rule["name"].endswith("_seconds") == ("Ms," in rule["pattern"])
