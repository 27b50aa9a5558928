"""Run one job: `python -m spark_jobs JOB --run-id ID`.

Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 a gate let nothing through, 4 Spark does not answer.
"""

import argparse
import logging
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

STARTED = time.monotonic()


class _Elapsed(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"[{time.monotonic() - STARTED:6.1f} s] {super().format(record)}"


def main(arguments: list[str] | None = None, *, run: Callable[..., Any] | None = None) -> int:
    """Run the job that the arguments name, telling each step with the seconds since the start.

    Args:
        run: what runs it; by default that of the registry.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Elapsed("%(message)s"))
    log = logging.getLogger("spark_jobs")
    log.addHandler(handler)
    log.setLevel(logging.INFO)

    # After the clock has started: loading Spark's client is the first two seconds of every job.
    from spark_jobs.errors import JobError
    from spark_jobs.registry import JOBS
    from spark_jobs.registry import run as of_the_registry

    parser = argparse.ArgumentParser(prog="python -m spark_jobs", description=__doc__.split("\n")[0])
    parser.add_argument("job", choices=list(JOBS), metavar="JOB", help=", ".join(JOBS))
    parser.add_argument("--run-id", required=True, help="names this run; stamped on what it writes")
    parser.add_argument("--remote", help="Spark Connect address (default: SPARK_REMOTE)")
    options = parser.parse_args(arguments)

    log.info("%s, run %s", options.job, options.run_id)
    try:
        report = (run or of_the_registry)(options.job, run_id=options.run_id, remote=options.remote)
    except JobError as error:
        log.error("%s", error)
        return error.exit_code
    except Exception as error:
        traceback.print_exc()
        log.error("%s failed: %s", options.job, str(error).split("\n")[0])
        return 1
    log.info("%s", report.message)
    return 0


if __name__ == "__main__":
    sys.exit(main())
