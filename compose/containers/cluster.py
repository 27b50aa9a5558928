"""Spark's standalone master and worker, used in containers only: `make up` needs no cluster."""

from __future__ import annotations

import os
from pathlib import Path

from compose.containers import installation
from compose.local import health
from compose.local.credentials import write_private
from compose.local.java import find_java
from compose.local.packages import folder_of
from compose.local.parts import spark
from compose.local.settings import LOOPBACK

NAMES = ("spark-master", "spark-worker")
MASTER_PORT = 7077
UI_PORTS = {"spark-master": 8080, "spark-worker": 8081}
# For Prometheus, on the port of the user interface, as the Spark Connect server does it.
METRICS = " ".join(
    f"-Dspark.metrics.conf.{instance}.sink.prometheusServlet.{key}={value}"
    for instance in ("master", "worker")
    for key, value in (
        ("class", "org.apache.spark.metrics.sink.PrometheusServlet"),
        ("path", "/metrics/prometheus"),
    )
)


def run(name: str) -> None:
    """Become the master, or a worker of the master that SPARK_MASTER names."""
    data = Path(os.environ["LAKEHOUSE_DATA"])
    home = folder_of("pyspark")
    shared = {
        "SPARK_HOME": str(home),
        "JAVA_HOME": str(Path(find_java()).resolve().parents[1]),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_SCALA_VERSION": "2.13",
    }
    configuration = data / name
    configuration.mkdir(mode=0o700, exist_ok=True)
    write_private(configuration / "spark-defaults.conf", _access(data))
    shared["SPARK_CONF_DIR"] = str(configuration)
    if name == "spark-master":
        # After a restart, it finds its workers and the running application again. Only the Spark Connect server
        # submits jobs, so the master's REST endpoint is disabled.
        keeping = "-Dspark.master.rest.enabled=false "
        keeping += f"-Dspark.deploy.recoveryMode=FILESYSTEM -Dspark.deploy.recoveryDirectory={data / 'recovery'}"
        (data / "recovery").mkdir(exist_ok=True)
        shared["SPARK_DAEMON_JAVA_OPTS"] = f"{METRICS} {keeping}"
        arguments = [
            "org.apache.spark.deploy.master.Master",
            *("--host", os.environ["SPARK_MASTER_HOST"], "--port", str(MASTER_PORT)),
            *("--webui-port", str(UI_PORTS[name])),
        ]
    else:
        (data / "spark" / "scratch").mkdir(parents=True, exist_ok=True)
        shared["SPARK_LOCAL_DIRS"] = str(data / "spark" / "scratch")
        # The files of finished applications are removed; jars and logs of running ones stay.
        cleaning = "-Dspark.worker.cleanup.enabled=true -Dspark.worker.cleanup.interval=600"
        shared["SPARK_DAEMON_JAVA_OPTS"] = f"{METRICS} {cleaning}"
        arguments = [
            "org.apache.spark.deploy.worker.Worker",
            *("--webui-port", str(UI_PORTS[name]), "--work-dir", str(data / "work")),
            os.environ["SPARK_MASTER"],
        ]
    command = [str(home / "bin" / "spark-class"), *arguments]
    os.execve(command[0], command, {**os.environ, **shared})


def _access(data: Path) -> str:
    """Access, as for the Spark Connect server: other Spark processes with the secret, pages with a bearer token.

    Raises `InstallationError` while the first start has not written the secrets.
    """
    variables = installation.variables(installation.settings())
    properties = {
        **spark.page_access(installation.secrets(data)["spark_ui"]),
        "spark.authenticate": "true",
        "spark.authenticate.secret": variables["SPARK_AUTHENTICATE_SECRET"],
    }
    return "".join(f"{name} {value}\n" for name, value in properties.items())


def missing(name: str) -> str:
    """ "" if its page responds and reports that it is alive."""
    token = installation.variables(installation.settings())["SPARK_UI_TOKEN"]
    return health.answers(
        f"http://{LOOPBACK}:{UI_PORTS[name]}/json/", "ALIVE" if name == "spark-master" else "", token=token
    )
