"""The commands of the images: `python -m compose.containers COMMAND`."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from compose.local.errors import InstallationError

CLUSTER = ("spark-master", "spark-worker")
ONE_SHOTS = {
    "first-start": ("first_start", "main", "generate the secrets and set the owner of every volume"),
    "setup": (
        "setting_up",
        "control_plane",
        "create the databases, the bucket and the first admin; run the migrations",
    ),
    "airflow-setup": ("setting_up", "airflow_database", "run the migrations of Airflow's database"),
    "tour": ("programs", "tour", "run one scenario through the whole pipeline and print its ledger"),
}


def main() -> int:
    """Run one command; returns its exit code. Errors that a user can fix are one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m compose.containers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, _, summary) in ONE_SHOTS.items():
        commands.add_parser(name, help=summary)
    commands.add_parser("run", help="run one program in the foreground").add_argument("program")
    commands.add_parser("healthy", help="exit 0 if the program of this container is healthy").add_argument("program")
    parsed = parser.parse_args()
    try:
        return _obey(parsed)
    except InstallationError as problem:
        print(problem, file=sys.stderr)
        return 1


def _obey(parsed: argparse.Namespace) -> int:
    """Only what the command needs is imported: health checks run every 30 s in a dozen containers."""
    if parsed.command in ONE_SHOTS:
        home, function, _ = ONE_SHOTS[parsed.command]
        return int(getattr(import_module(f"compose.containers.{home}"), function)() or 0)
    module = import_module(f"compose.containers.{'cluster' if parsed.program in CLUSTER else 'programs'}")
    if parsed.program not in module.NAMES:
        raise InstallationError(
            f"Program {parsed.program} does not exist.", f"Available programs: {', '.join(module.NAMES)}."
        )
    if parsed.command == "run":
        module.run(parsed.program)
    missing = module.missing(parsed.program)
    print(missing or "well")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
