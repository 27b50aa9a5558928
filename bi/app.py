"""The gold views, a page each. The page and its filters live in the address, so that a link says it all."""

from pathlib import Path

import streamlit as st

# Streamlit's own: for a named icon, browsers would be sent to another site.
ICON = Path(st.__file__).parent / "static" / "favicon.png"
st.set_page_config(page_title="Lakehouse figures", page_icon=str(ICON), layout="wide")
st.navigation(
    [
        st.Page("screens/start.py", title="Figures", icon=":material/home:", default=True),
        st.Page("screens/hourly_sales.py", title="Hourly sales", icon=":material/schedule:"),
        st.Page("screens/top_products.py", title="Top products", icon=":material/trophy:"),
        st.Page("screens/user_sessions.py", title="User sessions", icon=":material/group:"),
    ],
    position="top",
).run()
