"""Streamlit as an ASGI application for uvicorn, since Streamlit's own server can't listen on a Unix socket."""

import logging
from pathlib import Path

import streamlit as st
from streamlit.web.bootstrap import load_config_options

from bi.serving import OPTIONS

# Streamlit adds its own handler to uvicorn's loggers, which would log every request including health checks.
logging.getLogger("uvicorn.access").disabled = True
# Before the application is created, which reads the options.
load_config_options(OPTIONS)

application = st.App(Path(__file__).with_name("app.py"))
