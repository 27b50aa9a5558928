"""Start an installation: configure, check, start in order, and wait until every service responds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from compose.local import checks, health, service_account
from compose.local.certificate import check_serving
from compose.local.concurrency import side_by_side
from compose.local.credentials import NEXT_SECRETS, RESTORING, environment, load_secrets, write_files
from compose.local.errors import InstallationError
from compose.local.parts import Part, airflow, bi, controlplane, kafka, minio, monitoring, postgres, redis, spark
from compose.local.parts.all import parts_of
from compose.local.progress import Progress
from compose.local.settings import LOOPBACK, MINIO, Settings
from compose.local.storage import refuse_a_move
from compose.local.supervision import Supervisor, write_configuration

UP = ("RUNNING", "STARTING", "BACKOFF")


@dataclass
class Startup:
    """One run of `make up` for one installation."""

    settings: Settings
    progress: Progress
    only: Collection[str] = ()
    # Whether a rotation of the secrets starts this, for PostgreSQL alone (see rotation.py).
    rotating: bool = False
    # Whether a restore starts this, for PostgreSQL alone (see backup/restoring.py).
    restoring: bool = False
    _started: list[str] = field(default_factory=list)
    _given_up: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> list[Part]:
        """Start what does not run yet and wait for all of it; returns the parts that were asked for.

        Raises `InstallationError`, after stopping whatever this run has started.
        """
        settings = self.settings
        check_serving(settings.given)
        for said in monitoring.check(settings):
            self.progress.say(said)
        settings.data.mkdir(parents=True, exist_ok=True)
        settings.data.chmod(0o711 if checks.is_root() else 0o700)
        if (settings.data / NEXT_SECRETS).exists() and not self.rotating:
            raise InstallationError(
                "A rotation of the secrets was interrupted.", "Complete it with `make rotate-secrets`."
            )
        if (settings.data / RESTORING).exists() and not self.restoring:
            raise InstallationError(
                "A restore was interrupted.",
                "Complete it with `make restore FILE=...`, or delete it with `make clean`.",
            )
        drawn = load_secrets(settings.data)
        refuse_a_move(settings, environment(settings, drawn))
        variables = write_files(settings, drawn)
        self.parts = parts_of(settings, variables, drawn)
        for said in checks.about_the_account(self.parts):
            self.progress.say(said)
        if self.rotating:
            # An interrupted rotation does not know which password PostgreSQL has.
            here = settings.port("POSTGRES_PORT")
            self.parts = [
                replace(part, healthy=lambda _: health.listens(LOOPBACK, here)) if part.name == "postgres" else part
                for part in self.parts
            ]
        self.supervisor = Supervisor(settings)
        was_running = self.supervisor.is_running()
        if not was_running:
            checks.end_left_overs(settings.data, self.progress)
        running = self._running() if was_running else set()
        wanted = [part for part in self.parts if not self.only or part.name in self.only]
        checks.ports_are_free([part for part in wanted if part.name not in running])
        try:
            self._prepare({part.name for part in wanted}, variables, drawn)
            changed = self._supervise(was_running)
            wanted = [part for part in self.parts if part in wanted or part.name in changed]
            self._start_all(wanted, variables, drawn)
        except BaseException:
            self._undo(was_running)
            raise
        return wanted

    def _running(self) -> set[str]:
        return {process.name for process in self.supervisor.processes() if process.state in UP}

    def _prepare(self, names: set[str], variables: Mapping[str, str], drawn: Mapping[str, str]) -> None:
        """Write what the programs read; on the first start, make the storage of those that keep something."""
        settings = self.settings
        settings.logs.mkdir(mode=0o700, exist_ok=True)
        tasks: list[tuple[Collection[str], Callable[[], None]]] = [
            (["postgres"], lambda: postgres.prepare(settings, drawn)),
            (["redis"], lambda: redis.prepare(settings, drawn)),
            (["kafka"], lambda: kafka.prepare(settings, drawn)),
            (["minio"], lambda: minio.prepare(settings, drawn)),
            (["spark"], lambda: spark.prepare(settings, variables, drawn)),
            (["bi"], lambda: bi.prepare(variables)),
            (airflow.PROGRAMS, lambda: airflow.prepare(settings, drawn)),
            (controlplane.PROGRAMS, lambda: controlplane.prepare(settings)),
            (monitoring.NAMES if settings.monitoring else (), lambda: monitoring.prepare(settings, variables)),
        ]
        with self.progress.step("Preparing the data folder"):
            side_by_side(*(task for those, task in tasks if names & set(those)))

    def _supervise(self, was_running: bool) -> list[str]:
        for account in sorted({part.user for part in self.parts if part.user}):
            service_account.ensure(account)
        configuration = write_configuration(self.settings, self.parts)
        if was_running:
            return self.supervisor.reload()
        self.supervisor.start(configuration)
        return []

    def _start_all(self, wanted: list[Part], variables: Mapping[str, str], drawn: Mapping[str, str]) -> None:
        names = {part.name for part in wanted}
        by_name = {part.name: part for part in wanted}
        settings = self.settings

        def start(*these: str) -> None:
            side_by_side(*(self._waiter(by_name[name]) for name in these if name in names))

        def stores_then_airflow() -> None:
            if names & set(airflow.PROGRAMS):
                with self.progress.step("Airflow's database"):
                    airflow.migrate(settings, variables, drawn)
                start(*airflow.PROGRAMS)

        def stores_then_control_plane() -> None:
            if names & set(controlplane.PROGRAMS):
                with self.progress.step("The control plane's database, first admin and static files"):
                    side_by_side(
                        lambda: controlplane.migrate(settings, variables),
                        lambda: controlplane.collect_static(settings, variables),
                    )
                start(*controlplane.PROGRAMS, "bi")
            else:
                start("bi")

        def object_storage() -> None:
            start("minio")
            if settings.storage == MINIO and (not settings.runs_minio or "minio" in names):
                with self.progress.step("The bucket of the warehouse"):
                    minio.provide(settings, variables, drawn)

        def stores() -> None:
            side_by_side(lambda: start("postgres", "redis"), object_storage)
            if not self.rotating and names & {"postgres", *airflow.PROGRAMS, *controlplane.PROGRAMS}:
                with self.progress.step("Databases"):
                    postgres.create_databases(settings, drawn)
                    if monitoring.POSTGRES in names and "postgres" not in settings.external_parts:
                        postgres.create_monitor(settings, drawn)
            side_by_side(stores_then_airflow, stores_then_control_plane, lambda: start(*monitoring.EXPORTERS))

        side_by_side(stores, lambda: start("kafka"), lambda: start("spark"), lambda: start(monitoring.PROMETHEUS))

    def _waiter(self, part: Part) -> Callable[[], None]:
        def run() -> None:
            with self._lock:
                if self._given_up:
                    return
                if part.name not in self._running():
                    self._started.append(part.name)
                    if part.user:
                        service_account.hand_over(part.owned, part.user)
                    self.supervisor.start_program(part.name)
            with self.progress.step(part.title):
                for stage in _stages(part):
                    wait_until_healthy(self.settings, self.supervisor, stage, lambda: self._given_up)

        return run

    def _undo(self, was_running: bool) -> None:
        """Stop what was started; from here on the threads that still wait for something start nothing more."""
        with self._lock:
            self._given_up = True
        if not was_running:
            checks.stop_everything(self.settings)
            return
        for name in reversed(self._started):
            self.supervisor.stop_program(name)


def _stages(part: Part) -> list[Part]:
    """What to wait for, one after another: that the part is told what it needs, then that it is healthy."""
    provide = part.provide
    return [part] if provide is None else [replace(part, healthy=lambda _: provide()), part]


def wait_until_healthy(
    settings: Settings, supervisor: Supervisor, part: Part, given_up: Callable[[], bool] = lambda: False
) -> None:
    """Wait for `part`; raises `InstallationError` with the end of its log if it keeps exiting or takes too long."""
    deadline = time.monotonic() + part.start_limit_seconds
    deaths, last_pid, missing = 0, 0, ""
    while not given_up():
        process = next((known for known in supervisor.processes() if known.name == part.name), None)
        if process is None or process.state == "FATAL":
            raise _failure(settings, part, (process.problem if process else "") or "it did not start")
        if last_pid and (process.state == "BACKOFF" or (process.pid and process.pid != last_pid)):
            deaths, last_pid = deaths + 1, 0
        last_pid = process.pid or last_pid
        if deaths >= 3:
            raise _failure(settings, part, "it exited three times during startup")
        if process.state in ("RUNNING", "STARTING"):
            missing = part.healthy(process.started)
            if not missing:
                return
        if time.monotonic() > deadline:
            raise _failure(settings, part, f"after {part.start_limit_seconds} s: {missing or process.state.lower()}")
        time.sleep(0.4)


def _failure(settings: Settings, part: Part, why: str) -> InstallationError:
    log = settings.logs / f"{part.name}.log"
    lines = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
    tail = "".join(f"\n    {line}" for line in lines)
    return InstallationError(f"{part.title} did not start: {why}.", f"Last lines of {log}:{tail}")
