"""Alert rules: sound by promtool, each with a runbook, and written into an installation with its own address."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from compose.local.settings import ROOT
from compose.monitoring import scrape
from tests.monitoring.linting import promtool as promtool

RULES = [
    rule
    for path in scrape.RULES.glob("*.yml")
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]


def test_promtool_accepts_the_rules_and_their_unit_tests_hold(promtool: str) -> None:
    rules = sorted(map(str, scrape.RULES.glob("*.yml")))
    for words in (["check", "rules", *rules], ["test", "rules", str(scrape.HERE / "rules_test.yml")]):
        done = subprocess.run([promtool, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_what_an_installation_writes(promtool: str, tmp_path: Path) -> None:
    for name, text in scrape.rules("https://lake.example", "3s").items():
        (tmp_path / name).write_text(text)
    (tmp_path / "prometheus.yml").write_text(
        scrape.configuration([scrape.job("a", "b:1")], str(tmp_path / "lake*.yml"))
    )
    done = subprocess.run(
        [promtool, "check", "config", str(tmp_path / "prometheus.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_every_rule_has_its_runbook(rule: dict[str, dict[str, str]]) -> None:
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", str(rule["alert"])).lower()
    assert rule["annotations"]["runbook_url"] == f"{scrape.COMMITTED_URL}/runbooks/{name}/"
    page = (ROOT / "docs" / "runbooks" / f"{name}.md").read_text()
    assert f"Alert `{rule['alert']}`." in page
    assert rule["labels"]["severity"] in ("critical", "warning")


def test_no_runbook_is_without_a_rule() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert pages == {rule["annotations"]["runbook_url"].rstrip("/").rpartition("/")[2] for rule in RULES}


def test_an_installation_gets_its_own_address_and_durations() -> None:
    (text,) = scrape.rules("https://lake.example/", "3s").values()
    written = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    assert [rule["alert"] for rule in written] == [rule["alert"] for rule in RULES]
    assert {rule["for"] for rule in written} == {"3s"}
    assert all(rule["annotations"]["runbook_url"].startswith("https://lake.example/runbooks/") for rule in written)


def test_the_containers_configuration_is_what_the_code_makes() -> None:
    committed = (scrape.HERE / "prometheus.yml").read_text()
    assert committed.partition("\n")[2] == scrape.of_containers()


def test_metrics_in_rules_are_those_that_are_told() -> None:
    """The expressions name nothing that no source tells: a misspelt metric would never fire."""
    told = "".join(path.read_text() for path in (ROOT / "controlplane" / "monitoring").rglob("*.py"))
    named = {name for rule in RULES for name in re.findall(r"lakehouse_\w+", rule["expr"])}
    assert named
    missing = {name for name in named if f'"{name.removesuffix("_total")}"' not in told}
    assert not missing
