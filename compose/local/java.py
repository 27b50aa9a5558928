"""Find a Java that Spark and Kafka can run on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from compose.local.errors import CannotContinue

OLDEST = 17
REMEDY = (
    f"Install Java {OLDEST} or newer (Debian: `apt-get install openjdk-17-jre-headless`, macOS: `brew install "
    "openjdk@17`), or point JAVA_HOME at one."
)


@cache
def find_java() -> str:
    """Path of a `java` of version 17 or newer: JAVA_HOME's, the one on the PATH, or one under /usr/lib/jvm.

    Raises `CannotContinue` with the remedy when there is none.
    """
    candidates = [
        *([Path(os.environ["JAVA_HOME"]) / "bin" / "java"] if os.environ.get("JAVA_HOME") else []),
        *([Path(found)] if (found := shutil.which("java")) else []),
        *sorted(Path("/usr/lib/jvm").glob("*/bin/java")),
    ]
    seen = {str(java): version for java in candidates if (version := _version(java))}
    for java, version in seen.items():
        if version >= OLDEST:
            return java
    if not seen:
        raise CannotContinue("Java is missing.", REMEDY)
    java, version = next(iter(seen.items()))
    raise CannotContinue(f"Java {version} ({java}) is too old.", REMEDY)


def _version(java: Path) -> int:
    try:
        said = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=30, check=False).stderr
    except OSError:
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(match.group(1)) if match else 0
