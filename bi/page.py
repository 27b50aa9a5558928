"""Common elements of the pages: the heading, the trust strip and the empty states."""

from collections.abc import Callable

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from bi import trust
from bi.lake import Published, TableUnreadableError, published
from bi.places import places


def view(title: str, table: str, show: Callable[[Published], None]) -> None:
    """The page of one gold table: `show` renders its published snapshot."""
    heading(title)
    if found := looked_up(title, table):
        trust.strip(found, places().public_url)
        try:
            show(found)
        except TableUnreadableError as error:
            _unreadable(title, table, error)
        except SQLAlchemyError as error:
            _no_answer("The catalog's database does not respond", error)
        except OSError as error:
            _no_answer("The warehouse does not respond", error)


def heading(title: str) -> None:
    """The title and a link back; omitted if the page is embedded in the control plane, which has its own."""
    if st.context.is_embedded:
        return
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.title(title, anchor=False)
    right.link_button("Control plane", places().public_url, icon=":material/arrow_back:", width="stretch")


def looked_up(title: str, table: str) -> Published | None:
    """The published snapshot; None, with the reason on the page, if there is none."""
    public_url = places().public_url
    try:
        found = published(table)
    except TableUnreadableError as error:
        _unreadable(title, table, error)
        return None
    except SQLAlchemyError as error:
        _no_answer("The catalog's database does not respond", error)
        return None
    except OSError as error:
        _no_answer("The warehouse does not respond", error)
        return None
    if found is None:
        st.info(f"**{title}** has not been published yet.", icon=":material/hourglass_empty:")
        st.markdown(
            f"1. Start the [stream]({public_url}/stream/).\n"
            f"2. Run a [scenario]({public_url}/scenarios/), or send your own events.\n"
            f"3. Trigger the DAG `medallion` on [Runs]({public_url}/runs/). It builds the gold tables and publishes "
            "those that pass their quality gate."
        )
    return found


def _no_answer(what: str, error: Exception) -> None:
    st.error(f"{what}. No data can be shown.", icon=":material/cloud_off:")
    st.markdown(f"See the [overview]({places().public_url}/) for the service that is down, then reload this page.")
    with st.expander("Error details"):
        st.code(str(error).split("\n")[0])


def _unreadable(title: str, table: str, error: TableUnreadableError) -> None:
    public_url = places().public_url
    st.error(f"**{title}** can't be shown. {trust.plain(str(error))}", icon=":material/unknown_document:")
    st.markdown(
        f"See [the table]({public_url}/lakehouse/{table.replace('.', '/')}/) for its metadata. If its files are "
        f"damaged, drop the table in Spark and trigger the DAG `medallion` on [Runs]({public_url}/runs/), which builds "
        "it again from silver."
    )
    with st.expander("Error details"):
        st.code(error.details)
