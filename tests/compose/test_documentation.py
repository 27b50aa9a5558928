"""`.env.example` documents exactly the variables there are; the Makefile lists exactly the commands there are."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from compose.local.settings import CONTAINER_VARIABLES, ROOT, VARIABLES

# Read by the code, but nothing that a person sets for an installation.
NOT_SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "Django's own",
    "DJANGO_WITHOUT_SECRETS": "for static checks, which must need no installation",
    "DATABASE_POOL": "set by the ASGI application for itself",
    "LAKEHOUSE_INSTALLATION": "the mark by which the supervisor's processes are known",
    "LAKEHOUSE_PYTHON": "given to Airflow's tasks by the launcher",
    "LAKEHOUSE_ROOT": "given to Airflow's tasks by the launcher",
    "JAVA_HOME": "Java's own",
    "SPARK_MASTER_HOST": "given to the master by compose.yaml: its own name",
    "PATH": "the system's own",
    "PYTHONPATH": "Python's own",
    "TOUR": "an argument of `make up`, in `make help`",
    "BENCH_COLD": "an argument of `make bench-up`, in `make help`",
    "GX_ANALYTICS_ENABLED": "Great Expectations' own",
    "SPARK_CONNECT_MODE_ENABLED": "pyspark's own",
}
CODE = ("controlplane", "spark_jobs", "bi", "dags", "compose")


def test_every_variable_is_documented_once() -> None:
    documented = re.findall(r"^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE)
    assert sorted(documented) == sorted((*VARIABLES, *CONTAINER_VARIABLES))


def test_the_code_reads_no_variable_that_is_not_documented() -> None:
    read = {(name, str(path)) for folder in CODE for path in (ROOT / folder).rglob("*.py") for name in _read_in(path)}
    assert read
    known = {*VARIABLES, *CONTAINER_VARIABLES, *NOT_SETTINGS}
    assert sorted((name, path) for name, path in read if name not in known) == []


def _read_in(path: Path) -> Iterator[str]:
    """Names in `os.environ[...]`, `os.environ.get(...)`, `os.getenv(...)` and the helpers of the settings."""
    if "node_modules" in path.parts:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        named: ast.expr | None = None
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("os.environ", "environ"):
            named = node.slice
        elif isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func)
            if called in ("os.environ.get", "environ.get", "os.getenv", "_text", "_flag", "_whole"):
                named = node.args[0]
        if isinstance(named, ast.Constant) and isinstance(named.value, str):
            yield named.value


def test_help_lists_every_target() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert phony is not None
    assert re.findall(r"^  make ([a-z-]+) ", said, flags=re.MULTILINE) == phony.group(1).split()
