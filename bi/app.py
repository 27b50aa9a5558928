"""Three views of the gold tables. The chosen view and its filters live in the address, so that a link says it all."""

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from bi import lake, trust
from bi.places import places
from bi.views import hourly_sales, top_products, user_sessions

# By the title, which is also how the address names the view: `?view=Top products`.
VIEWS = {
    "Hourly sales": ("gold.hourly_sales", hourly_sales.show),
    "Top products": ("gold.top_products", top_products.show),
    "User sessions": ("gold.user_sessions", user_sessions.show),
}
FIRST = "Hourly sales"


def main() -> None:
    """The whole page."""
    st.set_page_config(page_title="Lakehouse figures", page_icon=":material/bar_chart:", layout="wide")
    public_url = places().public_url
    title, back = st.columns([5, 1], vertical_alignment="center")
    title.title("Figures", anchor=False)
    back.link_button("Control plane", public_url, icon=":material/arrow_back:", width="stretch")
    chosen = st.segmented_control(
        "View",
        list(VIEWS),
        default=FIRST,
        required=True,
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
    name = chosen or FIRST
    table, show = VIEWS[name]
    try:
        published = lake.published(table)
    except SQLAlchemyError as error:
        st.error("The catalogue's database does not answer, so no figures can be shown.", icon=":material/cloud_off:")
        st.markdown(f"See which part is down on the [overview]({public_url}/), then reload this page.")
        with st.expander("Technical detail"):
            st.code(str(error).split("\n")[0])
        return
    if published is None:
        nothing_yet(name, public_url)
        return
    trust.strip(published, public_url)
    show(published)


def nothing_yet(title: str, public_url: str) -> None:
    """What belongs here, and how to get it."""
    st.info(f"**{title}** has not been published yet.", icon=":material/hourglass_empty:")
    st.markdown(
        f"1. Start the [stream]({public_url}/stream/).\n"
        f"2. Run a [scenario]({public_url}/scenarios/), or send events of your own.\n"
        f"3. Run the DAG `medallion` on [Runs]({public_url}/runs/): it builds the gold tables and publishes those "
        "that pass their gate."
    )


main()
