"""Top products of one day in one currency."""

import altair as alt
import pandas as pd
import streamlit as st

from bi.columns import Kind
from bi.lake import Published
from bi.views.showing import ACCENT, EMPTY, choices, is_in, labels, loaded, no_rows, nothing_left, table

COLUMNS = {
    "day": Kind.DAY, "currency": Kind.TEXT, "rank": Kind.WHOLE, "product_id": Kind.TEXT, "category": Kind.TEXT,
    "views": Kind.WHOLE, "carts": Kind.WHOLE, "purchases": Kind.WHOLE, "units": Kind.WHOLE, "revenue": Kind.MONEY,
}  # fmt: skip
PLACES = (10, 25, 50, 100)


def show(published: Published) -> None:
    """Filters, chart and table of the top products."""
    frame = loaded(published, COLUMNS)
    if no_rows(frame):
        return
    first, second, third = st.columns([1, 1, 1])
    days = sorted(choices(frame["day"]), key=lambda day: "" if day == EMPTY else day, reverse=True)
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
    """The top products of one day and currency, by rank. Products without a rank come last."""
    shown = frame[is_in(frame["day"], [day]) & is_in(frame["currency"], [currency])]
    shown = shown[shown["rank"].isna() | (shown["rank"] <= places).fillna(value=False).astype(bool)]
    return shown.sort_values("rank", na_position="last").head(places).reset_index(drop=True)


def chart(shown: pd.DataFrame, currency: str) -> alt.Chart:
    """One bar per product, the highest revenue on top."""
    numbers = {name: shown[name].astype(float) for name in ("rank", "revenue", "units", "views")}
    texts = {name: labels(shown[name]) for name in ("product_id", "category")}
    drawn = pd.DataFrame({**numbers, **texts})
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
