"""`make audit`: known vulnerabilities of every locked package.

Python packages are asked about with pip-audit, browser packages with npm, Java archives at OSV's API. A database that
can't be reached leaves its part unchecked, which is an exit code of its own and never a success.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from compose.local.dependencies import inventory
from compose.local.install.browser import npm_command, npm_environment
from compose.local.progress import Progress
from compose.local.settings import Settings

OSV = "https://api.osv.dev"
CLEAN, VULNERABLE, NOT_CHECKED = 0, 1, 3
TIMEOUT_SECONDS = 15.0
LONGEST_SECONDS = 900
# OSV takes up to a thousand at once.
BATCH = 500
# In the messages of requests and of Node.
UNREACHABLE = ("connect", "resolve", "timed out", "timeout", "enotfound", "eai_again", "serviceerror", "no response")


@dataclass(frozen=True)
class Finding:
    """A package with known vulnerabilities: their ids, and the versions that have none of them, if any."""

    package: str
    version: str
    ids: tuple[str, ...]
    fixed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """The answer for one group of packages. `problem` says why it, or a part of it, is not checked."""

    title: str
    packages: int = 0
    findings: tuple[Finding, ...] = ()
    problem: str = ""


@dataclass
class Audit:
    """One run over every lock; the addresses are those of the databases."""

    settings: Settings
    osv: str = OSV
    # npm's own unless it is given.
    npm_registry: str = ""
    done: list[Checked] = field(default_factory=list)

    def run(self, progress: Progress) -> list[Checked]:
        """Check every group of packages, one after another."""
        for lock in inventory.PYTHON_LOCKS:
            with progress.step(f"Python packages of locks/{lock}.txt"):
                self.done.append(self.python(lock))
        for folder in inventory.NPM_FOLDERS:
            with progress.step(f"npm packages of {folder}/package-lock.json"):
                self.done.append(self.npm(folder))
        with progress.step("Java archives of locks/jars.json and of pyspark"):
            self.done.append(self.java())
        return self.done

    def python(self, lock: str) -> Checked:
        """One of the locks, as it is: nothing is resolved and nothing is installed."""
        command = [
            *(str(self.settings.python), "-m", "pip_audit", "-r", f"locks/{lock}.txt"),
            *("--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off"),
            *(
                "--vulnerability-service",
                "osv",
                "--osv-url",
                f"{self.osv}/v1/query",
                "--timeout",
                str(int(TIMEOUT_SECONDS)),
            ),
        ]
        return read_pip_audit(f"locks/{lock}.txt", *_run(command, self.settings.root))

    def npm(self, folder: str) -> Checked:
        """The lock of one folder of `NPM_FOLDERS`."""
        registry = ("--registry", self.npm_registry) if self.npm_registry else ()
        command = [*npm_command(), "audit", "--json", "--package-lock-only", "--fetch-retries=0", *registry]
        packages = len(inventory.npm(self.settings.root, folder))
        return read_npm_audit(f"{folder}/package-lock.json", packages, _run(command, self.settings.root / folder))

    def java(self) -> Checked:
        """The Java archives by their Maven coordinates."""
        title = "locks/jars.json and pyspark"
        packages = inventory.java(self.settings.root)
        unnamed = [package.name for package in packages if not package.group]
        named = [package for package in packages if package.group]
        try:
            answers = [answer for batch in _batches(named) for answer in self._ask(batch)]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            return Checked(title, problem=f"the database is unreachable: {error}")
        findings = tuple(
            Finding(f"{package.group}:{package.name}", package.version, tuple(sorted(ids)))
            for package, ids in zip(named, answers, strict=True)
            if ids
        )
        problem = f"{len(unnamed)} archives of pyspark have no group: {', '.join(unnamed)}" if unnamed else ""
        return Checked(title, len(named), findings, problem)

    def _ask(self, batch: Sequence[inventory.Package]) -> list[list[str]]:
        """The ids of the vulnerabilities of each package."""
        queries: list[dict[str, Any]] = [{"package": {"purl": package.purl}} for package in batch]
        found: list[list[str]] = [[] for _ in batch]
        open_queries = list(range(len(batch)))
        while open_queries:
            asked = [queries[index] for index in open_queries]
            answer = httpx.post(f"{self.osv}/v1/querybatch", json={"queries": asked}, timeout=TIMEOUT_SECONDS)
            results = answer.raise_for_status().json()["results"]
            further = []
            for index, result in zip(open_queries, results, strict=True):
                found[index] += [str(vulnerability["id"]) for vulnerability in result.get("vulns", ())]
                if token := result.get("next_page_token"):
                    queries[index]["page_token"] = token
                    further.append(index)
            open_queries = further
        return found


def _batches(packages: Sequence[inventory.Package]) -> list[Sequence[inventory.Package]]:
    return [packages[start : start + BATCH] for start in range(0, len(packages), BATCH)]


def _run(command: Sequence[str], folder: Path) -> tuple[str, str]:
    """Standard output and standard error of an auditor; its exit code doesn't tell a finding from a failure."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=npm_environment(),
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "", f"no response within {LONGEST_SECONDS} s"
    return done.stdout, done.stderr


