"""Streamlit as an ASGI application, for uvicorn to listen on a Unix socket: Streamlit's own server cannot."""

import logging
from pathlib import Path

import streamlit as st
from streamlit.web.bootstrap import load_config_options

from bi.serving import OPTIONS

# Streamlit gives uvicorn's loggers a handler of its own; every request would be logged, health checks too.
logging.getLogger("uvicorn.access").disabled = True
# Before the application, which reads them as it is made.
load_config_options(OPTIONS)

application = st.App(Path(__file__).with_name("app.py"))
