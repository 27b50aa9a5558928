"""Top products of one day in one currency."""

import altair as alt
import pandas as pd
import streamlit as st

from bi.lake import Published, rows
from bi.views.showing import ACCENT, choices, no_rows, nothing_left, table

PLACES = (10, 25, 50, 100)


def show(published: Published) -> None:
    """Filters, chart and table of the top products."""
    frame = rows(published)
    if no_rows(frame):
        return
    first, second, third = st.columns([1, 1, 1])
    days = [day.isoformat() for day in sorted(frame["day"].unique(), reverse=True)]
    day = first.selectbox("Day (UTC)", days, key="day", bind="query-params")
    currency = second.selectbox("Currency", choices(frame["currency"]), key="currency", bind="query-params")
    places = third.selectbox("Top N", PLACES, key="places", bind="query-params")
    shown = filtered(frame, day, currency, places)
    if nothing_left(shown):
        return
    st.altair_chart(chart(shown, currency), width="stretch")
    table(
        shown,
        published,
        {
            "day": "Day (UTC)",
            "currency": "Currency",
            "rank": "Rank",
            "product_id": "Product",
            "category": "Category",
            "views": st.column_config.NumberColumn("Views", format="localized"),
            "carts": st.column_config.NumberColumn("Added to cart", format="localized"),
            "purchases": st.column_config.NumberColumn("Order lines", format="localized"),
            "units": st.column_config.NumberColumn("Units", format="localized"),
            "revenue": st.column_config.NumberColumn(f"Revenue ({currency})", format="%.2f"),
        },
    )


def filtered(frame: pd.DataFrame, day: str, currency: str, places: int) -> pd.DataFrame:
    """The top products of one day and currency, by rank."""
    of_day = frame["day"].map(lambda one: one.isoformat()) == day
    shown = frame[of_day & (frame["currency"] == currency) & (frame["rank"] <= places)]
    return shown.sort_values("rank").reset_index(drop=True)


def chart(shown: pd.DataFrame, currency: str) -> alt.Chart:
    """One bar per product, the highest revenue on top."""
    drawn = shown.assign(revenue=shown["revenue"].astype(float), day=shown["day"].astype(str))
    drawing: alt.Chart = (
        alt.Chart(drawn, height=max(160, 22 * len(drawn)))
        .mark_bar(color=ACCENT)
        .encode(
            x=alt.X("revenue:Q", title=f"Revenue ({currency} per day)"),
            y=alt.Y("product_id:N", title="Product", sort=None),
            tooltip=[
                alt.Tooltip("rank:Q", title="Rank"),
                alt.Tooltip("product_id:N", title="Product"),
                alt.Tooltip("category:N", title="Category"),
                alt.Tooltip("revenue:Q", title=f"Revenue ({currency})", format=",.2f"),
                alt.Tooltip("units:Q", title="Units", format=","),
                alt.Tooltip("views:Q", title="Views", format=","),
            ],
        )
    )
    return drawing
