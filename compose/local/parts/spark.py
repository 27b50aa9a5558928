"""One Spark Connect server: the stream and every batch job are its clients, so no other program has a JVM."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from compose.local import health, truststore
from compose.local.credentials import CATALOG, write_private
from compose.local.java import find_java
from compose.local.packages import folder_of
from compose.local.parts import Part
from compose.local.settings import Settings
from spark_jobs.kafka_client import STREAM, kafka_client
from spark_jobs.object_store import object_store

# How Spark's Kafka clients sign in (JAAS).
KAFKA_LOGIN = "kafka-jaas.conf"

LOGGING = """\
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss,SSSXXX} %p %c{1}: %m%n%ex
logger.connect.name = org.apache.spark.sql.connect.service.SparkConnectServer
logger.connect.level = info
"""


def part(settings: Settings, variables: Mapping[str, str]) -> Part:
    """The server, under `local[*]`."""
    home = folder_of("pyspark")
    port, ui = settings.port("SPARK_CONNECT_PORT"), settings.port("SPARK_UI_PORT")
    return Part(
        name="spark",
        title="Spark Connect",
        command=(
            str(home / "bin" / "spark-submit"),
            "--class",
            "org.apache.spark.sql.connect.service.SparkConnectServer",
            "--name",
            "lakehouse",
            "spark-internal",
        ),
        directory=_folder(settings),
        environment={
            "SPARK_HOME": str(home),
            "SPARK_CONF_DIR": str(_folder(settings)),
            "SPARK_LOCAL_IP": settings.listen,
            "JAVA_HOME": str(Path(find_java()).resolve().parents[1]),
            "PYSPARK_PYTHON": str(settings.python),
        },
        healthy=lambda _: (
            health.listens("127.0.0.1", port)
            or health.answers(f"http://127.0.0.1:{ui}/api/v1/version", token=variables["SPARK_UI_TOKEN"])
        ),
        address=f"sc://localhost:{port}",
        ports={"SPARK_CONNECT_PORT": port, "SPARK_UI_PORT": ui},
        reads=(
            *(_folder(settings) / name for name in ("spark-defaults.conf", "log4j2.properties", KAFKA_LOGIN)),
            *([_folder(settings) / truststore.NAME] if variables["TLS_CA_FILE"] else []),
            *(settings.root / "locks" / name for name in ("controlplane.txt", "jars.json")),
        ),
        stop_seconds=20,
    )


def prepare(settings: Settings, variables: Mapping[str, str], drawn: Mapping[str, str]) -> None:
    """Write Spark's configuration: it holds passwords and tokens, so only its owner can read it."""
    folder = _folder(settings)
    store = object_store(variables)
    for place in (folder, folder / "scratch", settings.data / "checkpoints"):
        place.mkdir(mode=0o700, exist_ok=True)
    if store is None:
        (settings.data / "warehouse").mkdir(mode=0o700, exist_ok=True)
    catalog = urlsplit(variables["ICEBERG_CATALOG_URI"])
    lake = f"spark.sql.catalog.{CATALOG}"
    # libpq's names are those of the Java driver too.
    encryption = {name: parse_qs(catalog.query).get(name, [""])[0] for name in ("sslmode", "sslrootcert")}
    encrypted = urlencode({name: value for name, value in encryption.items() if value})
    login = kafka_client(STREAM, variables).jaas()
    trusted = truststore.write(folder, variables)
    own_options = "".join(
        f" {option}"
        for option in (*([f"-Djava.security.auth.login.config={folder / KAFKA_LOGIN}"] if login else []), *trusted)
    )
    properties = {
        "spark.master": variables["SPARK_MASTER"],
        "spark.driver.memory": variables["SPARK_DRIVER_MEMORY"],
        "spark.driver.bindAddress": settings.listen,
        "spark.driver.host": settings.host,
        "spark.driver.extraClassPath": f"{settings.jars / 'spark'}/*",
        # These three say something only to the executors of a cluster, which has the archives in the same place.
        "spark.executor.memory": variables["SPARK_EXECUTOR_MEMORY"],
        "spark.executor.extraClassPath": f"{settings.jars / 'spark'}/*",
        "spark.executor.extraJavaOptions": "-XX:+ExitOnOutOfMemoryError -XX:-DontCompileHugeMethods "
        f"-Djava.io.tmpdir={folder / 'scratch'} -Duser.timezone=UTC{own_options}",
        # The heap shrinks again after a build: the whole stack shares one machine.
        "spark.driver.extraJavaOptions": "-XX:+UseG1GC -XX:G1PeriodicGCInterval=30000 -XX:MinHeapFreeRatio=15 "
        "-XX:MaxHeapFreeRatio=30 -XX:MaxDirectMemorySize=384m -XX:+ExitOnOutOfMemoryError "
        # What Spark generates for silver's rules is one method larger than Java compiles unless told to; interpreted,
        # it takes several times as long.
        "-XX:-DontCompileHugeMethods "
        f"-Djava.io.tmpdir={folder / 'scratch'} -Duser.timezone=UTC{own_options}",
        "spark.local.dir": str(folder / "scratch"),
        "spark.sql.warehouse.dir": str(folder / "scratch" / "unused"),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.connect.grpc.binding.address": settings.listen,
        "spark.connect.grpc.binding.port": str(settings.port("SPARK_CONNECT_PORT")),
        "spark.ui.host": settings.listen,
        "spark.ui.port": str(settings.port("SPARK_UI_PORT")),
        "spark.ui.showConsoleProgress": "false",
        **_access(variables, drawn),
        "spark.ui.retainedJobs": "200",
        "spark.ui.retainedStages": "200",
        "spark.sql.ui.retainedExecutions": "100",
        "spark.sql.session.timeZone": "UTC",
        # For Prometheus, on the port of the user interface: Spark's own figures under a name that stays the same.
        "spark.metrics.namespace": "lakehouse",
        "spark.metrics.conf.*.source.jvm.class": "org.apache.spark.metrics.source.JvmSource",
        "spark.metrics.conf.*.sink.prometheusServlet.class": "org.apache.spark.metrics.sink.PrometheusServlet",
        "spark.metrics.conf.*.sink.prometheusServlet.path": "/metrics/prometheus",
        "spark.ui.prometheus.enabled": "true",
        # Two cores and small batches: the default of 200 would spend its time on empty tasks.
        "spark.sql.shuffle.partitions": "4",
        "spark.scheduler.mode": "FAIR",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        lake: "org.apache.iceberg.spark.SparkCatalog",
        f"{lake}.type": "jdbc",
        f"{lake}.uri": f"jdbc:postgresql://{catalog.hostname}:{catalog.port or 5432}{catalog.path}"
        + (f"?{encrypted}" if encrypted else ""),
        f"{lake}.jdbc.user": catalog.username or "",
        f"{lake}.jdbc.password": catalog.password or "",
        # The schema that also knows views; pyiceberg makes the same one.
        f"{lake}.jdbc.schema-version": "V1",
        f"{lake}.warehouse": variables["WAREHOUSE"],
        **(store.spark_properties(CATALOG) if store else {}),
    }
    write_private(folder / "spark-defaults.conf", "".join(f"{name} {value}\n" for name, value in properties.items()))
    write_private(folder / "log4j2.properties", LOGGING)
    write_private(folder / KAFKA_LOGIN, login)


