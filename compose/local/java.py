"""Find a Java that Spark and Kafka can run on."""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path

from compose.local.bootstrap import OLDEST_JAVA, java_version
from compose.local.errors import InstallationError


@cache
def find_java() -> str:
    """Path of a `java` of version 17 or newer: JAVA_HOME's, the one on the PATH, or one under /usr/lib/jvm.

    Raises `InstallationError` with the remedy when there is none.
    """
    candidates = [
        *([Path(os.environ["JAVA_HOME"]) / "bin" / "java"] if os.environ.get("JAVA_HOME") else []),
        *([Path(found)] if (found := shutil.which("java")) else []),
        *sorted(Path("/usr/lib/jvm").glob("*/bin/java")),
    ]
    for java in candidates:
        if java_version(str(java)) >= OLDEST_JAVA:
            return str(java)
    raise InstallationError(f"Java {OLDEST_JAVA} or newer was not found.", "Install it, or set JAVA_HOME.")
