"""The commands of the images: `python -m compose.containers COMMAND`."""

from __future__ import annotations

import argparse
import sys

from compose.containers import cluster, first_start, programs, setting_up
from compose.local.errors import InstallationError


def main() -> int:
    """Run one command; returns its exit code. What a person can mend is one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m compose.containers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one_shots = {
        "first-start": ("draw the secrets and hand every volume to the user of its container", first_start.main),
        "setup": ("make the databases, the bucket and the first admin; migrate", setting_up.control_plane),
        "airflow-setup": ("migrate Airflow's database", setting_up.airflow_database),
        "tour": ("one scenario through the whole pipeline, and its ledger", programs.tour),
    }
    for name, (summary, action) in one_shots.items():
        commands.add_parser(name, help=summary).set_defaults(run=lambda _, action=action: action())
    run = commands.add_parser("run", help="run one program in the foreground")
    run.add_argument("program", choices=sorted((*programs.NAMES, *cluster.NAMES)))
    run.set_defaults(run=_run)
    healthy = commands.add_parser("healthy", help="exit 0 when the program of this container is well")
    healthy.add_argument("program", choices=sorted((*programs.NAMES, *cluster.NAMES)))
    healthy.set_defaults(run=_healthy)
    parsed = parser.parse_args()
    try:
        return int(parsed.run(parsed) or 0)
    except InstallationError as problem:
        print(problem, file=sys.stderr)
        return 1


def _run(parsed: argparse.Namespace) -> None:
    (cluster if parsed.program in cluster.NAMES else programs).run(parsed.program)


def _healthy(parsed: argparse.Namespace) -> int:
    missing = (cluster if parsed.program in cluster.NAMES else programs).missing(parsed.program)
    print(missing or "well")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