def _access(variables: Mapping[str, str], drawn: Mapping[str, str]) -> dict[str, str]:
    """Who gets in: clients with the token, pages with a signed bearer token, other Spark processes with the secret."""
    secret = variables["SPARK_AUTHENTICATE_SECRET"]
    alone = variables["SPARK_MASTER"].startswith("local")
    return {
        "spark.connect.authenticate.token": variables["SPARK_CONNECT_TOKEN"],
        **page_access(drawn["spark_ui"]),
        # The ports between driver and executors. Spark draws the secret itself where both are one process; a cluster's
        # master and workers must be given the same one.
        **({"spark.authenticate": "true"} if alone or secret else {}),
        **({"spark.authenticate.secret": secret} if secret and not alone else {}),
    }


def page_access(key: str) -> dict[str, str]:
    """Spark's pages and figures for bearers of a token that is signed with `key` (base64url of 256 bits or more)."""
    return {
        # A job is cancelled through the control plane, which knows who asks. A link here would do it for anybody.
        "spark.ui.killEnabled": "false",
        "spark.ui.filters": "org.apache.spark.ui.JWSFilter",
        "spark.org.apache.spark.ui.JWSFilter.param.secretKey": key,
    }


def _folder(settings: Settings) -> Path:
    return settings.data / "spark"
