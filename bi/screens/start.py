"""The first page: each view, what it shows, and whether it can be trusted now."""

import streamlit as st

from bi import page, trust
from bi.places import places

VIEWS = (
    ("Hourly sales", "gold.hourly_sales", "Orders, units and revenue by hour and category."),
    ("Top products", "gold.top_products", "The best sellers of each day."),
    ("User sessions", "gold.user_sessions", "How shoppers browse, and how many of them buy."),
)

page.heading("Figures")
for title, table, about in VIEWS:
    st.subheader(title, anchor=False)
    if found := page.looked_up(title, table):
        trust.strip(found, places().public_url)
        st.page_link(f"screens/{table.removeprefix('gold.')}.py", label=about, icon=":material/arrow_forward:")
