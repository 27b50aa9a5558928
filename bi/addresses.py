"""How the id of a run or a task is written in a URL of the control plane, which the dashboards link to.

Ids are Airflow's and opaque. Nearly all of them are written unchanged. Browsers and proxies resolve `.` and `..`, a
slash splits the path, and control characters get lost: such an id is written as `=` and its base64url, and so is an
id that starts with `=`.
"""

import base64
from binascii import Error
from urllib.parse import quote
from uuid import UUID

from spark_jobs.pipeline import STREAM_JOB

# The longest run id that the control plane stores (Airflow's limit).
LONGEST_ID = 250


def segment_of(value: str) -> str:
    """The path segment for an id, before percent-encoding."""
    plain = value.isprintable() and value not in ("", ".", "..") and value[:1] != "="
    if plain and not any(letter in "/\\" for letter in value):
        return value
    return "=" + base64.urlsafe_b64encode(value.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def id_of(segment: str) -> str:
    """The reverse of `segment_of`.

    Raises:
        ValueError: `segment_of` gives this segment for no id.
    """
    if not segment.startswith("="):
        return segment
    text = segment[1:]
    try:
        found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (Error, UnicodeDecodeError) as error:
        raise ValueError("not the base64url of an id") from error
    if segment_of(found) != segment:
        raise ValueError("another way to write an id")
    return found


def producer_kind(job: str, run_id: str) -> str:
    """The kind of the run behind the snapshot properties `lakehouse.job` and `lakehouse.run-id`.

    Returns `stream`, `dag run`, `spark job` or `other`. Airflow's run ids have two underscores after the run type;
    those of Spark jobs are UUIDs.
    """
    if job == STREAM_JOB:
        return "stream"
    if "__" in run_id:
        return "dag run" if len(run_id) <= LONGEST_ID else "other"
    try:
        UUID(run_id)
    except ValueError:
        return "other"
    return "spark job"


def producer_path(job: str, run_id: str) -> str:
    """The path of the producer's page, percent-encoded; empty if it has none."""
    kind = producer_kind(job, run_id)
    if kind == "stream":
        return "/stream/"
    if kind == "dag run":
        # Brackets are encoded, because the dashboards write links in Markdown.
        return f"/runs/dag/{quote(segment_of(run_id), safe='=:@+')}/"
    return f"/runs/jobs/{UUID(run_id)}/" if kind == "spark job" else ""
