"""The Java archives of Kafka and of Spark's connectors, pinned in `locks/jars.json` by coordinate and SHA-256.

The lock is the flat list that jgo resolved once, so that an installation resolves nothing, and nothing that changed
at the registry gets in. Archives go to `.jars/<part>/` of the checkout.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import ssl
import tempfile
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from compose.local.errors import InstallationError

ENDPOINTS = {
    # Without a binding Kafka would log nothing at all; for slf4j 1.7, which is what Kafka asks for. The "!" keeps the
    # versions that log4j's own build manages (an older kafka-clients among them) out of the resolution.
    "kafka": "org.apache.kafka:kafka_2.13:4.1.0+org.apache.logging.log4j:log4j-slf4j-impl:2.24.3!",
    "spark": (
        "org.apache.spark:spark-sql-kafka-0-10_2.13:4.1.1"
        "+org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0"
        # S3FileIO with the AWS SDK in one archive: for a warehouse in object storage.
        "+org.apache.iceberg:iceberg-aws-bundle:1.12.0"
        "+org.postgresql:postgresql:42.7.7"
    ),
    # Kafka's own figures (JMX) as Prometheus reads them; a Java agent, so a folder of its own.
    "jmx": "io.prometheus.jmx:jmx_prometheus_javaagent:1.0.1",
}
# Seconds. jgo tries once; pip, uv and npm try again by themselves when a name can't be resolved for a moment.
PAUSES_BETWEEN_TRIES = (1.0, 3.0, 9.0)
PROBLEM_REMEDY = "Check the connection to the Maven registry, then run `make up` again; completed downloads are kept."


def lock(path: Path, pyspark_jars: Path) -> None:
    """Resolve every endpoint again and write coordinates and digests to `path`.

    What pyspark brings itself is left out, in whatever version: two versions of one library on Spark's class path
    break in ways that depend on the order of a folder.
    """
    import jgo

    brought = {artifact_name(jar.name) for jar in pyspark_jars.glob("*.jar")}
    locked: dict[str, list[dict[str, str]]] = {}
    for part, endpoint in ENDPOINTS.items():
        artifacts = {artifact.key: artifact for artifact in jgo.resolve(endpoint)}.values()
        locked[part] = [
            {
                "coordinate": f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}",
                "sha256": _digest(Path(artifact.resolve())),
            }
            for artifact in sorted(artifacts, key=lambda artifact: artifact.filename)
            if part != "spark" or artifact.artifactId not in brought
        ]
    path.write_text(json.dumps(locked, indent=1) + "\n")


def missing(lock_file: Path, folder: Path) -> list[str]:
    """Names of the archives that `lock_file` asks for and `folder` lacks."""
    locked = json.loads(lock_file.read_text())
    return [
        f"{part}/{_file_name(entry['coordinate'])}"
        for part, entries in locked.items()
        for entry in entries
        if not (folder / part / _file_name(entry["coordinate"])).exists()
    ]


def install(lock_file: Path, folder: Path, only: Collection[str] = ()) -> None:
    """Download what is missing, check it against its digest, and remove archives that are no longer asked for.

    `only` names the parts whose archives are wanted; empty, all of them are.
    """
    locked: dict[str, list[dict[str, str]]] = json.loads(lock_file.read_text())
    for part, entries in locked.items():
        if only and part not in only:
            continue
        target = folder / part
        target.mkdir(parents=True, exist_ok=True)
        wanted = {_file_name(entry["coordinate"]): entry for entry in entries}
        for stale in {jar.name for jar in target.glob("*.jar")} - set(wanted):
            (target / stale).unlink()
        absent = [entry for name, entry in wanted.items() if not (target / name).exists()]
        with ThreadPoolExecutor(max_workers=6) as threads:
            # Consumed, so that the first failure is raised here.
            list(threads.map(_download, absent, [target] * len(absent)))


def _trust_the_system() -> None:
    """Let jgo's HTTP client use the system's certificates: a company's proxy has its own, its bundle has not."""
    for bundle in (ssl.get_default_verify_paths().cafile, "/etc/ssl/certs/ca-certificates.crt"):
        if bundle and Path(bundle).exists():
            os.environ.setdefault("REQUESTS_CA_BUNDLE", bundle)


def _download(entry: dict[str, str], target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target, prefix=".download-") as folder:
        path = fetch(entry["coordinate"], Path(folder))
        if _digest(path) != entry["sha256"]:
            problem = f"{entry['coordinate']} does not match locks/jars.json."
            raise InstallationError(problem, PROBLEM_REMEDY)
        shutil.move(path, target / _file_name(entry["coordinate"]))


def fetch(coordinate: str, folder: Path, packaging: str = "jar") -> Path:
    """Download the archive `group:artifact:version` into `folder`; a registry that fails for a moment is asked again.

    Raises:
        InstallationError: it could not be downloaded.
    """
    from jgo.maven import MavenContext

    _trust_the_system()
    group, artifact, version = coordinate.split(":")
    for pause in (*PAUSES_BETWEEN_TRIES, None):
        context = MavenContext(repo_cache=folder, local_repos=[], timeout=120)
        component = context.project(group, artifact).at_version(version)
        try:
            return Path(component.artifact(packaging=packaging).resolve())
        except Exception as error:
            # jgo raises the errors of its HTTP client and of its own checks, without a common class.
            if pause is None:
                raise InstallationError(f"{coordinate} could not be downloaded: {error}.", PROBLEM_REMEDY) from error
            time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def _file_name(coordinate: str) -> str:
    _, artifact, version = coordinate.split(":")
    return f"{artifact}-{version}.jar"


def artifact_name(file_name: str) -> str:
    """The artifact of a file name such as `guava-33.4.8-jre.jar`."""
    match = re.match(r"(.+)-\d+(\.\d+)+", file_name)
    return match.group(1) if match else file_name.removesuffix(".jar")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
