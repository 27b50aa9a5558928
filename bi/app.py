"""The dashboards, one page per gold view. Page and filters are in the URL, so that a link reproduces the view."""

from pathlib import Path

import streamlit as st

# Streamlit's own icon: a named icon would be loaded from another site.
ICON = Path(st.__file__).parent / "static" / "favicon.png"
st.set_page_config(page_title="Lakehouse dashboards", page_icon=str(ICON), layout="wide")
st.navigation(
    [
        st.Page("screens/start.py", title="Dashboards", icon=":material/home:", default=True),
        st.Page("screens/hourly_sales.py", title="Hourly sales", icon=":material/schedule:"),
        st.Page("screens/top_products.py", title="Top products", icon=":material/trophy:"),
        st.Page("screens/user_sessions.py", title="User sessions", icon=":material/group:"),
    ],
    position="top",
).run()
