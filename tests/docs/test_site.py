"""`make docs`: the site builds without a warning, its links and anchors exist, and generated pages match the code."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from compose.local.settings import CONTAINER_VARIABLES, ROOT, VARIABLES
from controlplane.api import api
from controlplane.monitoring import requests as _registers_its_metrics  # noqa: F401
from controlplane.monitoring.adapters.null import NullTaskCounter
from controlplane.monitoring.collector import REGISTRY
from controlplane.scenarios.generator.document import json_schema
from controlplane.scenarios.generator.faults import FAULTS
from docs.hooks import OUTSIDE, links_for_site
from docs.reference import metrics
from spark_jobs.tables import TABLES
from tests.adapters import Adapters

LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
# Links to pages, not files that a browser loads.
NOT_LOADED = {"canonical", "next", "prev", "alternate"}


class Parsed(HTMLParser):
    """The ids, links, loaded addresses, headings' texts and table cells of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.code: list[str] = []
        self.paragraphs: list[str] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if "id" in named:
            self.ids.append(named["id"])
        if tag == "a" and "href" in named:
            self.links.append(named["href"])
        if (place := named.get(LOADED.get(tag, ""))) and named.get("rel") not in NOT_LOADED:
            self.loaded.append(place)
        if tag == "code":
            self.code.append("")
        if tag == "p":
            self.paragraphs.append("")
        if tag in ("code", "p"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            self._open.remove(tag)

    def handle_data(self, data: str) -> None:
        if "code" in self._open:
            self.code[-1] += data
        elif "p" in self._open:
            self.paragraphs[-1] += data


def build(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder), *arguments]
    variables = os.environ | {"DJANGO_WITHOUT_SECRETS": "1"}
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = build(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Parsed]:
    """Every page of the site by its path."""
    found = {
        str(path.relative_to(site)): Parsed(path.read_text())
        for path in site.rglob("*.html")
        if path.name != "404.html"
    }
    assert len(found) > 40
    return found


def test_every_page_of_the_repository_is_on_the_site(site: Path) -> None:
    written = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    assert [str(path) for path in written if not (site / path.with_suffix(".html")).is_file()] == []
    places = [Path(place) for place in OUTSIDE.values()]
    shown = [place.with_suffix(".html") if place.suffix == ".md" else place for place in places]
    assert [str(place) for place in shown if not (site / place).is_file()] == []


def test_no_source_code_is_published(site: Path) -> None:
    assert [str(path) for path in site.rglob("*.py*")] == []


def test_every_link_and_anchor_exists(site: Path, pages: dict[str, Parsed]) -> None:
    ids = {place: set(page.ids) for place, page in pages.items()}
    broken = []
    for place, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (site / place).parent / unquote(parts.path) if parts.path else site / place
            named = os.path.relpath(os.path.normpath(target), site)
            named = "index.html" if named == "." else named
            missing = not (site / named).is_file()
            if missing or (parts.fragment and unquote(parts.fragment) not in ids.get(named, set())):
                broken.append((place, link))
    assert broken == []


def test_no_two_elements_of_a_page_have_one_id(pages: dict[str, Parsed]) -> None:
    twice = {place: {one for one in page.ids if page.ids.count(one) > 1} for place, page in pages.items()}
    assert {place: found for place, found in twice.items() if found} == {}


def test_nothing_is_loaded_from_another_host(site: Path, pages: dict[str, Parsed]) -> None:
    elsewhere = {(place, one) for place, page in pages.items() for one in page.loaded if urlsplit(one).netloc}
    assert elsewhere == set()
    styles = [path.read_text() for path in site.rglob("*.css")]
    assert [
        found for text in styles for found in re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)]+", text)
    ] == []


def test_tables_and_lists_are_rendered(pages: dict[str, Parsed]) -> None:
    """Markdown that needs a blank line before it would be shown as text."""
    raw = re.compile(r"\| ?-{3}|^\s*(?:- |\d\. |```|#+ )", re.MULTILINE)
    assert [(place, text) for place, page in pages.items() for text in page.paragraphs if raw.search(text)] == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[nowhere](nowhere.md)", "nowhere.md"),
        ("[no anchor](index.md#nowhere)", "#nowhere"),
        ("[absolute](/nowhere/)", "/nowhere/"),
        ("[not a page](../README.md)", "../README.md"),
    ],
)
def test_a_broken_link_fails_the_build(tmp_path: Path, text: str, reason: str) -> None:
    done = _build_pages(tmp_path, {"index.md": f"# Home\n\n{text}\n"}, nav=["index.md"])
    assert done.returncode != 0
    assert reason in done.stderr + done.stdout


