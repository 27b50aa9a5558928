"""The commands behind the Makefile."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compose.local import bootstrap, checks, logbook, report
from compose.local.cleaning import clean
from compose.local.errors import InstallationError
from compose.local.install import browser, install_all, jars
from compose.local.locking import only_one
from compose.local.packages import folder_of
from compose.local.parts.all import NAMES
from compose.local.parts.controlplane import environment
from compose.local.parts.monitoring import NAMES as WATCHING
from compose.local.progress import Progress
from compose.local.settings import MINIO, Settings, load
from compose.local.startup import Startup

if TYPE_CHECKING:
    from compose.local.backup.archive import Manifest

# What writes to the warehouse or reads it; the tour comes first, whose tables the others look at.
TESTED_ON_MINIO = (
    *("tests/system/test_tour.py", "tests/system/test_installation.py", "tests/minio", "tests/spark_jobs"),
    *("tests/lakehouse", "tests/quality", "tests/ledger"),
)

# Command -> the module that it runs, and its purpose.
BENCHMARKS = {
    "bench-up": ("tests.benchmarks.startup", "measure startup, idle load and page times"),
    "bench-storage": ("tests.benchmarks.storage", "compare tables in MinIO with tables in a folder"),
    "bench-generator": ("tests.benchmarks.generator", "compare the event generator with Kafka's own tool"),
}

NOTHING = "everything it had started was stopped."
GOES_ON = "all services and everything it had requested keep running."
# The situation after Ctrl-C, by command.
LEFT: defaultdict[str, str] = defaultdict(
    lambda: NOTHING,
    down="run `make down` again to stop the remaining services.",
    backup="no backup was created; the services are unchanged.",
    restore="run it again. `make up` is blocked until the restore is complete.",
    status="the services are unchanged.",
    logs="the services are unchanged.",
    tour=GOES_ON,
    clean="run `make clean` again to delete the remaining data.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    parsed = arguments_parser().parse_args(arguments)
    return guarded(parsed.command, lambda: parsed.run(load(), parsed))


def guarded(command: str, run: Callable[[], int | None]) -> int:
    """Run `make <command>`; returns its exit code. Errors that a user can fix are one line on stderr and code 1."""
    # Terminated from outside (a closed terminal, a CI job's limit), it cleans up as after Ctrl-C.
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, signal.default_int_handler)
    try:
        return run() or 0
    except InstallationError as problem:
        print(f"make {command}: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"make {command}: interrupted; {LEFT[command]}", file=sys.stderr)
        return 130


def arguments_parser() -> argparse.ArgumentParser:
    """The commands and their arguments."""
    parser = argparse.ArgumentParser(prog="python3 -m compose.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    up = commands.add_parser("up", help="install, start, wait until every service is healthy, then run the tour")
    up.add_argument("--only", default="", help=f"comma-separated services: {', '.join(NAMES)}")
    up.set_defaults(run=_up)
    commands.add_parser("down", help="stop all services").set_defaults(run=_down)
    status = commands.add_parser("status", help="show the state of all services")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(run=_status)
    logs = commands.add_parser("logs", help="show the last lines of the logs")
    logs.add_argument("part", nargs="?", default="", help="one service instead of all")
    logs.add_argument(
        "--run", dest="run_id", default="", help="the log lines of one run from all services, in order of time"
    )
    logs.add_argument("--follow", action="store_true", help="keep reading new lines")
    logs.set_defaults(run=_logs)
    rotating = commands.add_parser("rotate-secrets", help="generate new secrets and restart the services that use them")
    rotating.set_defaults(run=_rotate)
    backup = commands.add_parser("backup", help="back up everything except the tables to one file")
    backup.add_argument("--file", default="", help="the archive's path; by default in backups/ beside the data folder")
    backup.set_defaults(run=_backup)
    verifying = commands.add_parser("backup-verify", help="check the digest of every file in a backup")
    verifying.add_argument("--file", default="", help="the archive's path")
    verifying.set_defaults(run=_backup_verify)
    restoring = commands.add_parser("restore", help="restore an installation from a backup into an empty data folder")
    restoring.add_argument("--file", default="", help="the archive's path")
    restoring.set_defaults(run=_restore)
    commands.add_parser("tour", help="run one scenario through the whole pipeline and print its ledger").set_defaults(
        run=_tour
    )
    cleaning = commands.add_parser("clean", help="stop and delete the installation's data")
    cleaning.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    cleaning.add_argument("--all", action="store_true", help="also delete installed and downloaded packages")
    cleaning.set_defaults(run=lambda settings, parsed: clean(settings, yes=parsed.yes, everything=parsed.all))
    test = commands.add_parser(
        "test", help="install the test dependencies and run the tests; arguments are passed to pytest"
    )
    test.add_argument("pytest", nargs=argparse.REMAINDER)
    test.set_defaults(run=_test)
    stores = commands.add_parser("test-minio", help="run the pipeline tests and the tour with the tables in MinIO")
    stores.set_defaults(run=_test_minio, pytest=["-m", "stack", *TESTED_ON_MINIO])
    containers = commands.add_parser("test-compose", help="run the whole system in containers and kill each in turn")
    containers.set_defaults(run=_test, pytest=["tests/containers/bringing_up.py", "-s"])
    cluster = commands.add_parser("test-cluster", help="run the tour on a Spark standalone master with two workers")
    cluster.set_defaults(run=_test, pytest=["tests/system/on_a_cluster.py", "-s"])
    faults = commands.add_parser("test-faults", help="kill or suspend every process of an installation")
    faults.set_defaults(run=_test, pytest=["tests/system/faults.py"])
    rotation = commands.add_parser("test-rotation", help="rotate every secret of a separate installation")
    rotation.set_defaults(run=_test, pytest=["tests/system/rotating.py"])
    restored = commands.add_parser("test-backup", help="back up, delete and restore a separate installation")
    restored.set_defaults(run=_test, pytest=["tests/system/restoring.py"])
    watching = commands.add_parser("test-monitoring", help="monitor a tour with Prometheus and make every alert fire")
    watching.set_defaults(run=_test_minio, pytest=["tests/monitoring/watching.py"])
    commands.add_parser("lint", help="run the linters of every language, and mypy").set_defaults(run=_lint)
    commands.add_parser("docs", help="build the documentation site into site/").set_defaults(run=_docs)
    commands.add_parser("lock", help="update locks/ from pyproject.toml").set_defaults(run=_lock)
    audit = commands.add_parser("audit", help="check all locked packages for known vulnerabilities")
    audit.add_argument("--osv-url", default="", help="another address of OSV's API, e.g. a mirror")
    audit.add_argument("--npm-registry", default="", help="another address for npm's advisories")
    audit.set_defaults(run=_audit)
    commands.add_parser("sbom", help="write a software bill of materials (CycloneDX)").set_defaults(run=_sbom)
    for name, (_, purpose) in BENCHMARKS.items():
        commands.add_parser(name, help=purpose).set_defaults(run=_benchmark)
    return parser


def _up(settings: Settings, parsed: argparse.Namespace) -> int:
    only = [name for name in parsed.only.split(",") if name]
    if unknown := [name for name in only if name not in (*NAMES, *WATCHING)]:
        raise InstallationError(f"Service {unknown[0]} does not exist.", f"Services: {', '.join(NAMES)}.")
    progress = Progress()
    checks.disk_has_room(settings.data)
    settings.data.mkdir(parents=True, exist_ok=True)
    with only_one(settings.data, "up"):
        install_all(settings, progress)
        parts = Startup(settings, progress, only).run()
    report.show_parts(settings, parts, progress.console)
    tour = not only and os.environ.get("TOUR", "1") != "0"
    try:
        code = _tour(settings, parsed) if tour else 0
    except KeyboardInterrupt:
        print(f"The tour was interrupted; {GOES_ON} Run `make tour` to repeat it.", file=sys.stderr)
        code = 130
    report.show_sign_in(settings, progress.console)
    return code


def _down(settings: Settings, _: argparse.Namespace) -> int:
    progress = Progress()
    if not settings.data.exists():
        progress.say("This data folder has no installation.")
        return 0
    with only_one(settings.data, "down"), progress.step("Stopping all services"):
        ended = checks.stop_everything(settings)
    progress.say(f"Stopped {ended} processes." if ended else "Nothing was running.")
    return 0


def _rotate(settings: Settings, _: argparse.Namespace) -> int:
    from compose.local.rotation import rotate

    progress = Progress()
    if not settings.data.exists():
        raise InstallationError("This data folder has no installation.", "Run `make up` first.")
    with only_one(settings.data, "rotate-secrets"):
        rotate(settings, progress)
    progress.say("All secrets were replaced, except the first admin's password, which is changed in Settings.")
    progress.say("Users have to sign in again; scripts have to read connections.json and credentials.json again.")
    return 0


def _backup(settings: Settings, parsed: argparse.Namespace) -> int:
    from compose.local.backup.making import back_up

    progress = Progress()
    if not settings.data.exists():
        raise InstallationError("This data folder has no installation.", "Run `make up` first.")
    with only_one(settings.data, "backup"):
        file, manifest = back_up(settings, _path(parsed.file) if parsed.file else None, progress)
    progress.say(f"{file}: {manifest.bytes / 1024**2:,.1f} MiB in {len(manifest.members)} files, verified.")
    progress.say(
        "It contains all secrets of the installation and is not encrypted; docs/backup.md explains how to encrypt it."
    )
    if manifest.runs_in_progress:
        progress.say(f"Scenario runs in progress: {manifest.runs_in_progress}. A restore marks them as failed.")
    if unread := [name for name, table in manifest.tables.items() if table.rows is None]:
        progress.say(f"The tables could not be read: the row counts of {', '.join(unread)} are missing.")
    return 0


def _backup_verify(settings: Settings, parsed: argparse.Namespace) -> int:
    from compose.local.backup.restoring import check

    progress = Progress()
    manifest = check(settings, _given_path(parsed), progress)
    _describe(manifest, progress)
    return 0


def _restore(settings: Settings, parsed: argparse.Namespace) -> int:
    from compose.local.backup.restoring import refuse_data, restore, tables_missing

    progress = Progress()
    file = _given_path(parsed)
    refuse_data(settings.data)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(settings.data, "restore"):
        manifest = restore(settings, file, progress)
    _describe(manifest, progress)
    if again := sorted(set(manifest.given) - set(settings.given)):
        progress.say(f"The installation had these settings; set them again before `make up`: {', '.join(again)}.")
    if missing := tables_missing(settings, manifest):
        progress.say(f"Missing tables: {', '.join(missing)}. They are not in {manifest.warehouse}.")
        progress.say("Copy the tables back there before `make up`: the catalog stores the full address of each table.")
    progress.say("Start it with `make up`. Anything revoked or deactivated since the backup is valid again:")
    progress.say("check users and tokens, and run `make rotate-secrets` if the backup may have leaked.")
    return 0


def _given_path(parsed: argparse.Namespace) -> Path:
    if not parsed.file:
        raise InstallationError("FILE is empty.", f"Set it to a backup: `make {parsed.command} FILE=backups/....tar`.")
    return _path(parsed.file)


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _describe(manifest: Manifest, progress: Progress) -> None:
    progress.say(
        f"A backup of {manifest.made_at} by release {manifest.version}: {len(manifest.members)} files, "
        f"{manifest.bytes / 1024**2:,.1f} MiB; tables in {manifest.warehouse}."
    )


def _status(settings: Settings, parsed: argparse.Namespace) -> int:
    states = report.states(settings)
    if parsed.json:
        print(json.dumps([state.as_json() for state in states], indent=2))
    else:
        report.show_states(states, settings)
    return 0


def _logs(settings: Settings, parsed: argparse.Namespace) -> int:
    if parsed.run_id:
        return _story(settings, parsed.run_id)
    there = sorted(settings.logs.glob(f"{parsed.part or '*'}.log"))
    if not there:
        names = ", ".join(path.stem for path in sorted(settings.logs.glob("*.log"))) or "none yet"
        missing = f"No log of {parsed.part or 'any service'} in {settings.logs}."
        raise InstallationError(missing, f"Logs: {names}.")
    lines = "100" if parsed.part else "10"
    command = ["tail", "-n", lines, *(["-F"] if parsed.follow else []), *map(str, there)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as tail:
        try:
            for line in tail.stdout or ():
                print(logbook.readable(line.rstrip("\n")), flush=True)
        except BaseException:
            # It would continue until the next line that is not read, and keep stderr open.
            tail.terminate()
            raise
    return tail.returncode


def _story(settings: Settings, run_id: str) -> int:
    entries = logbook.story(settings.data, run_id)
    if not entries:
        raise InstallationError(
            f"No log contains {run_id}.", "RUN must be the id of a scenario run, a DAG run, a Spark job or a request."
        )
    width = max(len(entry.part) for entry in entries)
    for entry in entries:
        print(f"{entry.at:%Y-%m-%d %H:%M:%S.%f}"[:-3], entry.part.ljust(width), entry.text)
    return 0


def _tour(settings: Settings, _: argparse.Namespace) -> int:
    variables = os.environ | {"LAKEHOUSE_DATA": str(settings.data)}
    command = [str(settings.python), "manage.py", "tour"]
    return subprocess.run(command, cwd=settings.root, env=variables, check=False).returncode


def _test(settings: Settings, parsed: argparse.Namespace) -> int:
    install_all(settings, Progress())
    os.chdir(settings.root)
    sys.stdout.flush()
    # All that uses the running stack is in one worker, and waits for most of its time (see tests/scheduling.py).
    chosen = parsed.pytest or ["-n", "3", "--dist", "loadgroup", "--no-loadscope-reorder"]
    os.execv(str(settings.python), [str(settings.python), "-m", "pytest", *chosen])


def _test_minio(_: Settings, parsed: argparse.Namespace) -> int:
    os.environ["STORAGE"] = MINIO
    return _test(load(), parsed)


def _lint(settings: Settings, _: argparse.Namespace) -> int:
    binaries = settings.python.parent
    variables = os.environ | environment(settings, {"DJANGO_WITHOUT_SECRETS": "1"})
    linters = settings.root / "linters"
    if not browser.is_installed(linters):
        with bootstrap.install_lock(), Progress().step("Fetching the linters of npm"):
            browser.install(linters)
    python = (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["lint-imports", "--no-cache"],
        ["djlint", "--lint", "--quiet", "controlplane"],
        ["codespell"],
    )
    steps = [[str(binaries / program), *words] for program, *words in python]
    steps.append([*browser.node_command(linters, "@biomejs/biome/bin/biome"), "ci", "--error-on-warnings", "."])
    return max(subprocess.run(step, cwd=settings.root, env=variables, check=False).returncode for step in steps)


def _docs(settings: Settings, _: argparse.Namespace) -> int:
    variables = os.environ | environment(settings, {"DJANGO_WITHOUT_SECRETS": "1"})
    command = [str(settings.python), "-m", "mkdocs", "build", "--strict"]
    return subprocess.run(command, cwd=settings.root, env=variables, check=False).returncode


def _lock(settings: Settings, _: argparse.Namespace) -> int:
    from compose.local.install import locks

    locks.write(settings.root)
    jars.lock(settings.root / "locks" / "jars.json", folder_of("pyspark") / "jars")
    return 0


def _audit(settings: Settings, parsed: argparse.Namespace) -> int:
    from compose.local.dependencies.audit import NOT_CHECKED, OSV, Audit, report

    progress = Progress()
    done = Audit(settings, parsed.osv_url.rstrip("/") or OSV, parsed.npm_registry).run(progress)
    code = report(done, progress)
    if code == NOT_CHECKED:
        progress.say("Not everything was checked. Run it again when the databases are reachable.")
    return code


def _sbom(settings: Settings, _: argparse.Namespace) -> int:
    from compose.local.dependencies.sbom import write

    progress = Progress()
    for path in write(settings, settings.root / "sbom", progress):
        progress.say(str(path.relative_to(settings.root)))
    return 0


def _benchmark(settings: Settings, parsed: argparse.Namespace) -> int:
    os.chdir(settings.root)
    module, _ = BENCHMARKS[parsed.command]
    os.execv(str(settings.python), [str(settings.python), "-m", module])


if __name__ == "__main__":
    sys.exit(main())
