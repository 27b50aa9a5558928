"""The trust strip above every view: age, snapshot, run and quality gate of the data."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import streamlit as st

from bi.addresses import producer_path
from bi.lake import Published, verdict

# ASCII punctuation, which Markdown allows to escape with a backslash.
_MARKS = re.compile(r"([!-/:-@\[-`{-~])")
# The longest run id that is shown in full.
_SHOWN = 100


def strip(of: Published, public_url: str) -> None:
    """Age, snapshot, run and validation result of the shown data, each linked to its page in the control plane."""
    namespace, name = of.table.split(".")
    published, snapshot, run, gate = st.columns([1, 1.4, 1.6, 1.6], border=True)
    with published:
        st.caption("Published")
        if of.committed_at is None:
            st.markdown("Unknown: the time of the commit is out of range")
        else:
            age = ago(datetime.now(UTC) - of.committed_at)
            st.markdown(f"**{age}**", help=of.committed_at.isoformat(" ", "seconds"))
    with snapshot:
        st.caption("Snapshot")
        st.markdown(f"[{of.snapshot_id}]({public_url}/lakehouse/{namespace}/{name}/)")
    with run:
        st.caption("Produced by")
        st.markdown(_run(of, public_url))
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


def _run(of: Published, public_url: str) -> str:
    if not of.run_id:
        return "Unknown: no run recorded in the commit"
    shown = plain(of.run_id if len(of.run_id) <= _SHOWN else f"{of.run_id[:_SHOWN]}…")
    path = producer_path(of.job, of.run_id)
    return f"[{shown}]({public_url}{path})" if path else shown


def plain(text: str) -> str:
    """Escape text for Streamlit's Markdown, as one line: text of other programs, such as the run id in a commit, is
    untrusted."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def _gate(of: Published, public_url: str) -> str:
    found = verdict(of)
    if found.document is None:
        words = ":gray[:material/help: Unknown: no validation of this snapshot found]"
        if not found.problems:
            return words
        number = len(found.problems)
        what = "1 document" if number == 1 else f"{number} documents"
        why = f"{what} can't be read ({plain(found.problems[0])}{' …' if number > 1 else ''})"
        return f"{words}. {why}. See [Quality]({public_url}/quality/)."
    return _result(found.document, public_url)


def _result(document: dict[str, Any], public_url: str) -> str:
    """The result of a validation. A value of another type is unknown."""
    success, results = document.get("success"), document.get("expectations")
    if isinstance(results, list):
        held = sum(1 for one in results if isinstance(one, dict) and one.get("success") is True)
        words = f"{held} of {len(results)} expectations passed"
    else:
        words = "number of expectations unknown"
    if success is True:
        mark = ":green[:material/check_circle:]"
    elif success is False:
        mark = ":red[:material/error:]"
    else:
        mark, words = ":gray[:material/help:]", f"Unknown result, {words}"
    try:
        return f"{mark} [{words}]({public_url}/quality/{UUID(str(document.get('validation_id')))}/)"
    except ValueError:
        return f"{mark} {words}"
