"""Sales by hour and category, in one currency: amounts of different currencies are never added up."""

import altair as alt
import pandas as pd
import streamlit as st

from bi.columns import Kind
from bi.lake import Published
from bi.trust import plain
from bi.views.showing import choices, count, is_in, labels, left_out, loaded, no_rows, nothing_left, table, total

COLUMNS = {
    "hour": Kind.TIME, "currency": Kind.TEXT, "category": Kind.TEXT, "orders": Kind.WHOLE, "units": Kind.WHOLE,
    "revenue": Kind.MONEY, "buyers": Kind.WHOLE,
}  # fmt: skip
PERIODS = {"All": None, "Last 24 hours": 24, "Last 7 days": 24 * 7}


def show(published: Published) -> None:
    """Filters, totals, chart and table of hourly sales."""
    frame = loaded(published, COLUMNS)
    if no_rows(frame):
        return
    currencies = choices(frame["currency"])
    first, second, third = st.columns([1, 1, 3])
    currency = first.selectbox("Currency", currencies, key="currency", bind="query-params")
    period = second.selectbox(
        "Period", list(PERIODS), key="period", bind="query-params", help="Ends at the newest hour"
    )
    picked = third.multiselect(
        "Categories", choices(frame["category"]), key="category", bind="query-params", placeholder="All categories"
    )
    shown = filtered(frame, currency, period, picked)
    if nothing_left(shown):
        return
    revenue, units, average = st.columns(3, border=True)
    money, pieces = total(shown["revenue"]), count(shown["units"])
    revenue.metric(f"Revenue ({plain(currency)})", f"{money:,.2f}")
    units.metric("Units", f"{pieces:,}")
    average.metric(f"Revenue per unit ({plain(currency)})", f"{money / pieces:,.2f}" if pieces else "–")
    left_out(shown, {"revenue": "revenue", "units": "units"})
    if shown["hour"].notna().any():
        st.altair_chart(chart(shown[shown["hour"].notna()], currency), width="stretch")
    table(
        shown,
        published,
        {
            "hour": st.column_config.DatetimeColumn("Hour (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
            "currency": "Currency",
            "category": "Category",
            "orders": st.column_config.NumberColumn("Orders", format="localized"),
            "units": st.column_config.NumberColumn("Units", format="localized"),
            "revenue": st.column_config.NumberColumn(f"Revenue ({currency})", format="%.2f"),
            "buyers": st.column_config.NumberColumn("Buyers", format="localized"),
        },
    )


def filtered(frame: pd.DataFrame, currency: str, period: str, categories: list[str]) -> pd.DataFrame:
    """The rows of one currency, in the period up to the table's newest hour, and of these categories (none: all)."""
    shown = frame[is_in(frame["currency"], [currency])]
    if hours := PERIODS[period]:
        shown = shown[shown["hour"] > frame["hour"].max() - pd.Timedelta(hours=hours)]
    if categories:
        shown = shown[is_in(shown["category"], categories)]
    return shown.sort_values(["hour", "category"], ascending=[False, True]).reset_index(drop=True)


def chart(shown: pd.DataFrame, currency: str) -> alt.Chart:
    """Bars of revenue per hour, stacked by category."""
    drawn = shown.assign(
        revenue=shown["revenue"].astype(float),
        units=shown["units"].astype(float),
        hour=shown["hour"].dt.tz_convert("UTC"),
        category=labels(shown["category"]),
    )[["hour", "category", "revenue", "units"]]
    margin = pd.Timedelta(hours=1)
    first, last = (drawn["hour"].min() - margin).isoformat(), (drawn["hour"].max() + margin).isoformat()
    hours = int((drawn["hour"].max() - drawn["hour"].min()) / margin) + 1
    drawing: alt.Chart = (
        alt.Chart(drawn, height=320)
        .mark_bar(size=max(2, min(48, 700 // hours)))
        .encode(
            # A margin of an hour: the axis of a single hour would have no length.
            x=alt.X("hour:T", title="Hour (UTC)", scale=alt.Scale(type="utc", domain=[first, last])),
            y=alt.Y("sum(revenue):Q", title=f"Revenue ({currency} per hour)"),
            color=alt.Color("category:N", title="Category"),
            tooltip=[
                alt.Tooltip("hour:T", title="Hour (UTC)", format="%Y-%m-%d %H:%M"),
                alt.Tooltip("category:N", title="Category"),
                alt.Tooltip("sum(revenue):Q", title=f"Revenue ({currency})", format=",.2f"),
                alt.Tooltip("sum(units):Q", title="Units", format=","),
            ],
        )
    )
    return drawing
