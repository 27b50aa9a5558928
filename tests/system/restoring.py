"""`make backup` under a running stream, the installation deleted, `make restore` into an empty data folder.

Run by `make test-backup`; apart from `make test`, because it deletes an installation.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from compose.local.backup import archive
from compose.local.cleaning import WRITTEN
from compose.local.credentials import RESTORING, load_secrets
from tests.stack import Stack, installation, signed_in
from tests.system.api import ControlPlane
from tests.waiting import wait_for

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def own() -> Iterator[Stack]:
    with installation(Path(tempfile.mkdtemp(prefix="lakehouse-backup-"))) as running:
        _run(running, "manage.py", "tour", timeout=1000)
        yield running


def _run(stack: Stack, *words: str, timeout: float = 600, **more: str) -> str:
    done = stack.command(*words, timeout=timeout, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _all(api: ControlPlane, path: str, **query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api.get(path, **query)["items"]
    return rows


def _known(api: ControlPlane) -> dict[str, Any]:
    """What people would miss."""
    return {
        "scenarios": sorted(one["slug"] for one in _all(api, "/scenarios")),
        "runs": {one["id"]: one["acknowledged"] for one in _all(api, "/scenario-runs")},
        "people": {one["username"]: one["role"] for one in _all(api, "/people")},
        "audit": {(one["at"], one["action"], one["target"]) for one in _all(api, "/audit")},
        "dag_runs": sorted(one["run_id"] for one in _all(api, "/dag-runs")),
    }


def test_an_installation_comes_back_from_its_backup(own: Stack, tmp_path: Path) -> None:
    credentials = json.loads((own.data / "credentials.json").read_text())
    api = ControlPlane(credentials["url"], credentials["api_token"])
    assert api.get("/stream")["state"] == "running"
    before = _known(api)
    assert (len(before["runs"]), before["people"]["admin"]) == (1, "admin")
    counted = json.loads(_run(own, "manage.py", "ledger", "--json", "--wait", "120"))
    assert counted["balanced"] is True
    secrets = load_secrets(own.data)
    file = tmp_path / "backup.tar"
    _run(own, "-m", "compose.local", "backup", "--file", str(file))
    # The stream has not been disturbed by it, and goes on: what comes in from here on is not in the backup.
    assert api.get("/stream")["state"] == "running"
    manifest = archive.read_manifest(file)
    assert manifest.tables["bronze.events"].rows == counted["flow"]["bronze"]
    later = api.post("/scenarios/first-light/runs")["id"]
    wait_for(lambda: api.get(f"/scenario-runs/{later}")["state"] == "succeeded", "another run has ended", within=300)
    api.http.close()

    _run(own, "-m", "compose.local", "down")
    for path in own.data.iterdir():
        if path.name != "warehouse":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    said = _run(own, "-m", "compose.local", "restore", "--file", str(file))
    assert "Missing tables" not in said
    assert not (own.data / RESTORING).exists()
    assert {path.name for path in own.data.iterdir()} <= set(WRITTEN)
    _run(own, "-m", "compose.local", "up", TOUR="0")

    assert load_secrets(own.data) == secrets
    with signed_in(json.loads((own.data / "credentials.json").read_text()), timeout=30, follow_redirects=True) as pages:
        assert [one["name"] for one in pages.get("/api/v1/me/tokens").json()["items"]] == ["first token"]
    api = ControlPlane(credentials["url"], credentials["api_token"])
    after = _known(api)
    assert {name: after[name] for name in before if name != "audit"} == {
        name: before[name] for name in before if name != "audit"
    }
    assert before["audit"] <= after["audit"]
    assert [one["actor"] for one in _all(api, "/audit", action="installation.restore")] == ["make restore"]
    wait_for(lambda: api.get("/stream")["state"] == "running", "the stream begins again by itself", within=180)
    ledger = json.loads(_run(own, "manage.py", "ledger", "--json", "--wait", "120"))
    assert ledger["balanced"] is True
    assert ledger["flow"] == counted["flow"]
    tour = _run(own, "manage.py", "tour", timeout=1000)
    assert "Ledger balanced." in tour
    assert len(_all(api, "/scenario-runs")) == 2
    api.http.close()


def test_where_something_is_installed_nothing_is_restored(own: Stack, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    _run(own, "-m", "compose.local", "backup", "--file", str(file))
    refused = own.command("-m", "compose.local", "restore", "--file", str(file))
    assert refused.returncode == 1
    assert f"The data folder {own.data} is not empty" in refused.stderr
    url = json.loads((own.data / "credentials.json").read_text())["url"]
    assert httpx.get(f"{url}/sign-in/", timeout=30, trust_env=False).status_code == 200
