"""Statements of Spark's SQL are made of names in this repository: no text from outside becomes a part of one."""

import ast
from pathlib import Path
from typing import Any

import pytest

from controlplane.orchestration.adapters.spark import SparkJobRunner
from controlplane.orchestration.models import SparkJob
from controlplane.orchestration.ports import JobUnknownError
from spark_jobs.__main__ import main
from spark_jobs.provenance import as_options
from spark_jobs.table import _quoted
from tests.pages import Visitor
from tests.payloads import texts

ROOT = Path(__file__).resolve().parents[2]
# What stands in statements and expressions that Spark parses: constants of ours, ids that are numbers by their type,
# and the text of an expectation of ours.
INSERTED = {
    ("spark_jobs/publishing.py", "table.name"),
    ("spark_jobs/publishing.py", "AUDIT"),
    ("spark_jobs/publishing.py", "at"),
    ("spark_jobs/publishing.py", "schema_and_name"),
    ("spark_jobs/tables.py", "namespace"),
    ("spark_jobs/tables.py", "table.create_sql()"),
    ("spark_jobs/tables.py", "table.add_columns_sql(columns)"),
    ("spark_jobs/validation.py", "query.format(batch='validated')"),
}
PARSED = {"sql", "expr", "selectExpr", "callUDF"}


def _inserted(path: Path) -> set[tuple[str, str]]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PARSED:
            for argument in node.args:
                parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
                for part in parts:
                    if isinstance(part, ast.FormattedValue):
                        found.add((str(path.relative_to(ROOT)), ast.unparse(part.value)))
                    elif not isinstance(part, ast.Constant):
                        found.add((str(path.relative_to(ROOT)), ast.unparse(part)))
    return found


def test_nothing_from_outside_is_a_part_of_a_statement() -> None:
    found = set()
    for folder in ("spark_jobs", "controlplane", "bi", "dags"):
        for path in (ROOT / folder).rglob("*.py"):
            if "node_modules" not in path.parts:
                found |= {one for one in _inserted(path) if "psycopg" not in one[1]}
    assert found == INSERTED


def _read(literal: str) -> str:
    """What Spark reads in a string literal: a backslash escapes the next character."""
    assert literal[0] == literal[-1] == "'"
    read, at = "", 1
    while at < len(literal) - 1:
        assert literal[at] != "'", "the literal ends before its end"
        at += literal[at] == "\\"
        read += literal[at]
        at += 1
    return read


@pytest.mark.parametrize("text", [*texts.SQL, *texts.LINES])
def test_a_comment_of_a_column_is_one_literal(text: str) -> None:
    assert _read(_quoted(text)) == text


@pytest.mark.parametrize("text", texts.SQL)
def test_a_stamp_of_a_commit_is_one_property(text: str) -> None:
    assert as_options({"lakehouse.run-id": text}) == {"snapshot-property.lakehouse.run-id": text}


@pytest.mark.django_db
@pytest.mark.parametrize("text", [*texts.SQL, *texts.TEMPLATES])
def test_a_job_is_one_of_ours_or_refused(text: str, operator: Visitor) -> None:
    answer = operator.post("/api/v1/spark-jobs", {"job": text}, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == f"job: {text} does not exist."
    assert not SparkJob.objects.exists()
    with pytest.raises(JobUnknownError):
        SparkJobRunner("sc://127.0.0.1:1").run(text, run_id=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["--remote=sc://evil.example", "-h", "--help", "--run-id", "-x"])
def test_a_run_id_is_no_option_of_the_job(text: str) -> None:
    """As the task of the DAG gives it: `--run-id="$RUN_ID"`."""
    asked: list[dict[str, object]] = []

    class _AskedError(Exception):
        pass

    def run(job: str, **more: object) -> Any:
        asked.append({"job": job, **more})
        raise _AskedError

    assert main(["silver.events", f"--run-id={text}"], run=run) == 1
    assert asked == [{"job": "silver.events", "run_id": text, "remote": None}]
