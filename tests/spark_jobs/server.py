"""A Spark Connect server and nothing beside it, for tests that need tables but no installation."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from compose.local.credentials import environment, load_secrets
from compose.local.parts import spark
from compose.local.settings import load
from spark_jobs.connection_string import authenticated
from tests.ports import free_ports
from tests.waiting import wait_for


@contextmanager
def spark_server(given: Mapping[str, str] | None = None) -> Iterator[str]:
    """The server that `make up` would start with these variables, in a folder of its own: its connection string, with
    the token."""
    with tempfile.TemporaryDirectory(prefix="lakehouse-test-spark-") as folder:
        ports = dict(zip(("SPARK_CONNECT_PORT", "SPARK_UI_PORT"), free_ports(2), strict=True))
        settings = load(
            {"LAKEHOUSE_DATA": folder, **{name: str(port) for name, port in ports.items()}, **(given or {})}
        )
        drawn = load_secrets(settings.data)
        variables = environment(settings, drawn)
        spark.prepare(settings, variables, drawn)
        part = spark.part(settings, variables)
        log = Path(folder) / "spark.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                part.command,
                cwd=part.directory,
                env={**os.environ, **part.environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        began = time.time()

        def answers() -> bool:
            assert process.poll() is None, f"Spark ended:\n{log.read_text()[-4000:]}"
            return part.healthy(began) == ""

        try:
            wait_for(answers, "Spark answers", within=part.start_limit_seconds)
            yield authenticated(part.address, variables["SPARK_CONNECT_TOKEN"])
        finally:
            process.terminate()
            process.wait(part.stop_seconds)