def test_a_page_outside_the_navigation_fails_the_build(tmp_path: Path) -> None:
    files = {"index.md": "# Home\n", "other.md": "# Other\n"}
    assert _build_pages(tmp_path, files, nav=["index.md", "other.md"]).returncode == 0
    done = _build_pages(tmp_path, files, nav=["index.md"])
    assert done.returncode != 0
    assert "other.md" in done.stderr + done.stdout


def _build_pages(folder: Path, files: dict[str, str], nav: list[str]) -> subprocess.CompletedProcess[str]:
    """Build pages of a test's own with our configuration, without its hooks."""
    docs = folder / "docs"
    docs.mkdir(exist_ok=True)
    for name, text in files.items():
        (docs / name).write_text(text)
    configuration = folder / "mkdocs.yml"
    configuration.write_text(f"INHERIT: {ROOT / 'mkdocs.yml'}\ndocs_dir: {docs}\nhooks: []\nnav: {nav}\n")
    return build(folder / "site", "--config-file", str(configuration))


@pytest.mark.parametrize(
    ("place", "text", "expected"),
    [
        ("index.md", "[TLS](docs/tls.md#redis)", "[TLS](tls.md#redis)"),
        ("index.md", "![flow](docs/pictures/overview.png)", "![flow](pictures/overview.png)"),
        ("tls.md", "[Security](../SECURITY.md#redis)", "[Security](security.md#redis)"),
        ("how-to/scripts.md", "[all](../../.env.example)", "[all](../reference/settings.md)"),
        ("security.md", "[TLS](docs/tls.md)", "[TLS](tls.md)"),
        ("runbooks/a.md", "[B](/runbooks/part-down/)", "[B](part-down.md)"),
        ("runbooks/a.md", "[Runs](/runs/) shows it", "**Runs** shows it"),
        ("tls.md", "[audit](audit.md)", "[audit](audit.md)"),
        ("tls.md", "[a](#plain-text), [b](https://example.org/)", "[a](#plain-text), [b](https://example.org/)"),
        ("tls.md", "[code](../controlplane/settings.py)", "[code](../controlplane/settings.py)"),
        ("index.md", "`[TLS](docs/tls.md)`", "`[TLS](docs/tls.md)`"),
        ("index.md", "```\n[TLS](docs/tls.md)\n```", "```\n[TLS](docs/tls.md)\n```"),
    ],
)
def test_links_between_files_become_links_between_pages(place: str, text: str, expected: str) -> None:
    assert links_for_site(text, place) == expected


def test_every_setting_is_on_its_page(pages: dict[str, Parsed]) -> None:
    assert sorted({*VARIABLES, *CONTAINER_VARIABLES} - set(pages["reference/settings.html"].code)) == []


def test_every_operation_is_on_its_page(pages: dict[str, Parsed]) -> None:
    description = api.get_openapi_schema()
    operations = {
        (operation["operationId"], f"{method.upper()} {path}")
        for path, by_method in description["paths"].items()
        for method, operation in by_method.items()
    }
    page = pages["reference/rest-api.html"]
    found = {(name, line) for name, line in operations if f"operation-{name}" in page.ids and line in page.code}
    assert found == operations
    schemas = {f"schema-{name.lower()}" for name in description["components"]["schemas"]}
    assert schemas - set(page.ids) == set()


def test_every_field_and_fault_of_a_scenario_is_on_its_page(pages: dict[str, Parsed]) -> None:
    schema = json_schema()
    named = {name for one in (schema, *schema["$defs"].values()) for name in one.get("properties", ())}
    page = pages["reference/scenario-document.html"]
    assert (named | set(FAULTS)) - set(page.code) == set()
    assert {name.lower() for name in schema["$defs"]} - set(page.ids) == set()


def test_every_column_is_on_its_page(pages: dict[str, Parsed]) -> None:
    page = pages["reference/tables.html"]
    assert {column.name for table in TABLES for column in table.columns} - set(page.code) == set()
    assert len(page.paragraphs) > len(TABLES)


@pytest.mark.django_db
def test_the_metrics_are_those_of_the_collector(adapters: Adapters, pages: dict[str, Parsed]) -> None:
    adapters.use(task_counter=NullTaskCounter())
    documented = {one.name: one for found in metrics.metrics().values() for one in found}
    assert set(documented) - set(pages["reference/metrics.html"].code) == set()
    collected = {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in REGISTRY.collect()
        if family.name.startswith("lakehouse_")
    }
    # The ledger has no further metrics before its first statement.
    later = {f"lakehouse_ledger_{name}" for name in ("lines", "residual_records", "residual_revenue")}
    assert set(collected) == set(documented) - later
    for name, family in collected.items():
        assert (documented[name].kind, documented[name].text) == (family.type, family.documentation)
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert labels in (set(), set(documented[name].labels)), name
