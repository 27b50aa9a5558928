"""Shopping sessions: count, conversion, and each session."""

import math

import altair as alt
import pandas as pd
import streamlit as st

from bi.columns import Kind
from bi.lake import Published
from bi.trust import plain
from bi.views.showing import ACCENT, choices, is_in, labels, left_out, loaded, no_rows, nothing_left, table, total

COLUMNS = {
    "session_id": Kind.TEXT, "user_id": Kind.TEXT, "started_at": Kind.TIME, "ended_at": Kind.TIME,
    "duration_seconds": Kind.WHOLE, "events": Kind.WHOLE, "views": Kind.WHOLE, "searches": Kind.WHOLE,
    "carts": Kind.WHOLE, "purchases": Kind.WHOLE, "revenue": Kind.MONEY, "currency": Kind.TEXT, "device": Kind.TEXT,
    "country": Kind.TEXT, "converted": Kind.FLAG,
}  # fmt: skip
OUTCOMES = {"All sessions": None, "Converted": True, "Not converted": False}


def show(published: Published) -> None:
    """Filters, metrics, chart and table of the sessions."""
    frame = loaded(published, COLUMNS)
    if no_rows(frame):
        return
    first, second, third, fourth = st.columns(4)
    currency = first.selectbox("Currency", choices(frame["currency"]), key="currency", bind="query-params")
    outcome = second.selectbox("Outcome", list(OUTCOMES), key="outcome", bind="query-params")
    devices = third.multiselect(
        "Devices", choices(frame["device"]), key="device", bind="query-params", placeholder="All devices"
    )
    countries = fourth.multiselect(
        "Countries", choices(frame["country"]), key="country", bind="query-params", placeholder="All countries"
    )
    shown = filtered(frame, currency, outcome, devices, countries)
    if nothing_left(shown):
        return
    sessions, conversion, revenue, median = st.columns(4, border=True)
    sessions.metric("Sessions", f"{len(shown):,}")
    conversion.metric("Conversion", _figure(shown["converted"].astype(float).mean(), ".1%"))
    revenue.metric(f"Revenue ({plain(currency)})", f"{total(shown['revenue']):,.2f}")
    median.metric("Median duration (s)", _figure(shown["duration_seconds"].astype(float).median(), ",.0f"))
    left_out(shown, {"outcome": "converted", "revenue": "revenue", "duration": "duration_seconds"})
    st.altair_chart(chart(shown), width="stretch")
    table(
        shown,
        published,
        {
            "session_id": "Session",
            "user_id": "User",
            "started_at": st.column_config.DatetimeColumn("Start (UTC)", timezone="UTC"),
            "ended_at": st.column_config.DatetimeColumn("End (UTC)", timezone="UTC"),
            "duration_seconds": st.column_config.NumberColumn("Duration (s)", format="localized"),
            "events": st.column_config.NumberColumn("Events", format="localized"),
            "views": st.column_config.NumberColumn("Views", format="localized"),
            "searches": st.column_config.NumberColumn("Searches", format="localized"),
            "carts": st.column_config.NumberColumn("Added to cart", format="localized"),
            "purchases": st.column_config.NumberColumn("Order lines", format="localized"),
            "currency": "Currency",
            "device": "Device",
            "country": "Country",
            "revenue": st.column_config.NumberColumn(f"Revenue ({currency})", format="%.2f"),
            "converted": "Converted",
        },
    )


def _figure(number: float, form: str) -> str:
    return "–" if math.isnan(number) else format(number, form)


def filtered(
    frame: pd.DataFrame, currency: str, outcome: str, devices: list[str], countries: list[str]
) -> pd.DataFrame:
    """The matching sessions, newest first. Empty devices or countries mean all."""
    shown = frame[is_in(frame["currency"], [currency])]
    converted = OUTCOMES[outcome]
    if converted is not None:
        shown = shown[(shown["converted"] == converted).fillna(value=False).astype(bool)]
    if devices:
        shown = shown[is_in(shown["device"], devices)]
    if countries:
        shown = shown[is_in(shown["country"], countries)]
    return shown.sort_values(["started_at", "session_id"], ascending=[False, True]).reset_index(drop=True)


def chart(shown: pd.DataFrame) -> alt.Chart:
    """The conversion by device."""
    by_device = pd.DataFrame({"device": labels(shown["device"]), "converted": shown["converted"].astype(float)})
    drawn = by_device.groupby("device", as_index=False).agg(sessions=("converted", "size"), share=("converted", "mean"))
    drawing: alt.Chart = (
        alt.Chart(drawn, height=alt.Step(36))
        .mark_bar(color=ACCENT)
        .encode(
            x=alt.X("share:Q", title="Conversion (%)", axis=alt.Axis(format=".0%")),
            y=alt.Y("device:N", title="Device"),
            tooltip=[
                alt.Tooltip("device:N", title="Device"),
                alt.Tooltip("share:Q", title="Conversion", format=".1%"),
                alt.Tooltip("sessions:Q", title="Sessions", format=","),
            ],
        )
    )
    return drawing
