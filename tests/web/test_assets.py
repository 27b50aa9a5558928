"""What browsers load: from here only, named in one place, and nothing inline that the content policy would stop."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from controlplane.web.finders import PACKAGES, SERVED, PackageFinder
from tests.pages import Visitor

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "controlplane").glob("*/templates/**/*.html"))
SCRIPTS = sorted((ROOT / "controlplane").glob("*/static/**/*.js"))
INLINE = re.compile(
    r"""<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style\b|\sstyle=["']|\son[a-z]+=["']|javascript:"""
)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_template_holds_what_the_policy_stops(template: Path) -> None:
    assert INLINE.findall(template.read_text()) == []


@pytest.mark.parametrize("path", [*TEMPLATES, *SCRIPTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_loaded_from_elsewhere(path: Path) -> None:
    assert re.findall(r"""(?:src|href|import|fetch\()\s*=?\s*["']https?://""", path.read_text()) == []


def test_the_lock_names_no_download_address() -> None:
    lock = (ROOT / "controlplane/web/package-lock.json").read_text()
    assert (lock.count('"resolved"'), lock.count('"integrity"') >= len(SERVED) - 1) == (0, True)


def test_every_icon_that_a_page_names_is_in_the_set() -> None:
    icons = (PACKAGES / SERVED["packages/tabler-icons.min.css"]).read_text()
    known = set(re.findall(r"\.ti-([a-z0-9-]+):before", icons))
    named = {
        icon
        for template in TEMPLATES
        for icon in re.findall(r"""{% (?:icon|empty|blank) ["']([a-z0-9-]+)["']""", template.read_text())
    }
    assert named - known == set()


@pytest.mark.timeout(360)
def test_the_served_files_can_be_collected_with_hashed_names(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    collected = {str(path.relative_to(tmp_path)) for path in (tmp_path / "packages").rglob("*") if path.is_file()}
    plain = {name for name in collected if not re.search(r"\.[0-9a-f]{12}\.", name)}
    assert plain == {name for name, _ in PackageFinder().list(None)}
    assert "sourceMappingURL" not in (tmp_path / "packages/tabler.min.css").read_text()


def test_every_answer_carries_its_protection(viewer: Visitor) -> None:
    headers = viewer.get("/settings/").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == (
        "DENY",
        "nosniff",
        "same-origin",
    )
