"""The start page: each view with its trust strip."""

import streamlit as st

from bi import page, trust
from bi.places import places

VIEWS = (
    ("Hourly sales", "gold.hourly_sales", "Orders, units and revenue by hour and category."),
    ("Top products", "gold.top_products", "Top products by revenue per day."),
    ("User sessions", "gold.user_sessions", "Shopping sessions and conversion."),
)

page.heading("Dashboards")
for title, table, about in VIEWS:
    st.subheader(title, anchor=False)
    if found := page.looked_up(title, table):
        trust.strip(found, places().public_url)
        st.page_link(f"screens/{table.removeprefix('gold.')}.py", label=about, icon=":material/arrow_forward:")