def read_pip_audit(title: str, said: str, errors: str) -> Checked:
    """The result in pip-audit's JSON. Packages that it skipped are a problem."""
    try:
        rows = json.loads(said)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Checked(title, problem=_why("pip-audit", errors))
    skipped = [f"{row['name']} ({row['skip_reason']})" for row in rows if "skip_reason" in row]
    checked = [row for row in rows if "vulns" in row]
    findings = tuple(
        Finding(
            row["name"],
            row["version"],
            tuple(sorted(vulnerability["id"] for vulnerability in row["vulns"])),
            tuple(sorted({version for vulnerability in row["vulns"] for version in vulnerability["fix_versions"]})),
        )
        for row in checked
        if row["vulns"]
    )
    problem = f"{len(skipped)} packages were skipped: {', '.join(skipped)}" if skipped else ""
    return Checked(title, len(checked), findings, problem or ("" if checked else "no package was checked"))


def read_npm_audit(title: str, packages: int, answer: tuple[str, str]) -> Checked:
    """The result in npm's JSON, version 2 of its report."""
    said, errors = answer
    try:
        report = json.loads(said)
        rows = report["vulnerabilities"]
    except (ValueError, KeyError, TypeError):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            return Checked(title, problem=f"the database is unreachable: {_last(json.loads(said)['message'])}")
        return Checked(title, problem=_why("npm audit", errors))
    findings = []
    for name, row in sorted(rows.items()):
        # A package that is named here because it needs a vulnerable one has names instead of advisories.
        advisories = [via for via in row["via"] if isinstance(via, dict)]
        if advisories:
            ids = tuple(sorted(str(via.get("url") or via["source"]).rpartition("/")[2] for via in advisories))
            findings.append(Finding(name, row["range"], ids))
    return Checked(title, packages, tuple(findings))


def _why(program: str, errors: str) -> str:
    """A part that has no result for a reason other than the network's must not be looked for there."""
    network = any(word in errors.lower() for word in UNREACHABLE)
    return f"the database is unreachable: {_last(errors)}" if network else f"{program} failed: {_last(errors)}"


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no output"


def report(done: Sequence[Checked], progress: Progress) -> int:
    """Print what was found; gives the exit code."""
    for checked in done:
        for finding in checked.findings:
            fixed = f"; fixed in {', '.join(finding.fixed)}" if finding.fixed else ""
            progress.say(
                f"VULNERABLE   {checked.title}: {finding.package} {finding.version}: {', '.join(finding.ids)}{fixed}"
            )
        if checked.problem:
            progress.say(f"NOT CHECKED  {checked.title}: {checked.problem}")
        if checked.packages and not checked.findings:
            progress.say(f"clean        {checked.title}: {checked.packages} packages")
    if any(checked.findings for checked in done):
        return VULNERABLE
    return NOT_CHECKED if any(checked.problem for checked in done) or not done else CLEAN
