"""The trust strip above every view: age, snapshot, run and quality gate of the data."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import streamlit as st

from bi.lake import Published, verdict

# ASCII punctuation, which Markdown allows to escape with a backslash.
_MARKS = re.compile(r"([!-/:-@\[-`{-~])")
JOB_RUN = re.compile(r"\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


def strip(of: Published, public_url: str) -> None:
    """Age, snapshot, run and validation result of the shown data, each linked to its page in the control plane."""
    namespace, name = of.table.split(".")
    age, snapshot, run, gate = st.columns([1, 1.4, 1.6, 1.6], border=True)
    with age:
        st.caption("Published")
        st.markdown(f"**{ago(datetime.now(UTC) - of.committed_at)}**", help=of.committed_at.isoformat(" ", "seconds"))
    with snapshot:
        st.caption("Snapshot")
        st.markdown(f"[{of.snapshot_id}]({public_url}/lakehouse/{namespace}/{name}/)")
    with run:
        st.caption("Produced by")
        st.markdown(_run(of.run_id, public_url))
    with gate:
        st.caption("Quality gate")
        st.markdown(_gate(of, public_url))


def ago(age: timedelta) -> str:
    """`3 min ago`: an age in the largest unit that fits."""
    seconds = max(0, int(age.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _run(run_id: str | None, public_url: str) -> str:
    if run_id is None:
        return "Unknown: no run recorded in the commit"
    kind = "jobs" if JOB_RUN.match(run_id) else "dag"
    return f"[{plain(run_id)}]({public_url}/runs/{kind}/{quote(run_id, safe='')}/)"


def plain(text: str) -> str:
    """Escape text for Streamlit's Markdown: the run id in a commit is untrusted."""
    return _MARKS.sub(r"\\\1", text)


def _gate(of: Published, public_url: str) -> str:
    document = verdict(of)
    if document is None:
        return ":gray[:material/help: Unknown: no validation of this snapshot found]"
    held = sum(1 for one in document["expectations"] if one["success"])
    words = f"{held} of {len(document['expectations'])} expectations passed"
    mark = ":green[:material/check_circle:]" if document["success"] else ":red[:material/error:]"
    return f"{mark} [{words}]({public_url}/quality/{quote(str(document['validation_id']), safe='')}/)"
