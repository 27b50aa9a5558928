"""What the pages have in common: the heading, the strip, and what stands there when there is nothing."""

from collections.abc import Callable

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from bi import trust
from bi.lake import Published, published
from bi.places import places


def view(title: str, table: str, show: Callable[[Published], None]) -> None:
    """The page of one gold table: what `show` draws of its published snapshot."""
    heading(title)
    try:
        if found := looked_up(title, table):
            trust.strip(found, places().public_url)
            show(found)
    except OSError as error:
        _no_answer("The warehouse does not answer", error)


def heading(title: str) -> None:
    """The title and the way back; left out where the control plane frames the page and has its own."""
    if st.context.is_embedded:
        return
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.title(title, anchor=False)
    right.link_button("Control plane", places().public_url, icon=":material/arrow_back:", width="stretch")


def looked_up(title: str, table: str) -> Published | None:
    """The published snapshot; None, with the reason on the page, when there is none to show."""
    public_url = places().public_url
    try:
        found = published(table)
    except SQLAlchemyError as error:
        _no_answer("The catalogue's database does not answer", error)
        return None
    except OSError as error:
        _no_answer("The warehouse does not answer", error)
        return None
    if found is None:
        st.info(f"**{title}** has not been published yet.", icon=":material/hourglass_empty:")
        st.markdown(
            f"1. Start the [stream]({public_url}/stream/).\n"
            f"2. Run a [scenario]({public_url}/scenarios/), or send events of your own.\n"
            f"3. Run the DAG `medallion` on [Runs]({public_url}/runs/): it builds the gold tables and publishes those "
            "that pass their gate."
        )
    return found


def _no_answer(what: str, error: Exception) -> None:
    st.error(f"{what}, so no figures can be shown.", icon=":material/cloud_off:")
    st.markdown(f"See which part is down on the [overview]({places().public_url}/), then reload this page.")
    with st.expander("Technical detail"):
        st.code(str(error).split("\n")[0])
